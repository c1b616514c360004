//! The SQL text: from characters to a syntax tree with positions.
//!
//! The work is done by `sqlparser`, in three steps:
//!
//! 1. [`tokens`] splits the text and rewrites the few forms that the parser has no hook for: hints,
//!    parameters, the inner alias of `UNNEST`, trailing commas. Every token keeps its place in the
//!    text. Limits on size and nesting are kept here, before anything recursive runs.
//! 2. [`grammar`] is the dialect itself: identifiers, and what an expression may start with or go on
//!    with ([`expression`]).
//! 3. [`statement`] picks out the one query and everything around it.
//!
//! What the syntax tree has no node for is written as a marker of [`marker`].

mod expression;
mod grammar;
mod insert;
mod level;
pub(crate) mod marker;
mod script;
mod statement;
mod tokens;
mod values;

#[cfg(test)]
mod tests;

pub use insert::Insert;
pub use script::Script;
pub use statement::{Describe, Explain, Statement, parse};
