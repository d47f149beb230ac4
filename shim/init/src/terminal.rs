//! The process's terminal: a pty of the container's own devpts.

use crate::Role;
use crate::kernel::{self, Errno, Fd};
use core::ffi::CStr;
use linux_raw_sys::errno::{ENAMETOOLONG, ENOENT};
use nexcage_init::path::{DIGITS, decimal, join};

/// Of the devpts itself, and, where that is elsewhere, what the image or a mount has.
const MULTIPLEXERS: [&CStr; 2] = [c"/dev/pts/ptmx", c"/dev/ptmx"];
const DEVPTS: &[u8] = b"/dev/pts";
/// With a slash, a number and the NUL.
const NAME_LEN: usize = DEVPTS.len() + 1 + DIGITS + 1;
const CONSOLE: &CStr = c"/dev/console";

/// Opens a terminal for a user, makes it stdin, stdout, stderr and the controlling terminal of this
/// session, and shows that of an init as /dev/console. Gives its master.
pub(crate) fn open(uid: u32, role: Role<'_>) -> kernel::Result<Fd> {
    let [first, second] = MULTIPLEXERS;
    let master = match kernel::open_master(first) {
        Err(Errno(ENOENT)) => kernel::open_master(second),
        opened => opened,
    }?;
    let terminal = kernel::open_peer(&master)?;
    if let Role::Init(_) = role {
        show_as_console(&master)?;
    }
    if uid != 0 {
        kernel::own(&terminal, uid)?;
    }
    kernel::control(&terminal)?;
    kernel::install_stdio([&terminal; 3])?;
    Ok(master)
}

fn show_as_console(master: &Fd) -> kernel::Result {
    let (mut digits, mut name) = ([0; DIGITS], [0; NAME_LEN]);
    let number = decimal(kernel::pty_number(master)?, &mut digits);
    let name = join(DEVPTS, number, &mut name).ok_or(Errno(ENAMETOOLONG))?;
    kernel::make_mount_point(CONSOLE)?;
    kernel::bind(name, CONSOLE)
}
