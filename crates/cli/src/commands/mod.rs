//! One module per command: its arguments and its `run`.

pub(crate) mod decode;
pub(crate) mod dev;
pub(crate) mod load;
pub(crate) mod serve;
pub(crate) mod sql;
pub(crate) mod verify;
