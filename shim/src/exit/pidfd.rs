//! `PIDFD_GET_INFO` with `PIDFD_INFO_EXIT` (linux/pidfd.h, Linux 6.15).

#![allow(unsafe_code)] // An ioctl that no library has yet.

use crate::exit::WaitStatus;
use rustix::io::Errno;
use rustix::ioctl::{Opcode, Updater, ioctl, opcode};
use std::io;
use std::os::fd::BorrowedFd;

/// `struct pidfd_info` in its first published size, 64 bytes.
#[repr(C)]
#[derive(Debug, Default)]
struct PidfdInfo {
    mask: u64,
    cgroup_id: u64,
    ids: [u32; 11],
    exit_code: i32,
}

const PIDFD_GET_INFO: Opcode = opcode::read_write::<PidfdInfo>(0xff, 11);
const PIDFD_INFO_EXIT: u64 = 1 << 3;
/// The first kernel that has it.
const SINCE: (u32, u32) = (6, 15);

/// Whether this kernel tells exit statuses by pidfd. It can only be asked about a process that has
/// ended, so the version has to do.
pub(super) fn tells_exit() -> bool {
    let uname = rustix::system::uname();
    uname.release().to_str().is_ok_and(|release| version(release) >= Some(SINCE))
}

fn version(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// The wait status of a process that has been reaped; `None` while it is not there.
pub(super) fn exit_status(pidfd: BorrowedFd<'_>) -> io::Result<Option<WaitStatus>> {
    let mut info = PidfdInfo { mask: PIDFD_INFO_EXIT, ..PidfdInfo::default() };
    // SAFETY: the opcode carries the size of PidfdInfo, which is laid out as the kernel's.
    let updater = unsafe { Updater::<PIDFD_GET_INFO, PidfdInfo>::new(&mut info) };
    // SAFETY: the kernel writes at most the size in the opcode to `info`, which lives on.
    let result = unsafe { ioctl(pidfd, updater) };
    match result {
        Ok(()) => Ok((info.mask & PIDFD_INFO_EXIT != 0).then_some(WaitStatus(info.exit_code))),
        // A kernel that would tell, asked about a process that ended before the pidfd was opened.
        Err(Errno::SRCH) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::{PIDFD_GET_INFO, version};

    #[test]
    fn the_opcode_is_the_kernels() {
        assert_eq!(PIDFD_GET_INFO, 0xc040_ff0b);
    }

    #[test]
    fn releases_compare_by_number() {
        assert!(version("6.8.12-4-pve") < Some((6, 15)));
        assert!(version("6.17.2-1-pve") >= Some((6, 15)));
        assert!(version("10.0") >= Some((6, 15)));
        assert_eq!(version("unknown"), None);
    }
}
