//! Labels of mandatory access control, which hold from exec on.

use super::{Errno, Fd, Mapping, Result, address, call, path, signed, write};
use core::ffi::CStr;
use core::mem::{MaybeUninit, size_of};
use linux_raw_sys::errno::ENOENT;
use linux_raw_sys::general::{
    __NR_fstatfs, __NR_openat, __NR_openat2, AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_NOFOLLOW, O_PATH, O_WRONLY,
    PROC_SUPER_MAGIC, RESOLVE_BENEATH, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_XDEV, open_how, statfs,
};

/// Has AppArmor change to `profile` at exec.
pub(crate) fn set_apparmor_profile(profile: &CStr) -> Result {
    const COMMAND: &[u8] = b"exec ";
    // The kernel takes the whole command in one piece.
    let mut command = Mapping::zeroed(COMMAND.len() + profile.count_bytes())?;
    let (start, rest) = command.split_at_mut(COMMAND.len());
    start.copy_from_slice(COMMAND);
    rest.copy_from_slice(profile.to_bytes());
    match set_attribute(c"self/attr/apparmor/exec", &command) {
        // Before Linux 5.8, or without AppArmor.
        Err(Errno(ENOENT)) => set_attribute(c"self/attr/exec", &command),
        result => result,
    }
}

/// Has SELinux change to `label` at exec.
pub(crate) fn set_selinux_label(label: &CStr) -> Result {
    set_attribute(c"self/attr/exec", label.to_bytes())
}

/// Writes to a file of the container's /proc itself, not to what an image or a mount has put in
/// its place: that would leave the process without its label.
fn set_attribute(name: &CStr, value: &[u8]) -> Result {
    let flags = (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) as usize;
    // SAFETY: the kernel reads the path.
    let directory = unsafe { call(__NR_openat, [signed(AT_FDCWD), path(c"/proc"), flags, 0]) };
    let directory = directory.map(Fd::from_result)?;
    if file_system(&directory)? != PROC_SUPER_MAGIC {
        return Err(Errno(ENOENT));
    }
    let how = open_how {
        flags: u64::from(O_WRONLY | O_CLOEXEC),
        mode: 0,
        resolve: u64::from(RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV),
    };
    let arguments = [directory.argument(), path(name), address(&raw const how), size_of::<open_how>()];
    // SAFETY: the kernel reads the path and as much of `how` as is said.
    let file = unsafe { call(__NR_openat2, arguments) }.map(Fd::from_result)?;
    write(&file, value).map(drop)
}

/// The type of the file system that a file is on.
fn file_system(file: &Fd) -> Result<u32> {
    let mut status = MaybeUninit::<statfs>::zeroed();
    // SAFETY: the kernel writes a statfs.
    unsafe { call(__NR_fstatfs, [file.argument(), address(status.as_mut_ptr())]) }?;
    // SAFETY: a statfs is numbers only, for which zeroes are a value.
    let status = unsafe { status.assume_init() };
    Ok(u32::try_from(status.f_type).unwrap_or(0))
}
