//! The seccomp filter.

use super::{Result, address, call};
use linux_raw_sys::general::__NR_seccomp;

const SECCOMP_SET_MODE_FILTER: usize = 1;
const SECCOMP_FILTER_FLAG_NEW_LISTENER: u32 = 1 << 3;
/// The length of a `struct sock_filter`.
const INSTRUCTION_LEN: usize = 8;

/// `struct sock_fprog`.
#[repr(C)]
struct Program {
    len: u16,
    filter: *const u8,
}

/// Loads a filter, for good. Gives the number of its listener's descriptor, if the flags ask for
/// one; it is closed by exec.
pub(crate) fn load_filter(flags: u32, program: &[u8]) -> Result<Option<u32>> {
    // The kernel has a limit far below, and says so.
    let len = u16::try_from(program.len() / INSTRUCTION_LEN).unwrap_or(u16::MAX);
    let program = Program { len, filter: program.as_ptr() };
    let arguments = [SECCOMP_SET_MODE_FILTER, flags as usize, address(&raw const program)];
    // SAFETY: the kernel reads the header and at most as many instructions as there are; a length
    // that was cut down is refused before.
    let result = unsafe { call(__NR_seccomp, arguments) }?;
    let notifies = flags & SECCOMP_FILTER_FLAG_NEW_LISTENER != 0;
    Ok(notifies.then(|| u32::try_from(result).unwrap_or(u32::MAX)))
}
