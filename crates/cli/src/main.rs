//! The `outcrop` binary: `serve` runs the server, `decode` reads files for it, `verify` reads its folder, every
//! other command is a client that speaks HTTP to a server.
//!
//! Data goes to standard output, everything else to standard error. The exit code is 0 when all went well,
//! 1 when something failed, 2 when the command line makes no sense.
#![expect(
    clippy::disallowed_methods,
    reason = "a command line program reads the files it is given"
)]
#![expect(
    clippy::print_stdout,
    reason = "a command line program prints its data"
)]

mod allocator;
mod client;
mod commands;

use clap::{Parser, Subcommand};
use commands::{decode, dev, load, serve, sql, verify};
use std::process::ExitCode;

/// A real-time analytics database: JSON documents in, SQL out, over Rockset's REST API.
#[derive(Parser)]
#[command(name = "outcrop", version)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Serve(serve::Arguments),
    Sql(sql::Arguments),
    Load(load::Arguments),
    Verify(verify::Arguments),
    #[command(hide = true)]
    Decode(decode::Arguments),
    #[command(hide = true)]
    Dev(dev::Arguments),
}

fn main() -> ExitCode {
    let result = match CommandLine::parse().command {
        Command::Serve(arguments) => serve::run(arguments),
        Command::Sql(arguments) => sql::run(arguments),
        Command::Load(arguments) => load::run(arguments),
        Command::Verify(arguments) => verify::run(arguments),
        Command::Decode(arguments) => decode::run(arguments),
        Command::Dev(arguments) => dev::run(arguments),
    };
    result.unwrap_or_else(|error| {
        eprintln!("outcrop: {}", describe(&error));
        ExitCode::FAILURE
    })
}

/// The error and its causes in one line. A cause that the text before it tells already is left out.
fn describe(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if line.ends_with(&cause) {
            continue;
        }
        if !line.is_empty() {
            line.push_str(": ");
        }
        line.push_str(&cause);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::describe;

    #[test]
    fn a_cause_is_told_once() {
        let inner = anyhow::anyhow!("no space");
        let outer = inner
            .context("cannot write: no space")
            .context("cannot start");
        assert_eq!(describe(&outer), "cannot start: cannot write: no space");
    }
}
