//! Tasks run in a process of their own, as Proxmox's do: the call relays the worker's output and ends
//! with its status. SIGINT and SIGTERM to the call end the worker; after a SIGKILL it goes on alone,
//! with the CT's lock.

use crate::failure::Failure;
use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::{env, thread};

/// The word before a call's own that makes `pct` run as its worker.
pub(crate) const NAME: &str = "@worker";

/// The status when the worker was ended by a signal.
const ENDED: u8 = 255;

/// Runs the rest of a call in a worker.
///
/// # Errors
/// The worker fails; it has said why.
pub(crate) fn delegate(words: &[OsString]) -> Result<(), Failure> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let mut worker = Command::new(env::current_exe()?);
    worker.arg(NAME).args(words).process_group(0);
    let mut worker = worker.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let group = i32::try_from(worker.id()).ok().and_then(Pid::from_raw);
    let handle = signals.handle();
    let watch = thread::spawn(move || {
        for _ in signals.forever() {
            // The group is gone when the worker is.
            let _gone = group.map(|group| kill_process_group(group, Signal::TERM));
        }
    });
    let status = relay(&mut worker);
    handle.close();
    drop(watch.join());
    match status? {
        0 => Ok(()),
        status => Err(Failure { message: String::new(), status }),
    }
}

fn relay(worker: &mut Child) -> io::Result<u8> {
    let copies = [
        worker.stdout.take().map(|from| thread::spawn(move || copy(from, io::stdout()))),
        worker.stderr.take().map(|from| thread::spawn(move || copy(from, io::stderr()))),
    ];
    let status = worker.wait()?;
    for copy in copies.into_iter().flatten() {
        drop(copy.join());
    }
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(ENDED))
}

/// Copies until either side ends; a reader that went away is no error of the task.
fn copy(mut from: impl Read, mut to: impl Write) {
    drop(io::copy(&mut from, &mut to).and_then(|_| to.flush()));
}
