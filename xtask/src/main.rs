//! `cargo xtask …`: the same commands at home and in CI, with nothing to install beside a Rust toolchain.
//!
//! Each command is a module. [`mod@test`] runs the named steps of the whole check and sums them up; the others
//! are thin wrappers that build what they need and start it.
#![expect(
    clippy::disallowed_methods,
    reason = "a build tool reads and writes the work tree directly"
)]
#![expect(
    clippy::print_stdout,
    reason = "a command line program talks on standard output"
)]

mod bench;
mod clients;
mod docs;
mod fuzz;
mod process;
mod proofs;
mod test;
mod tree;

use anyhow::{Result, bail};
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <command>

  test [--only STEP]...   every check, or the named ones: fmt, clippy, tests, clients,
                          powercut, docs
  ci                      what continuous integration runs: `test` with the tool versions printed first
  bench [WORKLOAD]...     workloads of benches/ beside DuckDB, ClickHouse and others, or
                          `bench events`: generated events beside DuckDB; both have --help
  simulate [--operations N] [--seed S]
                          storage on a simulated disk and bucket, with faults, power cuts, kills and
                          takeovers (2,000,000 operations on each)
  fail                    every call of a script to the disk fails once with each error
  corrupt [--cases N] [--seed S]
                          files of a store damaged one by one (2,000 damages)
  powercut [--cycles N] [--fs ext4|xfs] [--seed S] [--debug | --binary PATH]
                          a server on a real file system whose power is cut (200 cycles); needs root
  compare [--queries N] [--seed S]
                          random typed queries, answered as DuckDB does (10,000 queries)
  fuzz [TARGET [SECONDS]] one fuzz target for a time (60 s); without a name, lists the targets";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<ExitCode> {
    let Some((command, rest)) = arguments.split_first() else {
        bail!("{USAGE}")
    };
    match command.as_str() {
        "test" => test::run(rest),
        "ci" => test::ci(rest),
        "bench" => bench::run(rest),
        "fuzz" => fuzz::run(rest),
        "compare" => clients::compare(rest),
        "simulate" => proofs::simulate(rest),
        "fail" => proofs::fail(rest),
        "corrupt" => proofs::corrupt(rest),
        "powercut" => proofs::powercut(rest),
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        other => bail!("unknown command `{other}`\n\n{USAGE}"),
    }
}
