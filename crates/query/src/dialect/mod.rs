//! The SQL text: from characters to a syntax tree with positions.
