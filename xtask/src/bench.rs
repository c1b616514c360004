//! `cargo xtask bench`: builds the release binary and runs `benches/bench.py` beside DuckDB.

use crate::{clients, process, tree};
use anyhow::{Result, bail};
use std::process::{Command, ExitCode};

/// Builds with `--release` (or the debug profile with `--debug`), then hands the arguments on.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let debug = arguments.iter().any(|argument| argument == "--debug");
    let (profile, flags): (_, &[&str]) = if debug {
        ("debug", &[])
    } else {
        ("release", &["--release"])
    };
    let build = ["build", "--locked", "--package", "outcrop"]
        .into_iter()
        .chain(flags.iter().copied());
    if !process::succeeds(&mut process::cargo(build))? {
        bail!("the build failed");
    }
    let python = clients::python("the benchmark")?;
    let mut command = Command::new(python);
    command
        .arg("benches/bench.py")
        .args(arguments.iter().filter(|argument| *argument != "--debug"))
        .env("OUTCROP_BINARY", tree::binary(profile))
        .current_dir(tree::root());
    Ok(if process::succeeds(&mut command)? {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
