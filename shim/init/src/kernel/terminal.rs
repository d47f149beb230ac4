//! Pseudo-terminals (pty(7)) and sessions.

use super::{Errno, Fd, Result, address, call, path, signed};
use core::ffi::CStr;
use linux_raw_sys::errno::EPERM;
use linux_raw_sys::general::{
    __NR_fchmod, __NR_fchown, __NR_ioctl, __NR_mount, __NR_openat, __NR_setsid, AT_FDCWD, MS_BIND, O_CLOEXEC,
    O_CREAT, O_EXCL, O_LARGEFILE, O_NOCTTY, O_NOFOLLOW, O_RDWR, O_WRONLY,
};
use linux_raw_sys::ioctl::{TIOCGPTN, TIOCGPTPEER, TIOCSCTTY, TIOCSPTLCK};

/// Opens a new pty by its multiplexer and gives its master, above stdio.
pub(crate) fn open_master(multiplexer: &CStr) -> Result<Fd> {
    let flags = (O_RDWR | O_NOCTTY | O_CLOEXEC) as usize;
    // SAFETY: the kernel reads the path.
    let fd = unsafe { call(__NR_openat, [signed(AT_FDCWD), path(multiplexer), flags, 0]) };
    fd.map(Fd::from_result)?.above_stdio()
}

/// The number of the pty, which is its name in devpts.
pub(crate) fn pty_number(master: &Fd) -> Result<u32> {
    let mut number = 0_u32;
    // SAFETY: the kernel writes an int.
    unsafe { call(__NR_ioctl, [master.argument(), TIOCGPTN as usize, address(&raw mut number)]) }?;
    Ok(number)
}

/// Unlocks the pty and opens its other side, above stdio.
pub(crate) fn open_peer(master: &Fd) -> Result<Fd> {
    let locked = 0_i32;
    let arguments = [master.argument(), TIOCSPTLCK as usize, address(&raw const locked)];
    // SAFETY: the kernel reads an int.
    unsafe { call(__NR_ioctl, arguments) }?;
    // As a program that opens it by name has it; it is closed on its way to 0, 1 and 2.
    let flags = (O_RDWR | O_NOCTTY | O_LARGEFILE) as usize;
    // SAFETY: makes a new descriptor, touches no memory.
    let fd = unsafe { call(__NR_ioctl, [master.argument(), TIOCGPTPEER as usize, flags]) };
    fd.map(Fd::from_result)?.above_stdio()
}

/// Begins a session; the leader of one stays it.
pub(crate) fn begin_session() -> Result {
    // SAFETY: touches no memory.
    match unsafe { call(__NR_setsid, []) } {
        Err(Errno(EPERM)) => Ok(()),
        result => result.map(drop),
    }
}

/// Makes a terminal the controlling one of this session.
pub(crate) fn control(terminal: &Fd) -> Result {
    // SAFETY: touches no memory.
    unsafe { call(__NR_ioctl, [terminal.argument(), TIOCSCTTY as usize, 0]) }.map(drop)
}

/// Gives an open file to a user; its group stays.
pub(crate) fn own(file: &Fd, uid: u32) -> Result {
    // SAFETY: touches no memory; -1 is "leave as it is".
    unsafe { call(__NR_fchown, [file.argument(), uid as usize, signed(-1)]) }.map(drop)
}

/// Makes an empty file for everybody to read and write, for something to be mounted on; one that is
/// there already is left as it is.
pub(crate) fn make_mount_point(name: &CStr) -> Result {
    const MODE: usize = 0o666;
    let flags = (O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC) as usize;
    // SAFETY: the kernel reads the path.
    match unsafe { call(__NR_openat, [signed(AT_FDCWD), path(name), flags, MODE]) }.map(Fd::from_result) {
        Err(Errno(linux_raw_sys::errno::EEXIST)) => Ok(()),
        // SAFETY: touches no memory.
        result => unsafe { call(__NR_fchmod, [result?.argument(), MODE]) }.map(drop),
    }
}

/// Shows the file `source` at `target` as well.
pub(crate) fn bind(source: &CStr, target: &CStr) -> Result {
    let arguments = [path(source), path(target), 0, MS_BIND as usize, 0];
    // SAFETY: the kernel reads the paths; a bind mount has neither type nor data.
    unsafe { call(__NR_mount, arguments) }.map(drop)
}
