//! `outcrop dev`: hidden commands for the tests and the benchmark of this repository.

mod events;
mod hammer;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use std::io::Write;
use std::process::ExitCode;

/// Tools for developing Outcrop.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print generated events, one JSON document per line
    Events(EventsArguments),
    /// Write generated events with many clients at once and print the times as JSON
    Hammer(hammer::Arguments),
}

/// Print generated events.
#[derive(Args)]
struct EventsArguments {
    /// How many
    #[arg(long, default_value_t = 1000)]
    count: u64,
    /// The same seed gives the same documents
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Runs the command.
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    match arguments.command {
        Command::Events(arguments) => print_events(&arguments)?,
        Command::Hammer(arguments) => hammer::run(&arguments)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn print_events(arguments: &EventsArguments) -> Result<()> {
    let mut output = std::io::BufWriter::new(std::io::stdout().lock());
    for index in 0..arguments.count {
        let mut line = events::event(arguments.seed, index);
        line.push(b'\n');
        output
            .write_all(&line)
            .context("cannot write to standard output")?;
    }
    output.flush().context("cannot write to standard output")
}
