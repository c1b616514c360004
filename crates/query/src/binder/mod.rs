//! From the syntax tree to a DataFusion logical plan: names, types and clauses.
