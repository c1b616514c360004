//! Documents: values, their types and order, field paths, JSON in and out, the K encoding, patches.
//!
//! This is the vocabulary that every other crate speaks. It does no input or output, knows no
//! Arrow and no SQL, and never reads a clock.
//!
//! - [`Value`] and [`ValueType`]: one dynamically typed value, with the total order of `ORDER BY`;
//! - [`Date`], [`Time`], [`Datetime`], [`Timestamp`]: calendar types with their text forms;
//! - [`FieldPath`]: `a.b."odd name"`;
//! - [`json`]: parsing, extended JSON (`__rockset_type`), the result encoding;
//! - [`k`]: the one binary form of a value, whose byte order is the value order;
//! - [`patch`]: RFC 6902 patches with `INCREMENT`.

pub mod json;
pub mod k;
pub mod patch;

mod geography;
mod path;
mod temporal;
mod value;
mod value_type;

#[cfg(test)]
mod strategies;

pub use geography::{Geography, GeographyError, Position};
pub use json::{JsonError, NESTING_MAX, TypedValueError};
pub use patch::{Patch, PatchError};
pub use path::{FieldPath, ParsePathError};
pub use temporal::{Date, Datetime, ParseTemporalError, TemporalReason, Time, Timestamp};
pub use value::{Object, Value};
pub use value_type::ValueType;
