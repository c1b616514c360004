//! `outcrop load`: files into a collection.
//!
//! The path of a document: [`input`] opens the file and undoes gzip, [`records`] cuts it into documents with
//! the line each began on ([`csv`] for tables, [`json`] for the rest), [`lane`] gathers them into bounded
//! batches, several on their way at once, and [`sender`] posts a batch and reads the status of each
//! document. [`report`] collects what went wrong and shows the progress.

mod batch;
mod csv;
mod input;
mod json;
mod lane;
mod records;
mod report;
mod sender;
mod target;

use crate::client::{Client, Connection};
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Load documents from files: JSON lines, a JSON array, JSON objects one after another, or CSV.
///
/// Gzip is recognised by its first bytes. A document with an `_id` that the collection has replaces it; two
/// versions of one `_id` keep their order. A bad line is reported with its number and does not stop the rest.
///
/// CSV needs a header line. Each cell is read like a JSON literal: a cell that is a JSON number becomes an int
/// or a float, `true` and `false` become booleans, an empty cell leaves its field out, anything else is a
/// string. So `007` stays a string, as do integers of more than 64 bits.
///
/// Exit code 1 if any document failed.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Files to load; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The collection, as `workspace.name`; without a workspace, in `commons`
    #[arg(long, value_name = "WORKSPACE.NAME")]
    collection: String,
    /// Make the collection, and its workspace, if there is none yet
    #[arg(long)]
    create: bool,
    /// What the files hold; `auto` takes CSV for names that end in .csv or .tsv (or .csv.gz, .tsv.gz), else JSON
    #[arg(long, value_enum, default_value_t = Format::Auto)]
    format: Format,
    /// What separates the cells of CSV; a comma by default, a tab for .tsv
    #[arg(long, value_name = "CHARACTER")]
    delimiter: Option<char>,
    /// Documents in one request, at most
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000), value_name = "COUNT")]
    batch: u32,
    /// Requests on their way at the same time
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64), value_name = "COUNT")]
    parallel: u32,
    #[command(flatten)]
    connection: Connection,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// By the name and the first bytes.
    Auto,
    /// JSON lines, an array, or objects one after another; told apart by the first bytes.
    Json,
    /// A table with a header.
    Csv,
}

/// Runs the command. Exit code 1 if any document failed.
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    let client = Arc::new(Client::new(&arguments.connection)?);
    let target = target::Target::parse(&arguments.collection)?;
    if arguments.create {
        target.create(&client)?;
    }
    let sizes = input::total_bytes(&arguments.files)?;
    let report = Arc::new(report::Report::new(sizes));
    let stop = Arc::new(AtomicBool::new(false));
    let lanes = lane::Lanes::start(&lane::Options {
        client,
        path: target.documents_path(),
        parallel: arguments.parallel as usize,
        documents_max: arguments.batch as usize,
        report: Arc::clone(&report),
        stop: Arc::clone(&stop),
    });
    let read = read_files(&arguments, lanes, &report);
    let failed = report.finish(&target.to_string());
    read?;
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Reads the files one after another; a file that cannot be read is reported, and the next one follows.
fn read_files(
    arguments: &Arguments,
    mut lanes: lane::Lanes,
    report: &Arc<report::Report>,
) -> Result<()> {
    for path in &arguments.files {
        let name: Arc<str> = path.to_string_lossy().into();
        let format = Format::of(arguments.format, path);
        let delimiter = delimiter(arguments.delimiter, path)?;
        let input = match input::open(path, report) {
            Ok(input) => input,
            Err(error) => {
                report.file_failed(&name, &format!("{error:#}"));
                continue;
            }
        };
        let result = records::read(input, format, delimiter, &mut |record| match record {
            records::Record::Document { line, json } => lanes.push(&name, line, json),
            records::Record::Bad { line, reason } => {
                report.line_failed(&name, line, &reason);
                lanes.keep_going()
            }
        });
        if let Err(error) = result {
            report.file_failed(&name, &format!("{:#}", anyhow::Error::from(error)));
        }
        if !lanes.keep_going() {
            break;
        }
    }
    lanes.finish().context("the rest was not sent")
}

impl Format {
    /// Settles `Auto` by the name of the file.
    fn of(asked: Self, path: &Path) -> Self {
        match asked {
            Self::Auto if matches!(kind(path), Some("csv" | "tsv")) => Self::Csv,
            Self::Auto => Self::Json,
            settled => settled,
        }
    }
}

/// The extension that says what the file holds, `.gz` aside.
fn kind(path: &Path) -> Option<&str> {
    let name = path.file_name()?.to_str()?;
    let name = name.strip_suffix(".gz").unwrap_or(name);
    Path::new(name).extension()?.to_str()
}

fn delimiter(asked: Option<char>, path: &Path) -> Result<u8> {
    match asked {
        Some(character) => u8::try_from(character)
            .ok()
            .filter(u8::is_ascii)
            .with_context(|| format!("`--delimiter {character}` is not an ASCII character")),
        None if kind(path) == Some("tsv") => Ok(b'\t'),
        None => Ok(b','),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_tells_csv_from_json() {
        let format = |name| Format::of(Format::Auto, Path::new(name));
        assert_eq!(format("a/b.csv"), Format::Csv);
        assert_eq!(format("b.tsv.gz"), Format::Csv);
        assert_eq!(format("b.json.gz"), Format::Json);
        assert_eq!(format("-"), Format::Json);
        assert_eq!(Format::of(Format::Csv, Path::new("x.json")), Format::Csv);
    }

    #[test]
    fn a_delimiter_is_one_byte() {
        assert_eq!(delimiter(None, Path::new("x.tsv")).unwrap(), b'\t');
        assert_eq!(delimiter(Some(';'), Path::new("x.tsv")).unwrap(), b';');
        assert!(delimiter(Some('→'), Path::new("x.csv")).is_err());
    }
}
