//! A bucket of S3, Google Cloud Storage or Azure as a [`Disk`](super::Disk).
//!
//! - `disk` is the disk itself: every call becomes requests on threads of its own;
//! - `connect` makes the client out of a URL and environment variables;
//! - `retry` tries requests again, and `error` says what a failure means for the caller;
//! - `upload` takes the contents of a new object, and sends large ones in parts;
//! - `ranged` reads parts of objects through `cache`, blocks in memory and on local disk.
//!
//! Nothing on local disk has to survive: an empty cache only makes reads slower.

mod cache;
mod connect;
mod disk;
mod error;
mod ranged;
mod retry;
mod upload;

pub use connect::{BucketUrlError, is_bucket_url};
pub use disk::{BucketDisk, BucketOptions};
pub(crate) use error::read_error_of_text;
pub use error::{is_unavailable, outcome_is_unknown};
pub use retry::RetryOptions;
