//! `pty ROWS COLUMNS COMMAND...`: on the host, runs a command in a terminal of its own and copies
//! between that and stdin and stdout, as a person's terminal window would.

use crate::kernel::{self, address, call};
use std::ffi::c_int;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::thread;

/// Gives the command's status.
pub(crate) fn run_in_one(rows: &str, columns: &str, command: &[&str]) -> c_int {
    let (Ok(master), [program, words @ ..]) =
        (kernel::open("/dev/ptmx", libc::O_RDWR | libc::O_NOCTTY), command)
    else {
        return 125;
    };
    let control = |descriptor: i32, request: u64, argument: i64| {
        call(libc::SYS_ioctl, [descriptor.into(), request as i64, argument, 0, 0, 0])
    };
    let (mut unlock, mut number) = (0_i32, 0_i32);
    let mut size = [rows.parse().unwrap_or(24), columns.parse::<u16>().unwrap_or(80), 0, 0];
    let _ = control(master, libc::TIOCSPTLCK, address(&mut unlock));
    let _ = control(master, libc::TIOCGPTN, address(&mut number));
    let _ = control(master, libc::TIOCSWINSZ, address(&mut size));
    let Ok(slave) = kernel::open(&format!("/dev/pts/{number}"), libc::O_RDWR | libc::O_NOCTTY) else {
        return 125;
    };
    let child = match kernel::fork() {
        Err(_) => return 125,
        Ok(None) => {
            let _ = call(libc::SYS_setsid, [0; 6]);
            let _ = control(slave, libc::TIOCSCTTY, 0);
            for descriptor in 0..3 {
                let _ = call(libc::SYS_dup3, [slave.into(), descriptor, 0, 0, 0, 0]);
            }
            drop(Command::new(program).args(words).exec());
            kernel::leave(127);
        }
        Ok(Some(child)) => child,
    };
    kernel::close(slave);
    thread::spawn(move || {
        kernel::read_line(0);
        kernel::write_all(master, b"\n");
    });
    loop {
        let bytes = kernel::read_some(master);
        if bytes.is_empty() {
            break;
        }
        kernel::write_all(1, &bytes);
    }
    let status = kernel::wait(child);
    if status & 0x7f == 0 { status >> 8 & 0xff } else { 128 + (status & 0x7f) }
}
