//! The proofs of safety in their long form: `docs/testing.md` says what each one shows.
//!
//! Simulation and corruption are tests of the storage crate, which read from variables how much to do, and run
//! here in a build that is fast and keeps its assertions. Power cuts are a Python program around the binary.

use crate::test::Outcome;
use crate::{process, tree};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// What a long form does unless told otherwise.
const OPERATIONS: &str = "2000000";
/// Of 11 operations each.
const FAULTS_ROUNDS: &str = "20";
const CASES: &str = "2000";
const CYCLES: &str = "200";

/// Power cuts of the whole check: one while the server stops, two while it is written to.
const SHORT_CYCLES: &str = "3";

/// `simulate [--operations N] [--seed S]`.
pub(crate) fn simulate(arguments: &[String]) -> Result<ExitCode> {
    let [operations, seed] = options(arguments, ["--operations", "--seed"])?;
    let variables = [
        (
            "OUTCROP_SIMULATION_OPERATIONS",
            Some(operations.unwrap_or(OPERATIONS)),
        ),
        ("OUTCROP_SIMULATION_SEED", seed),
    ];
    let names = [
        "simulation::no_crash_loses_or_invents_a_write",
        "simulation::no_process_of_a_bucket_loses_or_invents_a_write",
    ];
    storage_tests(&names, &variables)
}

/// `fail`.
pub(crate) fn fail(arguments: &[String]) -> Result<ExitCode> {
    let [] = options(arguments, [])?;
    let names = [
        "faults::any_single_failing_disk_operation_loses_and_invents_nothing",
        "bucket::failing::any_single_failing_request_loses_and_invents_nothing",
        "bucket::failing::an_open_whose_requests_fail_can_be_tried_again",
    ];
    storage_tests(&names, &[("OUTCROP_FAULTS_ROUNDS", Some(FAULTS_ROUNDS))])
}

/// `corrupt [--cases N] [--seed S]`.
pub(crate) fn corrupt(arguments: &[String]) -> Result<ExitCode> {
    let [cases, seed] = options(arguments, ["--cases", "--seed"])?;
    let variables = [
        ("OUTCROP_CORRUPTION_CASES", Some(cases.unwrap_or(CASES))),
        ("OUTCROP_CORRUPTION_SEED", seed),
    ];
    let name = "corruption::every_damage_is_found_and_named_and_no_document_is_wrong";
    storage_tests(&[name], &variables)
}

/// `powercut [--cycles N] [--fs ext4|xfs] [--seed S] [--debug | --binary PATH]`.
pub(crate) fn powercut(arguments: &[String]) -> Result<ExitCode> {
    let debug = arguments.iter().any(|argument| argument == "--debug");
    let arguments: Vec<String> = arguments
        .iter()
        .filter(|argument| *argument != "--debug")
        .cloned()
        .collect();
    let [cycles, kind, seed, binary] =
        options(&arguments, ["--cycles", "--fs", "--seed", "--binary"])?;
    let binary = match binary {
        Some(binary) => PathBuf::from(binary),
        None if debug => process::build_debug()?,
        None => built()?,
    };
    let mut command = powercut_command(&binary, cycles.unwrap_or(CYCLES));
    for (name, value) in [("--fs", kind), ("--seed", seed)] {
        if let Some(value) = value {
            command.args([name, value]);
        }
    }
    exit_code(&mut command)
}

/// A few power cuts of the debug binary; skipped where they cannot be made.
pub(crate) fn short_powercut() -> Result<Outcome> {
    if !process::exists("python3", &["--version"]) {
        let mut outcome = Outcome::of(true);
        outcome.skipped.push("python3 not found".to_owned());
        return Ok(outcome);
    }
    let output = powercut_command(&process::build_debug()?, SHORT_CYCLES)
        .output()
        .context("cannot start `python3`")?;
    let said = String::from_utf8_lossy(&output.stdout);
    print!("{said}{}", String::from_utf8_lossy(&output.stderr));
    let mut outcome = Outcome::of(output.status.success());
    let reason = said.trim().strip_prefix("skipped: ");
    outcome.skipped.extend(reason.map(str::to_owned));
    Ok(outcome)
}

/// Builds the release binary.
fn built() -> Result<PathBuf> {
    let build = ["build", "--locked", "--release", "--package", "outcrop"];
    if !process::succeeds(&mut process::cargo(build))? {
        bail!("the build failed");
    }
    Ok(tree::binary("release"))
}

fn powercut_command(binary: &Path, cycles: &str) -> Command {
    let mut command = Command::new("python3");
    command
        .arg("tests/powercut/powercut.py")
        .args(["--cycles", cycles])
        .arg("--binary")
        .arg(binary)
        .arg("--folder")
        .arg(tree::target().join("powercut"))
        .current_dir(tree::root());
    command
}

/// Runs tests of the storage crate, one at a time, with these variables set.
fn storage_tests(names: &[&str], variables: &[(&str, Option<&str>)]) -> Result<ExitCode> {
    let mut command = process::cargo([
        "test",
        "--locked",
        "--package",
        "outcrop-storage",
        "--profile",
        "proof",
        "--test",
        "it",
        "--",
        "--exact",
        "--nocapture",
        "--test-threads=1",
    ]);
    command.args(names);
    for (variable, value) in variables {
        if let Some(value) = value {
            command.env(variable, value);
        }
    }
    exit_code(&mut command)
}

fn exit_code(command: &mut Command) -> Result<ExitCode> {
    Ok(if process::succeeds(command)? {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The values of the options `names`, each of which may be there once.
pub(crate) fn options<'a, const N: usize>(
    arguments: &'a [String],
    names: [&str; N],
) -> Result<[Option<&'a str>; N]> {
    let mut values = [None; N];
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let Some(place) = names.iter().position(|name| name == argument) else {
            bail!(
                "unknown argument `{argument}`; there are {}",
                names.join(", ")
            );
        };
        let value = rest
            .next()
            .with_context(|| format!("`{argument}` needs a value"))?;
        values[place] = Some(value.as_str());
    }
    Ok(values)
}
