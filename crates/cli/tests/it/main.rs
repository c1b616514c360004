//! The commands of the binary against a server that is the same binary.
#![expect(
    clippy::disallowed_methods,
    reason = "tests write the files that they load"
)]
#![expect(
    clippy::unwrap_used,
    reason = "a helper that cannot go on fails its test"
)]

mod load;
mod serve;
mod server;
mod sql;
mod uploads;
mod verify;
