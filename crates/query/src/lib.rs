//! SQL over collections.

pub mod binder;
pub mod dialect;
mod error;
pub mod functions;
pub mod operators;
pub mod types;

pub use error::{Position, QueryError};
