//! System calls that rustix does not have.
#![allow(unsafe_code)] // There is no other way to make them.

use rustix::fs::AtFlags;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// struct mount_attr of linux/mount.h.
#[repr(C)]
struct MountAttributes {
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: u64,
}

/// MOUNT_ATTR_IDMAP of linux/mount.h.
const IDMAP: u64 = 0x0010_0000;

/// Maps the owners in a detached mount through a user namespace (mount_setattr(2)).
pub(super) fn map_owners(tree: BorrowedFd<'_>, users: BorrowedFd<'_>) -> io::Result<()> {
    let user_namespace = u64::try_from(users.as_raw_fd()).map_err(io::Error::other)?;
    let attributes = MountAttributes { set: IDMAP, clear: 0, propagation: 0, user_namespace };
    // SAFETY: the descriptors are open, the path is a NUL-terminated literal, and the structure lives
    // through the call and is as long as we say.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            AtFlags::EMPTY_PATH.bits(),
            &raw const attributes,
            size_of::<MountAttributes>(),
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Keeps every descriptor but stdio from programs that we start (close_range(2)).
pub(super) fn keep_descriptors() -> io::Result<()> {
    // SAFETY: only sets the close-on-exec flag of whatever is open.
    let result =
        unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
