//! Work that must not hold up the async threads: disk access and long computations.

use crate::error::{ApiError, ApiResult};

/// Bodies up to this size are worked on where they are: handing over costs more than a fraction of
/// a millisecond of parsing.
const INLINE_BYTES_MAX: usize = 16 * 1024;

/// Runs `work` on a thread that may block.
///
/// # Errors
/// `INTERNALERROR` if it panics; its own errors are part of `T`.
pub(crate) async fn run<T, F>(work: F) -> ApiResult<T>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    tokio::task::spawn_blocking(work)
        .await
        .map_err(ApiError::internal)
}

/// Runs `work`, which takes time in proportion to `bytes`, here or on a thread of its own.
///
/// # Errors
/// As [`run`].
pub(crate) async fn run_for<T, F>(bytes: usize, work: F) -> ApiResult<T>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    if bytes <= INLINE_BYTES_MAX {
        Ok(work())
    } else {
        run(work).await
    }
}
