//! Requests that failed are sent again, with growing and random pauses, a bounded number of times.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use object_store::Result;

use super::error::{Verdict, judge, to_io};
use crate::env::Random;

/// How often and how fast requests are sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryOptions {
    /// How often a request is sent at most, the first time included.
    pub attempts_max: u32,
    /// The pause before the second attempt, at most: a random part of it is waited. It doubles
    /// with every further attempt.
    pub pause: Duration,
}

impl Default for RetryOptions {
    /// Five attempts within about two seconds: a client that is told to come back then still
    /// waits for its answer.
    fn default() -> Self {
        Self {
            attempts_max: 5,
            pause: Duration::from_millis(200),
        }
    }
}

/// Sends requests again.
#[derive(Clone, Debug)]
pub(super) struct Retry {
    pub(super) options: RetryOptions,
    pub(super) random: Arc<dyn Random>,
}

/// A request, or a series of tries, that failed.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) error: object_store::Error,
    /// Whether any of the tries may have come into effect.
    pub(super) sent: bool,
}

impl Retry {
    /// Sends a request that may be repeated at will, and waits for its answer.
    pub(super) fn run<T>(&self, request: impl FnMut() -> Result<T>) -> io::Result<T> {
        self.attempt(request)
            .map_err(|failed| to_io(failed.error, failed.sent))
    }

    /// As [`run`](Self::run), and says on failure whether any try may have come into effect.
    pub(super) fn attempt<T>(
        &self,
        mut request: impl FnMut() -> Result<T>,
    ) -> std::result::Result<T, Failed> {
        let mut attempt = 1;
        let mut any_sent = false;
        loop {
            let error = match request() {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let verdict = judge(&error);
            if let Verdict::Transient { sent } = verdict {
                any_sent |= sent;
            }
            let is_final = matches!(verdict, Verdict::Final(_));
            if is_final || attempt >= self.options.attempts_max {
                return Err(Failed {
                    error,
                    sent: any_sent,
                });
            }
            tracing::debug!(%error, attempt, "a request to the bucket failed and is sent again");
            self.pause(attempt);
            attempt += 1;
        }
    }

    /// Waits before the attempt that follows `attempt`.
    pub(super) fn pause(&self, attempt: u32) {
        let doublings = attempt.saturating_sub(1).min(16);
        let longest = self.options.pause.saturating_mul(1 << doublings);
        if longest.is_zero() {
            return;
        }
        let mut random = [0; 4];
        self.random.fill(&mut random);
        let part = f64::from(u32::from_le_bytes(random)) / f64::from(u32::MAX);
        // Half of the pause is certain; the rest keeps clients apart that failed together.
        std::thread::sleep(longest.mul_f64(0.5 + part / 2.0));
    }
}
