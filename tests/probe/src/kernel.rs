//! The system calls that Rust's library has no word for.
#![allow(unsafe_code, reason = "the one module of the probe that has any")]

use std::ffi::CString;
use std::io;
use std::sync::atomic::{AtomicI32, Ordering};

/// What the handler of SIGSYS saw last: `si_errno`, plus one.
static TRAPPED: AtomicI32 = AtomicI32::new(0);

/// Any system call. Pointers among the arguments point to what lives through the call.
pub(crate) fn call(number: i64, arguments: [i64; 6]) -> Result<i64, i32> {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: callers pass numbers, or pointers to buffers of the size that the call wants.
    let result = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    if result == -1 { Err(last_error()) } else { Ok(result) }
}

/// A system call with a directory, which is the working directory, and a path as its first arguments.
pub(crate) fn call_path(number: i64, path: &str, rest: [i64; 4]) -> Result<i64, i32> {
    let Ok(path) = CString::new(path) else { return Err(libc::EINVAL) };
    let [b, c, d, e] = rest;
    call(number, [libc::AT_FDCWD.into(), path.as_ptr() as i64, b, c, d, e])
}

/// A system call that fills a buffer, given by its address.
pub(crate) fn address<T>(buffer: &mut T) -> i64 {
    std::ptr::from_mut(buffer) as i64
}

fn last_error() -> i32 {
    io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// The name of an error number.
pub(crate) fn error_name(errno: i32) -> String {
    let names = [
        (libc::EPERM, "EPERM"),
        (libc::ENOENT, "ENOENT"),
        (libc::ESRCH, "ESRCH"),
        (libc::EIO, "EIO"),
        (libc::ENXIO, "ENXIO"),
        (libc::EBADF, "EBADF"),
        (libc::EACCES, "EACCES"),
        (libc::EFAULT, "EFAULT"),
        (libc::EBUSY, "EBUSY"),
        (libc::EEXIST, "EEXIST"),
        (libc::ENODEV, "ENODEV"),
        (libc::ENOTDIR, "ENOTDIR"),
        (libc::EISDIR, "EISDIR"),
        (libc::EINVAL, "EINVAL"),
        (libc::ENOTTY, "ENOTTY"),
        (libc::EROFS, "EROFS"),
        (libc::ENOSYS, "ENOSYS"),
        (libc::ELOOP, "ELOOP"),
        (libc::ENOKEY, "ENOKEY"),
        (libc::EOVERFLOW, "EOVERFLOW"),
    ];
    let known = names.iter().find(|(number, _)| *number == errno);
    known.map_or_else(|| format!("errno {errno}"), |(_, name)| (*name).to_owned())
}

/// Writes all of it, as far as the reader takes it.
pub(crate) fn write_all(descriptor: i32, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let length = i64::try_from(bytes.len()).unwrap_or(0);
        match call(libc::SYS_write, [descriptor.into(), bytes.as_ptr() as i64, length, 0, 0, 0]) {
            Ok(written) => bytes = &bytes[usize::try_from(written).unwrap_or(bytes.len())..],
            Err(libc::EINTR | libc::EAGAIN) => {}
            Err(_) => return,
        }
    }
}

/// Reads some bytes; none at the end, and if it cannot be read.
pub(crate) fn read_some(descriptor: i32) -> Vec<u8> {
    let mut bytes = vec![0_u8; 65536];
    let arguments = [descriptor.into(), bytes.as_mut_ptr() as i64, 65536, 0, 0, 0];
    bytes.truncate(call(libc::SYS_read, arguments).ok().and_then(|n| usize::try_from(n).ok()).unwrap_or(0));
    bytes
}

/// Reads until a line ends or there is no more.
pub(crate) fn read_line(descriptor: i32) {
    loop {
        let bytes = read_some(descriptor);
        if bytes.is_empty() || bytes.contains(&b'\n') {
            return;
        }
    }
}

/// Opens a path; gives the descriptor.
pub(crate) fn open(path: &str, flags: i32) -> Result<i32, i32> {
    call_path(libc::SYS_openat, path, [i64::from(flags | libc::O_CLOEXEC), 0o600, 0, 0])
        .map(|descriptor| i32::try_from(descriptor).unwrap_or(-1))
}

/// Closes a descriptor.
pub(crate) fn close(descriptor: i32) {
    let _ = call(libc::SYS_close, [descriptor.into(), 0, 0, 0, 0, 0]);
}

/// Splits the process in two: `None` in the child, its pid in the parent.
pub(crate) fn fork() -> Result<Option<i32>, i32> {
    // SAFETY: the probe has one thread here.
    match unsafe { libc::fork() } {
        -1 => Err(last_error()),
        0 => Ok(None),
        pid => Ok(Some(pid)),
    }
}

/// Waits for a child; gives its wait status.
pub(crate) fn wait(pid: i32) -> i32 {
    let mut status = 0;
    while call(libc::SYS_wait4, [pid.into(), address(&mut status), 0, 0, 0, 0]) == Err(libc::EINTR) {}
    status
}

/// Ends the process at once.
pub(crate) fn leave(status: i32) -> ! {
    // SAFETY: ends the process.
    unsafe { libc::_exit(status) }
}

/// Sends the process a signal whose disposition is the default one.
pub(crate) fn die_by(signal: i32) {
    let _ = call(libc::SYS_kill, [call(libc::SYS_getpid, [0; 6]).unwrap_or(0), signal.into(), 0, 0, 0, 0]);
}

/// From now on SIGSYS does not kill; [`trapped`] tells of it.
pub(crate) fn catch_bad_calls() {
    // SAFETY: a zeroed sigaction is one with an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = on_bad_call as extern "C" fn(_, _, _) as usize;
    action.sa_flags = libc::SA_SIGINFO;
    // SAFETY: the handler only stores a number.
    unsafe { libc::sigaction(libc::SIGSYS, &raw const action, std::ptr::null_mut()) };
}

extern "C" fn on_bad_call(_signal: i32, info: *const libc::siginfo_t, _context: *const libc::c_void) {
    // SAFETY: the kernel passes a valid siginfo.
    TRAPPED.store(unsafe { (*info).si_errno } + 1, Ordering::Relaxed);
}

/// The data of the filter's TRAP action, if there was one.
pub(crate) fn trapped() -> Option<i32> {
    Some(TRAPPED.swap(0, Ordering::Relaxed) - 1).filter(|data| *data >= 0)
}
