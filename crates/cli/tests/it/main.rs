//! The commands of the binary against a server that is the same binary.
#![expect(
    clippy::disallowed_methods,
    reason = "tests write the files that they load"
)]

mod load;
mod serve;
mod server;
mod sql;
