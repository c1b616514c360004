//! Files of formats that only a process of its own reads.
//!
//! Whoever uploads a file decides what decoding it takes. So a child does it, which bounds its own memory, and is killed
//! when it takes too long or answers too much. Its answer counts when it is whole. It inherits nothing but its pipes: no
//! environment, no open files, no connections.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use outcrop_api::error::ErrorType;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::Record;
use super::format::Foreign;
use super::frames::{self, End};
use super::unpack;
use crate::blocking;
use crate::config::Limits;
use crate::error::{ApiError, ApiResult};

/// As much as is kept of what a child says to standard error.
const STDERR_BYTES_MAX: u64 = 8 * 1024;

/// What Rust says when there is no memory left.
const OUT_OF_MEMORY: &str = "memory allocation of";

/// How a decoder is started: a program that runs `outcrop_decode::run` within the limits that follow the arguments,
/// `--memory-bytes N --cpu-seconds N`.
#[derive(Clone, Debug)]
pub struct DecoderCommand {
    /// The program.
    pub program: PathBuf,
    /// Its first arguments.
    pub arguments: Vec<OsString>,
}

/// Starts children, a few at a time.
pub(crate) struct Decoder {
    command: Option<Arc<DecoderCommand>>,
    bounds: Bounds,
    permits: Arc<Semaphore>,
}

/// What one child may take.
#[derive(Clone, Copy)]
struct Bounds {
    memory_bytes: usize,
    time: Duration,
    answer_bytes: usize,
}

/// Why there are no records.
enum Failure {
    /// The file is at fault.
    File(String),
    /// The answer is too large.
    Answer,
    Memory,
    Time,
    /// The child ended before its time.
    Broken(ExitStatus, String),
}

/// What came of a child.
struct Ended {
    answer: Vec<u8>,
    stderr: String,
    status: ExitStatus,
    is_late: bool,
}

impl Decoder {
    pub(crate) fn new(command: Option<DecoderCommand>, limits: &Limits) -> Self {
        Self {
            command: command.map(Arc::new),
            bounds: Bounds {
                memory_bytes: limits.decoder_memory_bytes_max,
                time: limits.decoder_timeout,
                answer_bytes: limits.write_body_bytes_max,
            },
            permits: Arc::new(Semaphore::new(limits.decoders_max)),
        }
    }

    /// The records of a file.
    ///
    /// # Errors
    /// `INVALIDINPUT` for a file that cannot be decoded within the limits, `CONTENTTOOLARGE` for one that unpacks to too
    /// much, `RATELIMITEXCEEDED` if others are decoded for as long as one may take.
    pub(super) async fn records(
        &self,
        file_name: &str,
        content: Vec<u8>,
        format: &Foreign,
    ) -> ApiResult<Vec<Record>> {
        let Some(command) = self.command.clone() else {
            return Err(ApiError::not_implemented(format!(
                "this server was started without a decoder for files of {}",
                format.name
            )));
        };
        let permit = Arc::clone(&self.permits).acquire_owned();
        let permit = tokio::time::timeout(self.bounds.time, permit).await;
        let Ok(Ok(permit)) = permit else {
            return Err(ApiError::new(
                ErrorType::RateLimitExceeded,
                "too many files are being decoded; try again later",
            ));
        };
        let (bounds, request) = (self.bounds, format!("{}\n", format.request));
        let decoded = blocking::run(move || {
            // It is the child's, which goes on when nobody waits for it any more.
            let _permit = permit;
            decode(&command, bounds, request.as_bytes(), &content)
        });
        let decoded = decoded.await?.map_err(ApiError::internal)?;
        decoded.map_err(|failure| {
            let reason = match failure {
                Failure::Answer => return unpack::too_large(bounds.answer_bytes),
                Failure::File(reason) => reason,
                Failure::Memory => {
                    let mib = bounds.memory_bytes >> 20;
                    format!("that takes more memory than the limit of {mib} MiB")
                }
                Failure::Time => {
                    let time = bounds.time;
                    format!("that takes more time than the limit of {time:?}")
                }
                Failure::Broken(status, stderr) => {
                    tracing::warn!(
                        file.name = file_name,
                        %status,
                        stderr,
                        "the decoder of an uploaded file broke off"
                    );
                    "the decoder broke off".to_owned()
                }
            };
            let name = format.name;
            ApiError::invalid(format!(
                "the file `{file_name}` cannot be read as {name}: {reason}"
            ))
        })
    }
}

