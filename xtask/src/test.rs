//! `cargo xtask test`: every check of the repository, as named and timed steps with a summary.
//!
//! A step that fails does not stop the ones after it, so that one run shows everything that is wrong. A
//! step, or a part of one, that cannot run here (no Python, no Node) is skipped and named at the end.

use crate::{clients, docs, process, proofs};
use anyhow::{Result, bail};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

/// What came of one step.
pub(crate) struct Outcome {
    /// Whether everything that ran passed.
    pub(crate) passed: bool,
    /// What did not run, with the reason, one entry per part.
    pub(crate) skipped: Vec<String>,
}

impl Outcome {
    /// A step without parts that can be skipped.
    pub(crate) fn of(passed: bool) -> Self {
        Self {
            passed,
            skipped: Vec::new(),
        }
    }
}

struct Step {
    name: &'static str,
    run: fn() -> Result<Outcome>,
}

const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        run: fmt,
    },
    Step {
        name: "clippy",
        run: clippy,
    },
    Step {
        name: "tests",
        run: tests,
    },
    Step {
        name: "clients",
        run: clients::run,
    },
    Step {
        name: "powercut",
        run: proofs::short_powercut,
    },
    Step {
        name: "docs",
        run: docs::run,
    },
];

struct Report {
    name: &'static str,
    outcome: Result<Outcome>,
    time: Duration,
}

/// Runs the steps that the arguments choose (`--only STEP`, repeatable; all without it).
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let chosen = choose(arguments)?;
    let reports: Vec<Report> = chosen
        .iter()
        .enumerate()
        .map(|(index, step)| {
            println!(
                "\n──── step {}/{}: {} ────",
                index + 1,
                chosen.len(),
                step.name
            );
            let start = Instant::now();
            let outcome = (step.run)();
            Report {
                name: step.name,
                outcome,
                time: start.elapsed(),
            }
        })
        .collect();
    Ok(if summarise(&reports) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Prints the versions of the tools, then runs everything.
pub(crate) fn ci(arguments: &[String]) -> Result<ExitCode> {
    for (program, argument) in [
        ("cargo", "--version"),
        ("rustc", "--version"),
        ("python3", "--version"),
        ("node", "--version"),
    ] {
        if !process::succeeds(Command::new(program).arg(argument)).unwrap_or(false) {
            println!("{program}: not found");
        }
    }
    run(arguments)
}

fn choose(arguments: &[String]) -> Result<Vec<&'static Step>> {
    let mut names = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match (argument.as_str(), argument.strip_prefix("--only=")) {
            ("--only", _) => match rest.next() {
                Some(name) => names.push(name.as_str()),
                None => bail!("`--only` needs the name of a step"),
            },
            (_, Some(name)) => names.push(name),
            (other, None) => bail!("unknown argument `{other}`"),
        }
    }
    for name in &names {
        if !STEPS.iter().any(|step| step.name == *name) {
            let known: Vec<_> = STEPS.iter().map(|step| step.name).collect();
            bail!("no step `{name}`; the steps are {}", known.join(", "));
        }
    }
    Ok(STEPS
        .iter()
        .filter(|step| names.is_empty() || names.contains(&step.name))
        .collect())
}

/// Prints the table of results and what was skipped; true if nothing failed.
fn summarise(reports: &[Report]) -> bool {
    println!("\n──── summary ────");
    let mut passed = 0;
    for report in reports {
        let word = match &report.outcome {
            Ok(outcome) if outcome.passed => {
                passed += 1;
                "passed".to_owned()
            }
            Ok(_) => "FAILED".to_owned(),
            Err(error) => format!("FAILED: {error:#}"),
        };
        println!(
            "{:<10} {:>6.1} s  {word}",
            report.name,
            report.time.as_secs_f64()
        );
    }
    let skipped: Vec<_> = reports
        .iter()
        .filter_map(|report| {
            report
                .outcome
                .as_ref()
                .ok()
                .map(|outcome| (report.name, outcome))
        })
        .flat_map(|(name, outcome)| outcome.skipped.iter().map(move |reason| (name, reason)))
        .collect();
    for (name, reason) in &skipped {
        println!("skipped: {name}: {reason}");
    }
    let failed = reports.len() - passed;
    println!(
        "steps: {passed} passed, {failed} failed, {} skipped",
        skipped.len()
    );
    failed == 0
}

fn fmt() -> Result<Outcome> {
    process::succeeds(&mut process::cargo(["fmt", "--all", "--check"])).map(Outcome::of)
}

fn clippy() -> Result<Outcome> {
    let arguments = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ];
    process::succeeds(&mut process::cargo(arguments)).map(Outcome::of)
}

fn tests() -> Result<Outcome> {
    let arguments = ["test", "--workspace", "--locked", "--no-fail-fast"];
    process::succeeds(&mut process::cargo(arguments)).map(Outcome::of)
}
