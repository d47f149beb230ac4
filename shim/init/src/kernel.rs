//! The system calls that nexcage-init makes: one safe function each, with the kernel's own errors.
#![allow(unsafe_code, reason = "without a C library, a system call is an instruction")]

mod credentials;
mod descriptor;
mod exec;
mod files;
mod labels;
mod memory;
mod namespaces;
mod nodes;
mod seccomp;
mod socket;
mod terminal;

pub(crate) use credentials::*;
pub(crate) use descriptor::*;
pub(crate) use exec::*;
pub(crate) use files::*;
pub(crate) use labels::*;
pub(crate) use memory::*;
pub(crate) use namespaces::*;
pub(crate) use nodes::*;
pub(crate) use seccomp::*;
pub(crate) use socket::*;
pub(crate) use terminal::*;

use core::arch::asm;
use core::ffi::CStr;
use linux_raw_sys::errno::EINTR;
use linux_raw_sys::general::{__NR_exit_group, __NR_nanosleep, __kernel_timespec};

/// An errno.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Errno(pub(crate) u32);

/// What a system call returns.
pub(crate) type Result<T = ()> = core::result::Result<T, Errno>;

/// Ends the process.
pub(crate) fn exit(status: i32) -> ! {
    loop {
        // SAFETY: exit_group ends the process; nothing of it is used afterwards.
        let _ = unsafe { call(__NR_exit_group, [signed(status)]) };
    }
}

/// Sleeps; a signal may end the sleep early.
pub(crate) fn sleep(milliseconds: u32) {
    let time = __kernel_timespec {
        tv_sec: i64::from(milliseconds / 1000),
        tv_nsec: i64::from(milliseconds % 1000) * 1_000_000,
    };
    // SAFETY: the kernel reads `time`; the null pointer says that the rest is not wanted.
    let _ = unsafe { call(__NR_nanosleep, [address(&raw const time), 0]) };
}

/// Makes a system call; arguments that are not given are 0.
///
/// # Safety
/// The arguments are what system call `number` takes: every address is of memory that is valid for
/// what the kernel does with it, and no memory or descriptor that others own is affected.
unsafe fn call<const N: usize>(number: u32, arguments: [usize; N]) -> Result<usize> {
    let argument = |index: usize| arguments.get(index).copied().unwrap_or(0);
    let result: isize;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the caller's; rcx and r11 are what the instruction itself overwrites.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number as usize => result,
            in("rdi") argument(0),
            in("rsi") argument(1),
            in("rdx") argument(2),
            in("r10") argument(3),
            in("r8") argument(4),
            in("r9") argument(5),
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: the caller's.
    unsafe {
        asm!(
            "svc 0",
            in("x8") number as usize,
            inlateout("x0") argument(0) => result,
            in("x1") argument(1),
            in("x2") argument(2),
            in("x3") argument(3),
            in("x4") argument(4),
            in("x5") argument(5),
            options(nostack),
        );
    }
    usize::try_from(result).map_err(|_| Errno(u32::try_from(result.unsigned_abs()).unwrap_or(u32::MAX)))
}

/// Repeats a system call that a signal interrupts.
fn again(mut attempt: impl FnMut() -> Result<usize>) -> Result<usize> {
    loop {
        let result = attempt();
        if result != Err(Errno(EINTR)) {
            return result;
        }
    }
}

/// An address as an argument; the kernel may use the memory behind it.
fn address<T: ?Sized>(pointer: *const T) -> usize {
    pointer.cast::<()>().expose_provenance()
}

/// A C string as an argument.
fn path(path: &CStr) -> usize {
    address(path.as_ptr())
}

/// An `int` as an argument.
#[expect(clippy::cast_sign_loss, reason = "the kernel takes the lower half as an int again")]
fn signed(number: i32) -> usize {
    number as usize
}
