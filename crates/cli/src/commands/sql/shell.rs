//! The interactive shell: history, several lines up to `;`, a few backslash commands.

use super::{Format, run_one, statement};
use crate::client::Client;
use anyhow::{Context, Result};
use outcrop_api::Data;
use outcrop_api::collection::Collection;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Editor, Helper};
use std::path::PathBuf;
use std::process::ExitCode;

const HELP: &str = "\
Statements end with `;` and may have several lines.
  \\l              list the collections
  \\f table|json   how rows are printed
  \\?              this help
  \\q              leave (so does Ctrl-D); Ctrl-C drops the current line";

/// What rustyline asks about the text so far. Only the end of a statement is of interest here.
struct SqlHelper;

impl Helper for SqlHelper {}
impl Highlighter for SqlHelper {}

impl Completer for SqlHelper {
    type Candidate = String;
}

impl Hinter for SqlHelper {
    type Hint = String;
}

impl Validator for SqlHelper {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let input = context.input();
        let complete = input.trim_start().starts_with('\\') || statement::is_complete(input);
        Ok(if complete {
            ValidationResult::Valid(None)
        } else {
            ValidationResult::Incomplete
        })
    }
}

/// What follows a line of input.
enum Next {
    Continue,
    Leave,
}

/// Reads and runs statements until the end of input.
pub(crate) fn run(client: &Client, mut format: Format) -> Result<ExitCode> {
    let mut editor: Editor<SqlHelper, FileHistory> =
        Editor::new().context("cannot use this terminal")?;
    editor.set_helper(Some(SqlHelper));
    let history = history_file();
    if let Some(path) = &history {
        // The first run has no history yet.
        drop(editor.load_history(path));
    }
    eprintln!(
        "Outcrop {}. End a statement with `;`, \\? for help.",
        env!("CARGO_PKG_VERSION")
    );
    loop {
        match editor.readline("outcrop> ") {
            Ok(input) if input.trim().is_empty() => {}
            Ok(input) => {
                editor
                    .add_history_entry(input.trim())
                    .context("cannot extend the history")?;
                if let Next::Leave = handle(client, &input, &mut format) {
                    break;
                }
            }
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(error).context("cannot read from the terminal"),
        }
    }
    if let Some(path) = &history
        && let Err(error) = editor.save_history(path)
    {
        eprintln!("outcrop: cannot write `{}`: {error}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}

fn handle(client: &Client, input: &str, format: &mut Format) -> Next {
    if let Some(command) = input.trim().strip_prefix('\\') {
        return backslash(client, command, format);
    }
    for statement in statement::split(input) {
        // The statements after a failed one were written with its success in mind.
        if !run_one(client, statement, *format) {
            break;
        }
    }
    Next::Continue
}

fn backslash(client: &Client, command: &str, format: &mut Format) -> Next {
    match command.split_whitespace().collect::<Vec<_>>().as_slice() {
        ["q" | "quit"] => return Next::Leave,
        ["?" | "h" | "help"] => eprintln!("{HELP}"),
        ["l"] => list_collections(client),
        ["f", "table"] => *format = Format::Table,
        ["f", "json"] => *format = Format::Json,
        _ => eprintln!("unknown command `\\{command}`\n{HELP}"),
    }
    Next::Continue
}

fn list_collections(client: &Client) {
    match client.get::<Data<Vec<Collection>>>("collections") {
        Ok(collections) => {
            for collection in collections.data {
                let part = |name: Option<String>| name.unwrap_or_default();
                println!("{}.{}", part(collection.workspace), part(collection.name));
            }
        }
        Err(error) => eprintln!("error: {error}"),
    }
}

fn history_file() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").or_else(|| std::env::var_os("USERPROFILE"))?;
    Some(PathBuf::from(home).join(".outcrop_history"))
}
