//! The HTTP server: routes, keys, limits, and errors as clients expect them.
//!
//! A request goes through these files in turn: `listener.rs` accepts the connection, `router.rs`
//! finds the operation in the table of `operations.rs`, `dispatch.rs` checks key, privileges (`access.rs`),
//! headers and body, and a function in `handlers/` answers. Whatever fails becomes a response in `error.rs`.
//!
//! SQL, storage and the wire types live in other crates; this one knows statuses and headers.

mod access;
mod admission;
mod app;
mod auth;
mod blocking;
mod body;
mod call;
mod clustering;
mod config;
mod dispatch;
mod error;
mod events;
mod handlers;
mod headers;
mod ids;
mod ingest;
mod instances;
mod listener;
mod memory;
mod metrics;
mod negotiation;
mod openapi;
mod operations;
mod process;
mod queries;
mod query_source;
mod receiver;
mod router;
mod scheduler;
mod server;
mod shape;
mod tls;
mod upload;

pub use config::{Limits, ServerConfig};
pub use memory::MEMORY_BYTES_MIN;
pub use openapi::description;
pub use operations::{BEYOND_SPECIFICATION, Method, Need, Operation, SPECIFICATION};
pub use outcrop_storage::Environment;
pub use outcrop_storage::env::{BucketOptions, is_bucket_url};
pub use server::{RunningServer, Server, StartError};
pub use tls::{CA_PATH, TlsError};
pub use upload::DecoderCommand;
