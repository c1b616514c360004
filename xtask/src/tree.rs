//! Where things lie: the work tree, and the folder under `target/` for what the client tests install.

use std::path::{Path, PathBuf};

/// The root of the work tree, taken from where this program was compiled.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest
        .parent()
        .expect("xtask lies one folder below the root")
        .to_path_buf()
}

/// Cargo's target folder: `CARGO_TARGET_DIR` if set, else `target` in the work tree.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(directory) => root().join(directory),
        None => root().join("target"),
    }
}

/// The folder of the virtual environments and node modules of the client tests.
///
/// `OUTCROP_CLIENTS_DIR` moves it, so that a CI machine may keep it between runs.
pub(crate) fn clients() -> PathBuf {
    match std::env::var_os("OUTCROP_CLIENTS_DIR") {
        Some(directory) => root().join(directory),
        None => root().join("target").join("clients"),
    }
}

/// The `outcrop` binary of a cargo profile folder (`debug` or `release`).
pub(crate) fn binary(profile: &str) -> PathBuf {
    target()
        .join(profile)
        .join(format!("outcrop{}", std::env::consts::EXE_SUFFIX))
}
