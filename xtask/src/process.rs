//! Running other programs: with their output passed through, or only to see whether they are there.

use crate::tree;
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// `cargo` with the given arguments, in the work tree.
pub(crate) fn cargo<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.args(arguments).current_dir(tree::root());
    command
}

/// Runs a command with its output passed through; true if it exited with 0.
pub(crate) fn succeeds(command: &mut Command) -> Result<bool> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot start `{program}`"))?;
    Ok(status.success())
}

/// Builds the debug binary, with all tests: they need it as well, and another choice of packages would
/// mean other features of dependencies, so that most of them would be compiled once more.
pub(crate) fn build_debug() -> Result<PathBuf> {
    if !succeeds(&mut cargo(["test", "--workspace", "--locked", "--no-run"]))? {
        bail!("the build failed");
    }
    Ok(tree::binary("debug"))
}

/// Whether a program can be started with these arguments and exits with 0, quietly.
pub(crate) fn exists(program: &str, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
