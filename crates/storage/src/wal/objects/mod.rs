//! The log as objects of a bucket: every group is a new object `wal/<n>`, created only if the
//! number is free.
//!
//! That is also how ownership passes from one process to the next. Numbers are taken without holes,
//! so a new owner that creates the next one, its *fence*, makes the old owner's next write fail; and
//! since it reads the log up to the fence, nothing that was acknowledged is lost. Fences are never
//! removed: an owner that was asleep for a week must find its next number taken too.
//!
//! The protocol is drawn in `docs/formats/wal.md`.
//!
//! - `claim` takes the log over and reads it;
//! - `object` builds and parses one object;
//! - `log` writes groups, settles writes of unknown outcome, and removes what is not needed.

mod claim;
mod log;
mod object;

pub(crate) use claim::claim;
pub(crate) use log::ObjectLog;
