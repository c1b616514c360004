//! The allocator of the process. `docs/decisions/0012-memory-by-looking.md` says why it is not the C
//! library's.

use std::ffi::c_long;

use libmimalloc_sys::mi_option_t;
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// `mi_option_purge_delay` of `mimalloc.h`, which the crate does not name.
const PURGE_DELAY: mi_option_t = 15;

/// From now on free pages go back to the operating system at once. By default they stay for a second or more, in which a
/// few large queries leave more behind than a small limit has room for.
#[expect(unsafe_code, reason = "the allocator is C")]
pub(crate) fn keep_nothing() {
    const AT_ONCE: c_long = 0;
    // SAFETY: it writes one aligned number. Who reads the old one keeps a page for longer.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, AT_ONCE) }
}

/// Gives what is free in the allocator back to the operating system. By itself it does so a little
/// later, and only while the process allocates.
#[expect(unsafe_code, reason = "the allocator is C")]
pub(crate) fn give_back() {
    // SAFETY: it takes no pointer and may be called from any thread at any time.
    unsafe { libmimalloc_sys::mi_collect(true) }
}
