//! What a C runtime and library would bring: the entry point, the functions that the compiler
//! itself calls, the end of a panic; and the promise that there is no heap.
#![allow(unsafe_code, reason = "the kernel and the compiler call these by name, with raw pointers")]

use crate::kernel;
use core::alloc::{GlobalAlloc, Layout};
use core::arch::global_asm;
use core::ffi::{CStr, c_char, c_int};
use core::panic::PanicInfo;
use core::ptr;
use nexcage_init::status;

// The stack begins with argc, argv[0] and argv[1]; a null pointer is behind the last. No frame is
// above this one.
#[cfg(target_arch = "x86_64")]
global_asm!(
    ".globl _start",
    "_start:",
    "xor ebp, ebp",
    "mov rdi, [rsp + 8]",
    "mov rsi, [rsp + 16]",
    "and rsp, -16",
    "call {begin}",
    begin = sym begin,
);
#[cfg(target_arch = "aarch64")]
global_asm!(
    ".globl _start",
    "_start:",
    "mov x29, xzr",
    "mov x30, xzr",
    "ldr x0, [sp, #8]",
    "ldr x1, [sp, #16]",
    "bl {begin}",
    begin = sym begin,
);

extern "C" fn begin(own_path: *const c_char, argument: *const c_char) -> ! {
    if own_path.is_null() {
        kernel::exit(status::NOT_STARTED);
    }
    // SAFETY: not null, so it is argv[0], a string that lives as long as the process.
    let own_path = unsafe { CStr::from_ptr(own_path) };
    // SAFETY: argv[0] is there, so this is argv[1], another such string or null.
    let argument = (!argument.is_null()).then(|| unsafe { CStr::from_ptr(argument) });
    kernel::exit(crate::run(own_path, argument))
}

#[panic_handler]
fn panicked(_: &PanicInfo<'_>) -> ! {
    kernel::exit(status::PANICKED)
}

/// The precompiled `core` of debug builds names it; a panic that aborts never calls it.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// A heap without memory. Linking `alloc` asks for one, as the protocol's crate does when cargo
/// builds it for the shim as well; nothing here uses it.
struct NoHeap;

#[global_allocator]
static HEAP: NoHeap = NoHeap;

// SAFETY: it gives out no memory, which an allocator may always do.
unsafe impl GlobalAlloc for NoHeap {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        ptr::null_mut()
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

// The functions below access each byte by a volatile operation: the compiler would see through
// ordinary loops and replace them by calls of the very functions that they are.

/// # Safety
/// As in C: `len` bytes are valid at both places, which don't overlap.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    for index in 0..len {
        // SAFETY: the caller's.
        unsafe { copy_byte(to, from, index) };
    }
    to
}

/// # Safety
/// As in C: `len` bytes are valid at both places.
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    if to.cast_const() < from {
        // SAFETY: the caller's, and no byte is written that is still to be read.
        return unsafe { memcpy(to, from, len) };
    }
    for index in (0..len).rev() {
        // SAFETY: the caller's.
        unsafe { copy_byte(to, from, index) };
    }
    to
}

/// # Safety
/// As in C: `len` bytes are valid.
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: c_int, len: usize) -> *mut u8 {
    // C converts it to unsigned char.
    let [byte, ..] = byte.to_le_bytes();
    for index in 0..len {
        // SAFETY: the caller's.
        unsafe { to.wrapping_add(index).write_volatile(byte) };
    }
    to
}

/// # Safety
/// As in C: `len` bytes are valid at both places.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, len: usize) -> c_int {
    for index in 0..len {
        // SAFETY: the caller's.
        let left = unsafe { byte_at(a, index) };
        // SAFETY: the caller's.
        let right = unsafe { byte_at(b, index) };
        if left != right {
            return c_int::from(left) - c_int::from(right);
        }
    }
    0
}

/// # Safety
/// As in C: `len` bytes are valid at both places.
#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, len: usize) -> c_int {
    // SAFETY: the caller's.
    unsafe { memcmp(a, b, len) }
}

/// # Safety
/// As in C: a string that ends with NUL.
#[unsafe(no_mangle)]
unsafe extern "C" fn strlen(string: *const u8) -> usize {
    let mut len = 0;
    // SAFETY: the caller's: up to the NUL every byte is valid.
    while unsafe { byte_at(string, len) } != 0 {
        len += 1;
    }
    len
}

/// # Safety
/// The byte at `index` is valid at both places.
unsafe fn copy_byte(to: *mut u8, from: *const u8, index: usize) {
    // SAFETY: the caller's.
    let byte = unsafe { byte_at(from, index) };
    // SAFETY: the caller's.
    unsafe { to.wrapping_add(index).write_volatile(byte) };
}

/// # Safety
/// The byte at `index` is valid.
unsafe fn byte_at(from: *const u8, index: usize) -> u8 {
    // SAFETY: the caller's.
    unsafe { from.wrapping_add(index).read_volatile() }
}
