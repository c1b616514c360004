//! `cargo xtask bench`: builds the release binary and runs the workloads of `benches/` beside other engines.
//!
//! The peers are Python packages, installed under `target/bench` on first use. `bench events` is a program apart,
//! `benches/events.py`: what a server does with generated events, beside DuckDB.

use crate::{clients, process, tree};
use anyhow::{Result, bail};
use std::process::{Command, ExitCode};

/// The workload that has options of its own.
const EVENTS: &str = "events";

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
    let requirements = tree::root().join("benches/requirements.txt");
    let directory = tree::root().join("target/bench/python");
    let packages = clients::environment(&directory, &requirements)?;
    let python = packages.needed_for("the benchmark")?;
    let mut command = Command::new(python);
    let rest: Vec<&String> = arguments
        .iter()
        .filter(|argument| *argument != "--debug")
        .collect();
    match rest.split_first() {
        Some((first, rest)) if *first == EVENTS => command.arg("benches/events.py").args(rest),
        _ => command.args(["-m", "bench"]).args(rest),
    };
    command
        .env("OUTCROP_BINARY", tree::binary(profile))
        .env("PYTHONPATH", tree::root().join("benches"))
        .current_dir(tree::root());
    Ok(if process::succeeds(&mut command)? {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
