//! The allocator of the process. `docs/decisions/0012-memory-by-looking.md` says why it is not the C
//! library's.

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Gives what is free in the allocator back to the operating system. By itself it does so a little
/// later, and only while the process allocates.
#[expect(unsafe_code, reason = "the allocator is C")]
pub(crate) fn give_back() {
    // SAFETY: it takes no pointer and may be called from any thread at any time.
    unsafe { libmimalloc_sys::mi_collect(true) }
}