fn decode(
    command: &DecoderCommand,
    bounds: Bounds,
    request: &[u8],
    file: &[u8],
) -> io::Result<Result<Vec<Record>, Failure>> {
    let ended = run(command, bounds, request, file)?;
    if ended.answer.len() > bounds.answer_bytes {
        return Ok(Err(Failure::Answer));
    }
    let (records, end) = frames::read(&ended.answer);
    Ok(match end {
        End::Whole => Ok(records),
        End::Failed(reason) => Err(Failure::File(reason)),
        End::Missing if ended.is_late || is_out_of_time(ended.status) => Err(Failure::Time),
        End::Missing if ended.stderr.contains(OUT_OF_MEMORY) => Err(Failure::Memory),
        End::Missing => Err(Failure::Broken(ended.status, ended.stderr)),
    })
}

/// Runs a child until it ends, or until a bound is reached.
fn run(command: &DecoderCommand, bounds: Bounds, request: &[u8], file: &[u8]) -> io::Result<Ended> {
    let mut child = start(command, bounds)?;
    let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(mut stdin), Some(stdout), Some(stderr)) = pipes else {
        return Err(io::Error::other("a child has no pipes"));
    };
    let child = Mutex::new(child);
    let is_late = AtomicBool::new(false);
    let (finished, waiting) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            // A child that reads no further has its reason, which its answer tells.
            drop(
                stdin
                    .write_all(request)
                    .and_then(|()| stdin.write_all(file)),
            );
        });
        let (child, is_late) = (&child, &is_late);
        scope.spawn(move || {
            if waiting.recv_timeout(bounds.time) == Err(RecvTimeoutError::Timeout) {
                is_late.store(true, Ordering::Release);
                drop(child.lock().kill());
            }
        });
        let stderr = scope.spawn(move || read(stderr, STDERR_BYTES_MAX));
        let answer_bytes_max = u64::try_from(bounds.answer_bytes).unwrap_or(u64::MAX);
        let answer = read(stdout, answer_bytes_max.saturating_add(1));
        // What has ended by itself keeps its status.
        let status = {
            let mut child = child.lock();
            child.kill().and_then(|()| child.wait())
        };
        drop(finished);
        let stderr = stderr.join().unwrap_or_else(|_| Ok(Vec::new()))?;
        Ok(Ended {
            answer: answer?,
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
            status: status?,
            is_late: is_late.load(Ordering::Acquire),
        })
    })
}

fn start(command: &DecoderCommand, bounds: Bounds) -> io::Result<Child> {
    // The kernel counts in whole seconds, and sends its signal when they are over.
    let cpu_seconds = bounds.time.as_secs().saturating_add(1);
    Command::new(&command.program)
        .args(&command.arguments)
        .arg("--memory-bytes")
        .arg(bounds.memory_bytes.to_string())
        .arg("--cpu-seconds")
        .arg(cpu_seconds.to_string())
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

/// All there is, up to a bound.
fn read(pipe: impl Read, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    pipe.take(bytes_max).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether the kernel ended the child for its time on the processor.
#[cfg(unix)]
fn is_out_of_time(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt;
    /// `SIGXCPU`, on Linux, macOS and the BSDs.
    const OUT_OF_TIME: i32 = 24;
    status.signal() == Some(OUT_OF_TIME)
}

#[cfg(not(unix))]
fn is_out_of_time(_: ExitStatus) -> bool {
    false
}
