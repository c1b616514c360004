//! `cargo xtask fuzz`: one fuzz target for a while.
//!
//! The targets are `fuzz/fuzz_targets/*.rs`, which lie outside the workspace. They are built with the coverage
//! counters that libFuzzer reads; that needs a C++ compiler, but neither a nightly toolchain nor `cargo fuzz`.
//! Inputs that were found interesting stay in `target/fuzz/corpus`, so that the next run begins where this
//! one ended.

use crate::{process, tree};
use anyhow::{Context, Result, bail};
use std::process::{Command, ExitCode};

const SECONDS: u64 = 60;

/// What `cargo fuzz` passes too, less the address sanitizer: the targets are safe Rust.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cdebug-assertions -Ccodegen-units=1 \
    -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares";

/// `fuzz` lists the targets; `fuzz TARGET [SECONDS]` runs one. A failing input is written to `target/fuzz`.
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
    let output = tree::target().join("fuzz");
    let corpus = output.join("corpus").join(target);
    std::fs::create_dir_all(&corpus)
        .with_context(|| format!("cannot make `{}`", corpus.display()))?;
    // With a target named, the flags are not used for build scripts, which have no counters' reader.
    let host = host()?;
    let mut command = process::cargo(["run", "--release", "--manifest-path", "fuzz/Cargo.toml"]);
    command
        .args(["--target", &host, "--bin", target, "--"])
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", output.display()))
        .arg(&corpus)
        .env("CARGO_TARGET_DIR", &output)
        .env("RUSTFLAGS", FLAGS);
    Ok(if process::succeeds(&mut command)? {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The triple that the compiler builds for by default.
fn host() -> Result<String> {
    let output = Command::new("rustc")
        .arg("-vV")
        .output()
        .context("cannot start `rustc`")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("`rustc -vV` names no host")
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
