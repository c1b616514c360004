//! Tests of SQL through [`outcrop_query::Engine`]: text in, JSON rows out.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::disallowed_methods, reason = "tests read their own files")]

mod access_paths;
mod binder;
mod cancellation;
mod datafusion_records;
mod describe;
mod direct;
mod engine;
mod fixture;
mod layouts;
mod metamorphic;
mod nonsense;
mod random_filters;
mod rollup_states;
mod scan;
mod shapes;
mod slt;
mod store;
mod views;
