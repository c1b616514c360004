//! What a failed request means: the object is not there, the caller did something wrong, or the
//! bucket cannot be reached; and whether the request may have had its effect.

use std::error::Error as StdError;
use std::io;

use object_store::Error;
use object_store::client::{HttpError, HttpErrorKind};

/// The bucket did not answer as it should, for as long as the caller was willing to wait.
#[derive(Debug, thiserror::Error)]
#[error("{UNAVAILABLE}")]
struct Unavailable {
    /// Whether a request may have been carried out although its answer did not come.
    outcome_is_unknown: bool,
    source: Box<dyn StdError + Send + Sync>,
}

const UNAVAILABLE: &str = "the bucket is not available";

/// The error of a read of which only the text was left.
pub(crate) fn read_error_of_text(text: String) -> io::Error {
    if text.contains(UNAVAILABLE) {
        io::Error::other(Unavailable {
            outcome_is_unknown: false,
            source: text.into(),
        })
    } else {
        io::Error::other(text)
    }
}

/// Whether the error says that a bucket cannot be reached now; later the same call may work.
#[must_use]
pub fn is_unavailable(error: &io::Error) -> bool {
    unavailable(error).is_some()
}

/// Whether it is unknown if the call that failed has come into effect.
#[must_use]
pub fn outcome_is_unknown(error: &io::Error) -> bool {
    unavailable(error).is_some_and(|error| error.outcome_is_unknown)
}

fn unavailable(error: &io::Error) -> Option<&Unavailable> {
    error.get_ref()?.downcast_ref::<Unavailable>()
}

/// What to do about a failed request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Trying again gives the same answer.
    Final(io::ErrorKind),
    /// Trying again may help. `sent` if the request may have been carried out.
    Transient { sent: bool },
}

/// What the failure means.
pub(super) fn judge(error: &Error) -> Verdict {
    match error {
        Error::NotFound { .. } => Verdict::Final(io::ErrorKind::NotFound),
        Error::AlreadyExists { .. } => Verdict::Final(io::ErrorKind::AlreadyExists),
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            Verdict::Final(io::ErrorKind::PermissionDenied)
        }
        Error::NotSupported { .. } | Error::NotImplemented { .. } => {
            Verdict::Final(io::ErrorKind::Unsupported)
        }
        Error::InvalidPath { .. }
        | Error::Precondition { .. }
        | Error::NotModified { .. }
        | Error::UnknownConfigurationKey { .. } => Verdict::Final(io::ErrorKind::InvalidInput),
        error if is_refusal(error) => Verdict::Final(io::ErrorKind::InvalidInput),
        error => Verdict::Transient {
            sent: !is_connect_failure(error),
        },
    }
}

/// Whether no connection came about, so that nothing was sent.
fn is_connect_failure(error: &Error) -> bool {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<HttpError>() {
            return error.kind() == HttpErrorKind::Connect;
        }
        cause = error.source();
    }
    false
}

/// Whether the server says that the request itself is wrong. The client library keeps the status to
/// itself but for its text; 408 and 429 ask for another try.
fn is_refusal(error: &Error) -> bool {
    const STATUS: &str = "non-2xx status code: ";
    let Error::Generic { source, .. } = error else {
        return false;
    };
    let text = source.to_string();
    let status = text
        .find(STATUS)
        .and_then(|place| text.get(place + STATUS.len()..)?.get(..3));
    status.is_some_and(|status| status.starts_with('4') && !matches!(status, "408" | "429"))
}

/// The error that callers of a disk see.
pub(super) fn to_io(error: Error, outcome_is_unknown: bool) -> io::Error {
    match judge(&error) {
        Verdict::Final(kind) if !outcome_is_unknown => io::Error::new(kind, error),
        Verdict::Final(_) | Verdict::Transient { .. } => io::Error::other(Unavailable {
            outcome_is_unknown,
            source: error.into(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
        Error::Generic {
            store: "test",
            source: source.into(),
        }
    }

    #[test]
    fn only_a_refused_connection_leaves_no_doubt() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let connect = generic(HttpError::new(HttpErrorKind::Connect, refused));
        assert_eq!(judge(&connect), Verdict::Transient { sent: false });
        let late = io::Error::from(io::ErrorKind::TimedOut);
        let timeout = generic(HttpError::new(HttpErrorKind::Timeout, late));
        assert_eq!(judge(&timeout), Verdict::Transient { sent: true });
        let internal = generic("Server returned non-2xx status code: 500 Internal: x");
        assert_eq!(judge(&internal), Verdict::Transient { sent: true });
    }

    #[test]
    fn refusals_are_final_unless_they_ask_for_another_try() {
        let bad = generic("Server returned non-2xx status code: 400 Bad Request: x");
        assert_eq!(judge(&bad), Verdict::Final(io::ErrorKind::InvalidInput));
        let slow = generic("Server returned non-2xx status code: 429 Too Many Requests: x");
        assert_eq!(judge(&slow), Verdict::Transient { sent: true });
    }

    #[test]
    fn callers_learn_whether_the_call_may_have_worked() {
        let error = to_io(generic("x"), true);
        assert!(is_unavailable(&error) && outcome_is_unknown(&error));
        let error = to_io(generic("x"), false);
        assert!(is_unavailable(&error) && !outcome_is_unknown(&error));
        assert!(!is_unavailable(&io::Error::other("x")));
    }
}
