//! The allocator that SQLite is given: the system's, with the size of a block before it.

#![expect(
    unsafe_code,
    clippy::cast_ptr_alignment,
    reason = "SQLite takes its allocator as functions of C, and blocks are handed over as pointers; all are aligned to \
              eight bytes, as their layout says"
)]

use crate::ledger;
use rusqlite::ffi;
use std::alloc::{GlobalAlloc as _, Layout, System};
use std::ffi::{c_int, c_void};
use std::sync::OnceLock;

/// What stands before every block: its size, in bytes. SQLite asks for an alignment of eight.
const HEAD: usize = 8;

/// Puts the allocator under SQLite, once for the process. False when SQLite was in use before, so that it is not counted.
#[must_use]
pub fn install() -> bool {
    static INSTALLED: OnceLock<bool> = OnceLock::new();
    *INSTALLED.get_or_init(|| {
        give_back_large_blocks();
        let methods = ffi::sqlite3_mem_methods {
            xMalloc: Some(allocate),
            xFree: Some(release),
            xRealloc: Some(resize),
            xSize: Some(size),
            xRoundup: Some(round_up),
            xInit: Some(begin),
            xShutdown: Some(end),
            pAppData: std::ptr::null_mut(),
        };
        // SAFETY: SQLite copies the methods, which keep what it asks of an allocator; it refuses them once it is in use.
        let code = unsafe { ffi::sqlite3_config(ffi::SQLITE_CONFIG_MALLOC, &raw const methods) };
        code == ffi::SQLITE_OK
    })
}

/// The system's allocator keeps freed blocks for later, more of them the larger they have been. Here a large block goes
/// back at once, so that what the process holds is near to what is counted.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn give_back_large_blocks() {
    /// From this size on, in bytes, a block is a mapping of its own.
    const LARGE: c_int = 4 << 20;
    // SAFETY: these settings may be made at any time; when one is refused, all stays as it is.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 2 * LARGE);
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn give_back_large_blocks() {}

fn layout(bytes: usize) -> Option<Layout> {
    Layout::from_size_align(bytes.checked_add(HEAD)?, HEAD).ok()
}

unsafe extern "C" fn allocate(bytes: c_int) -> *mut c_void {
    let Some((bytes, layout)) = usize::try_from(bytes)
        .ok()
        .and_then(|bytes| Some((bytes, layout(bytes)?)))
    else {
        return std::ptr::null_mut();
    };
    if !ledger::take(bytes) {
        return std::ptr::null_mut();
    }
    // SAFETY: the layout is larger than nothing, and its alignment is that of the size that is written at its start.
    let block = unsafe {
        let start = System.alloc(layout);
        if !start.is_null() {
            start.cast::<usize>().write(bytes);
        }
        start
    };
    if block.is_null() {
        ledger::give(bytes);
        return std::ptr::null_mut();
    }
    // SAFETY: the block is longer than its head.
    unsafe { block.add(HEAD).cast() }
}

/// How large a block is that [`allocate`] or [`resize`] gave.
unsafe fn length(block: *mut c_void) -> usize {
    // SAFETY: the size stands before the block.
    unsafe { block.cast::<u8>().sub(HEAD).cast::<usize>().read() }
}

unsafe extern "C" fn release(block: *mut c_void) {
    if block.is_null() {
        return;
    }
    // SAFETY: SQLite gives back what it was given, once.
    let bytes = unsafe { length(block) };
    if let Some(layout) = layout(bytes) {
        // SAFETY: the same, and the layout is that of its allocation.
        unsafe { System.dealloc(block.cast::<u8>().sub(HEAD), layout) };
    }
    ledger::give(bytes);
}

unsafe extern "C" fn resize(block: *mut c_void, bytes: c_int) -> *mut c_void {
    // SAFETY: SQLite gives a block that it was given.
    let old = unsafe { length(block) };
    let Some((new, _)) = usize::try_from(bytes)
        .ok()
        .and_then(|bytes| Some((bytes, layout(bytes)?)))
    else {
        return std::ptr::null_mut();
    };
    let Some(old_layout) = layout(old) else {
        return std::ptr::null_mut();
    };
    // A block that moves is there twice for a moment, which is not counted.
    if new > old && !ledger::take(new - old) {
        return std::ptr::null_mut();
    }
    // SAFETY: the block has the layout of its old size, and the new size is one that a layout may have.
    let moved = unsafe {
        let start = System.realloc(block.cast::<u8>().sub(HEAD), old_layout, new + HEAD);
        if !start.is_null() {
            start.cast::<usize>().write(new);
        }
        start
    };
    if moved.is_null() {
        ledger::give(new.saturating_sub(old));
        return std::ptr::null_mut();
    }
    ledger::give(old.saturating_sub(new));
    // SAFETY: the block is longer than its head.
    unsafe { moved.add(HEAD).cast() }
}

unsafe extern "C" fn size(block: *mut c_void) -> c_int {
    if block.is_null() {
        return 0;
    }
    // SAFETY: SQLite asks for a block that it was given.
    c_int::try_from(unsafe { length(block) }).unwrap_or(c_int::MAX)
}

unsafe extern "C" fn round_up(bytes: c_int) -> c_int {
    bytes.saturating_add(7) & !7
}

unsafe extern "C" fn begin(_: *mut c_void) -> c_int {
    ffi::SQLITE_OK
}

unsafe extern "C" fn end(_: *mut c_void) {}
