//! `outcrop sql`: one query, a script from standard input, or an interactive shell.
//!
//! - [`statement`] cuts text into statements at `;`.
//! - [`query`] runs one and gives its rows and times.
//! - [`output`] prints rows as a table or as JSON lines, and errors with a caret under their position.
//! - [`shell`] is the interactive loop.

mod output;
mod query;
mod shell;
mod statement;

use crate::client::{Client, Connection};
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use std::io::{IsTerminal, Read};
use std::process::ExitCode;

/// Run SQL: a query given as argument, statements from standard input, or an interactive shell.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The query; without it, reads standard input, or opens a shell on a terminal
    query: Option<String>,
    #[command(flatten)]
    connection: Connection,
    /// How rows are printed: aligned columns, or one JSON object per line
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// How rows are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Aligned columns.
    Table,
    /// One JSON object per line, as the server sent it.
    Json,
}

/// Runs the command. Exit code 1 if a statement failed.
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    let client = Client::new(&arguments.connection)?;
    let script = match arguments.query {
        Some(query) => query,
        None if std::io::stdin().is_terminal() => return shell::run(&client, arguments.format),
        None => {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .context("cannot read standard input")?;
            text
        }
    };
    for statement in statement::split(&script) {
        if !run_one(&client, statement, arguments.format) {
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs one statement, prints its rows to standard output and the rest to standard error; true if it worked.
fn run_one(client: &Client, statement: &str, format: Format) -> bool {
    match query::run(client, statement) {
        Ok(answer) => match output::print(&answer, format) {
            Ok(()) => true,
            Err(error) => {
                eprintln!("outcrop: {error:#}");
                false
            }
        },
        Err(error) => {
            eprint!("{}", output::describe_error(&error, statement));
            false
        }
    }
}
