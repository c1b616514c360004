//! Documents on their way into a collection, whichever way they came.
//!
//! [`transformations`] holds the compiled ingest transformations, [`id`] and [`settle`] give a
//! document its `_id`, `_event_time` and size limit, [`op`] reads the `_op` that a transformation may
//! give it, [`rollup`] merges the parts of groups into stored documents, and [`insert`] stores what an
//! `INSERT INTO` selects.

pub(crate) mod id;
pub(crate) mod insert;
pub(crate) mod op;
pub(crate) mod rollup;
pub(crate) mod settle;
pub(crate) mod transformations;
