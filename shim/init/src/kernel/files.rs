//! Paths, mounts and the working directory.

use super::{Errno, Fd, Result, address, call, path, signed};
use core::ffi::CStr;
use core::mem::MaybeUninit;
use linux_raw_sys::errno::ENOENT;
use linux_raw_sys::general::{
    __NR_chdir, __NR_getcwd, __NR_mkdirat, __NR_openat, __NR_statx, __NR_umask, __NR_umount2, __NR_unlinkat,
    AT_EMPTY_PATH, AT_FDCWD, AT_REMOVEDIR, MNT_DETACH, O_CLOEXEC, O_NOCTTY, O_NONBLOCK, O_RDONLY, S_IFMT,
    S_IFREG, STATX_TYPE, UMOUNT_NOFOLLOW, statx,
};

/// Sets the file mode creation mask.
pub(crate) fn set_umask(mask: u32) {
    // SAFETY: touches no memory. It can't fail.
    let _ = unsafe { call(__NR_umask, [mask as usize]) };
}

/// Takes the mount at `target`, and every mount below it, out of the tree.
pub(crate) fn detach_mount(target: &CStr) -> Result {
    let flags = (MNT_DETACH | UMOUNT_NOFOLLOW) as usize;
    // SAFETY: the kernel reads the path. Mapped files keep their mount.
    unsafe { call(__NR_umount2, [path(target), flags]) }.map(drop)
}

/// Makes a directory; the mask applies to `mode`.
pub(crate) fn make_directory(name: &CStr, mode: u32) -> Result {
    let arguments = [signed(AT_FDCWD), path(name), mode as usize];
    // SAFETY: the kernel reads the path.
    unsafe { call(__NR_mkdirat, arguments) }.map(drop)
}

/// Removes an empty directory.
pub(crate) fn remove_directory(name: &CStr) -> Result {
    let arguments = [signed(AT_FDCWD), path(name), AT_REMOVEDIR as usize];
    // SAFETY: the kernel reads the path.
    unsafe { call(__NR_unlinkat, arguments) }.map(drop)
}

/// Makes `directory` the working directory.
pub(crate) fn change_directory(directory: &CStr) -> Result {
    // SAFETY: the kernel reads the path.
    unsafe { call(__NR_chdir, [path(directory)]) }.map(drop)
}

/// Fails with ENOENT unless the working directory can be reached from the root.
pub(crate) fn check_directory_inside_root() -> Result {
    let mut buffer = [0_u8; nexcage_init::path::PATH_MAX];
    // SAFETY: the kernel writes to `buffer`, not beyond its length.
    unsafe { call(__NR_getcwd, [address(buffer.as_mut_ptr()), buffer.len()]) }?;
    // The path of a directory outside begins with "(unreachable)".
    if buffer[0] == b'/' { Ok(()) } else { Err(Errno(ENOENT)) }
}

/// Opens a regular file for reading; never waits for anything, as opening a FIFO would.
pub(crate) fn open_regular(name: &CStr) -> Result<Fd> {
    let flags = (O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) as usize;
    // SAFETY: the kernel reads the path.
    let fd = unsafe { call(__NR_openat, [signed(AT_FDCWD), path(name), flags, 0]) }.map(Fd::from_result)?;
    let mode = u32::from(status(fd.argument(), c"")?.stx_mode);
    if mode & S_IFMT == S_IFREG { Ok(fd) } else { Err(Errno(ENOENT)) }
}

/// Whether both paths are on the same file system.
pub(crate) fn on_same_device(a: &CStr, b: &CStr) -> Result<bool> {
    let device = |name| status(signed(AT_FDCWD), name).map(|s| (s.stx_dev_major, s.stx_dev_minor));
    Ok(device(a)? == device(b)?)
}

/// Asks for the type, the device and the numbers of a file: `directory` itself if `name` is empty.
pub(super) fn status(directory: usize, name: &CStr) -> Result<statx> {
    let mut status = MaybeUninit::<statx>::zeroed();
    let (flags, mask) = (AT_EMPTY_PATH as usize, STATX_TYPE as usize);
    // SAFETY: the kernel reads the path and writes a statx.
    unsafe { call(__NR_statx, [directory, path(name), flags, mask, address(status.as_mut_ptr())]) }?;
    // SAFETY: a statx is numbers only, for which zeroes are a value.
    Ok(unsafe { status.assume_init() })
}
