//! `outcrop serve`: the server in the foreground.

use anyhow::{Result, bail};
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// Run the server on a local folder.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Folder of the data; made at the first start
    #[arg(
        long,
        env = "OUTCROP_DATA",
        default_value = "./outcrop-data",
        value_name = "DIR"
    )]
    data: PathBuf,
    /// Address to serve HTTP on
    #[arg(
        long,
        env = "OUTCROP_HTTP",
        default_value = "127.0.0.1:8080",
        value_name = "ADDRESS"
    )]
    http: SocketAddr,
    /// Address to serve HTTPS on as well, with a certificate that is made at the first start
    #[arg(long, env = "OUTCROP_HTTPS", value_name = "ADDRESS")]
    https: Option<SocketAddr>,
    /// What to log: a level, or filters such as `info,outcrop_storage=debug`
    #[arg(
        long,
        env = "OUTCROP_LOG",
        default_value = "warn",
        value_name = "FILTER"
    )]
    log: String,
}

/// Runs until SIGTERM or SIGINT, then writes everything to disk.
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    bail!(
        "the server for `{}` is not part of this build yet",
        arguments.data.display()
    )
}
