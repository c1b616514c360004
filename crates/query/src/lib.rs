//! SQL over collections.
