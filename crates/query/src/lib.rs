//! SQL over collections.

pub mod binder;
pub mod dialect;
mod error;
pub mod functions;
pub mod operators;
mod parameters;
pub mod types;

pub use error::{Position, QueryError};
pub use parameters::Parameter;
