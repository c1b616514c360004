//! SQL over collections.

pub mod binder;
mod cast;
pub mod dialect;
mod direct;
pub mod dynamic;
mod engine;
mod error;
mod execution;
pub mod functions;
mod geography;
mod insert;
mod memory;
pub mod operators;
mod parameters;
mod resolver;
mod rows;
pub mod scan;
mod script;
mod stoppable;
#[cfg(test)]
mod testing;
mod transformation;
pub mod types;
mod validation;
mod watched;

pub use engine::{Engine, EngineOptions, QueryOutput, QueryRequest, Reach};
pub use error::{Position, QueryError};
pub use insert::{DocumentSink, INSERT_CHUNK_BYTES};
pub use memory::MemoryGauge;
pub use parameters::Parameter;
pub use resolver::{Collections, Indirection};
pub use scan::{AccessKind, Definer, ResolvedView};
pub use script::ScriptError;
pub use transformation::{GroupPart, RolledUp, Transformation, Transformed};
pub use validation::Validation;
