//! How much memory a process has used.

use crate::error::Error;
use crate::step::shown;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// What a pipe holds, pipe(7).
const PIPE_CAPACITY: usize = 65_536;

/// The peak resident set in KiB of a command that prints when its work is done: it is looked at while
/// it waits for room in a full pipe.
pub(crate) fn peak_until_output(command: &mut Command) -> Result<u64, Error> {
    let failed = |command: &Command, source| Error::Start { program: shown(command), source };
    let (read, write) = rustix::pipe::pipe().map_err(|errno| failed(command, errno.into()))?;
    let mut write = fs::File::from(write);
    write.write_all(&[0; PIPE_CAPACITY]).map_err(|source| failed(command, source))?;
    let spawned = command.stdin(Stdio::null()).stdout(write).stderr(Stdio::null()).spawn();
    let mut child = spawned.map_err(|source| failed(command, source))?;
    thread::sleep(Duration::from_millis(200));
    let peak = memory(&child, "status", "VmHWM:").map_err(|source| failed(command, source));
    drop(child.kill().and_then(|()| child.wait()));
    drop(read);
    peak
}

/// Peak resident set and proportional set in KiB of a command that runs a process which prints a line
/// and then waits for its stdin to end.
pub(crate) fn while_running(command: &mut Command) -> Result<[u64; 2], Error> {
    let failed = |command: &Command, source| Error::Start { program: shown(command), source };
    let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = spawned.map_err(|source| failed(command, source))?;
    if let Some(stdout) = child.stdout.take() {
        drop(BufReader::new(stdout).read_line(&mut String::new()));
    }
    // What it does once its process runs belongs to it.
    thread::sleep(Duration::from_millis(200));
    let seen = memory(&child, "status", "VmHWM:")
        .and_then(|peak| Ok([peak, memory(&child, "smaps_rollup", "Pss:")?]));
    drop(child.wait());
    seen.map_err(|source| failed(command, source))
}

/// A line of a file of a process in /proc, in KiB (proc(5)).
fn memory(child: &Child, file: &str, name: &str) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{}/{file}", child.id()))?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.ok_or_else(|| io::Error::other(format!("no {name} in /proc/PID/{file}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_is_held_by_its_output_is_measured() {
        let peak = peak_until_output(Command::new("/bin/echo").arg("x")).unwrap();
        assert!((100..20_000).contains(&peak), "{peak}");
    }

    #[test]
    fn a_process_that_waits_for_its_stdin_is_measured() {
        let [peak, share] =
            while_running(Command::new("/bin/sh").args(["-c", "echo up; read line"])).unwrap();
        assert!(share > 0 && share <= peak, "{share} {peak}");
    }
}
