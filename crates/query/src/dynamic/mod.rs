//! Dynamic values: columns of K-encoded values of any type, and the rules of the dialect per value.
//!
//! [`ValueColumn`] reads any column of a plan as values, [`ValueColumnBuilder`] writes one. The
//! modules [`order`] and [`arithmetic`] hold the rules for single values; [`kernels`]
//! apply them to columns, comparing K bytes without decoding where they can; [`rows`] is the
//! row-wise path for everything else.

pub(crate) mod arithmetic;
mod column;
mod error;
pub(crate) mod kernels;
pub(crate) mod order;
pub(crate) mod rows;

pub(crate) use column::{ValueColumn, ValueColumnBuilder, scalar_value, to_scalar};
pub use error::EvaluationError;
