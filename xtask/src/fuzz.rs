//! `cargo xtask fuzz`: one fuzz target for a while.
//!
//! The targets are `fuzz/fuzz_targets/*.rs`, which lie outside the workspace. They are built with the coverage
//! counters that libFuzzer reads; that needs a C++ compiler, but neither a nightly toolchain nor `cargo fuzz`.
//! Inputs that were found interesting stay in `target/fuzz/corpus`, so that the next run begins where this
//! one ended; targets that take SQL begin with the statements of `tests/sql` too.

use crate::{process, tree};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
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
    // The versions that the product is built with, as far as the targets need the same crates.
    std::fs::copy(
        tree::root().join("Cargo.lock"),
        tree::root().join("fuzz/Cargo.lock"),
    )
    .context("cannot copy `Cargo.lock` to `fuzz`")?;
    // With a target named, the flags are not used for build scripts, which have no counters' reader.
    let host = host()?;
    let mut command = process::cargo(["run", "--release", "--manifest-path", "fuzz/Cargo.toml"]);
    command
        .args(["--target", &host, "--bin", target, "--"])
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", output.display()))
        .arg(&corpus);
    if target.starts_with("sql_") {
        command.arg(statements(&output)?);
    }
    command
        .env("CARGO_TARGET_DIR", &output)
        .env("RUSTFLAGS", FLAGS);
    Ok(if process::succeeds(&mut command)? {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// A folder with the statements of the SQL tests, for targets that take SQL to begin with.
fn statements(output: &Path) -> Result<PathBuf> {
    let folder = output.join("statements");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make `{}`", folder.display()))?;
    let mut count = 0;
    for file in files(&tree::root().join("tests/sql"))? {
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("cannot read `{}`", file.display()))?;
        for record in text.split("\n\n") {
            let lines = record.lines().skip_while(|line| line.starts_with('#'));
            let statement = lines.skip(1).take_while(|line| *line != "----");
            let statement = statement.collect::<Vec<_>>().join("\n");
            std::fs::write(folder.join(count.to_string()), statement)
                .with_context(|| format!("cannot write to `{}`", folder.display()))?;
            count += 1;
        }
    }
    Ok(folder)
}

/// The files with the ending `.slt` in the folders of a folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let list = |folder: &Path| -> Result<Vec<PathBuf>> {
        let entries = std::fs::read_dir(folder)
            .with_context(|| format!("cannot read `{}`", folder.display()))?;
        Ok(entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect())
    };
    let mut found = Vec::new();
    for topic in list(folder)?.iter().filter(|path| path.is_dir()) {
        found.extend(list(topic)?);
    }
    found.retain(|path| path.extension().is_some_and(|ending| ending == "slt"));
    found.sort();
    Ok(found)
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
