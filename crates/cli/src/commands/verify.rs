//! `outcrop verify`: reads every byte of a data folder and says what is wrong with it.

use anyhow::{Result, bail};
use clap::Args;
use outcrop_storage::{Environment, Verification, verify};
use std::path::PathBuf;
use std::process::ExitCode;

/// The numbered objects of a data folder that are not storage's own.
const SERIES: [&str; 3] = ["catalog", "schedule", "sealing-key"];

/// Check every byte of a data folder whose server is stopped.
///
/// Checksums, manifests, deletion vectors, the write-ahead log, and in each segment the columns, type counts and
/// index against the documents. Changes nothing. Each problem is one line on standard output, with the file and
/// where in it; the exit code is 1 if there is any.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Folder of the data
    #[arg(
        long,
        env = "OUTCROP_DATA",
        default_value = "./outcrop-data",
        value_name = "DIR"
    )]
    data: PathBuf,
}

/// Exit code 1 if there is a problem.
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    let data = &arguments.data;
    if !data.is_dir() {
        bail!("there is no folder `{}`", data.display());
    }
    let Verification {
        objects,
        bytes,
        documents,
        problems,
        remarks,
    } = verify(&Environment::local(data), &SERIES)?;
    for problem in &problems {
        println!("{problem}");
    }
    for remark in &remarks {
        eprintln!("left by an interrupted process: {remark}");
    }
    eprintln!(
        "{objects} files of {bytes} bytes and {documents} documents in segments checked: {} problems",
        problems.len()
    );
    Ok(if problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
