//! `outcrop decode`: what a server starts to read an uploaded file.

use anyhow::{Context, Result};
use clap::Args;
use std::io;
use std::process::ExitCode;

/// Decode a file from standard input for a server, within limits.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Memory that the process may take beside its program
    #[arg(long, value_name = "BYTES")]
    memory_bytes: u64,
    /// Time on the processor
    #[arg(long, value_name = "SECONDS")]
    cpu_seconds: u64,
}

/// Reads the format and the file, and writes the documents.
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    limit(&arguments).context("cannot limit the process")?;
    outcrop_decode::run(io::stdin().lock(), io::stdout().lock())
        .context("cannot exchange the file and its documents with the server")?;
    Ok(ExitCode::SUCCESS)
}

/// Bounds memory and time.
///
/// The allocator reserves memory before `main`, of which no limit takes anything back. So the limits are set once, and
/// the program begins again below them.
#[cfg(unix)]
fn limit(arguments: &Arguments) -> Result<()> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    use std::os::unix::process::CommandExt;

    let (memory_before, _) = getrlimit(Resource::RLIMIT_DATA)?;
    if memory_before <= arguments.memory_bytes {
        return Ok(());
    }
    let (cpu_seconds, memory_bytes) = (arguments.cpu_seconds, arguments.memory_bytes);
    for (resource, soft, hard) in [
        (Resource::RLIMIT_CORE, 0, 0),
        (Resource::RLIMIT_FSIZE, 0, 0),
        // At the soft limit comes a signal that tells why; at the hard one it would be that of any kill.
        (
            Resource::RLIMIT_CPU,
            cpu_seconds,
            cpu_seconds.saturating_add(1),
        ),
        (Resource::RLIMIT_DATA, memory_bytes, memory_bytes),
    ] {
        let (_, hard_before) = getrlimit(resource)?;
        setrlimit(resource, soft.min(hard_before), hard.min(hard_before))?;
    }
    let program = std::env::current_exe()?;
    let error = std::process::Command::new(program)
        .args(std::env::args_os().skip(1))
        .exec();
    Err(error.into())
}

/// Elsewhere the server's clock is the only limit.
#[cfg(not(unix))]
fn limit(_: &Arguments) -> Result<()> {
    Ok(())
}
