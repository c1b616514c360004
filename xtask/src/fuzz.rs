//! `cargo xtask fuzz`: one fuzz target for a while.
//!
//! The targets are `fuzz/fuzz_targets/*.rs`, run by `cargo fuzz`, which needs a nightly toolchain; they are
//! outside the workspace, so nothing else does.

use crate::{process, tree};
use anyhow::{Context, Result, bail};
use std::process::{Command, ExitCode};

const SECONDS: u64 = 60;

/// `fuzz` lists the targets; `fuzz TARGET [SECONDS]` runs one.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let targets = targets()?;
    let (target, seconds) = match arguments {
        [] => {
            println!("{}", targets.join("\n"));
            return Ok(ExitCode::SUCCESS);
        }
        [target] => (target, SECONDS),
        [target, seconds] => (
            target,
            seconds.parse().context("SECONDS is a whole number")?,
        ),
        _ => bail!("usage: cargo xtask fuzz [TARGET [SECONDS]]"),
    };
    if !targets.contains(target) {
        bail!(
            "no fuzz target `{target}`; there are: {}",
            targets.join(", ")
        );
    }
    if !process::exists("cargo", &["+nightly", "fuzz", "--version"]) {
        bail!("fuzzing needs a nightly toolchain and `cargo install cargo-fuzz`");
    }
    let mut command = Command::new("cargo");
    command
        .args(["+nightly", "fuzz", "run", target, "--"])
        .arg(format!("-max_total_time={seconds}"))
        .current_dir(tree::root());
    Ok(if process::succeeds(&mut command)? {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn targets() -> Result<Vec<String>> {
    let folder = tree::root().join("fuzz/fuzz_targets");
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .with_context(|| format!("cannot read `{}`", folder.display()))?
        .filter_map(|entry| entry.ok())
        .filter_map(|entry| Some(entry.path().file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    Ok(names)
}
