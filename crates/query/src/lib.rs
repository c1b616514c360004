//! SQL over collections.

pub mod functions;
pub mod operators;
pub mod types;
