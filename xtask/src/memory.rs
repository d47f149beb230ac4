//! How much memory a process has used.

use crate::error::Error;
use crate::packages::Need;
use crate::step::shown;
use std::fmt;
use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// GNU time, which asks the kernel for what the process took.
pub(crate) const TIME: Need = ("time", "time");

/// The peak resident set in KiB of a command that ends by itself. What it prints is dropped.
pub(crate) fn peak(command: &Command) -> Result<u64, Error> {
    let mut time = Command::new("/usr/bin/time");
    time.args(["--quiet", "--format", "%M"]).arg(command.get_program()).args(command.get_args());
    if let Some(directory) = command.get_current_dir() {
        time.current_dir(directory);
    }
    let output = time.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).output();
    let output = output.map_err(|source| Error::Start { program: shown(&time), source })?;
    let text = String::from_utf8_lossy(&output.stderr);
    let peak = text.lines().next_back().and_then(|line| line.parse().ok());
    peak.ok_or_else(|| Error::Ended { program: shown(command), status: output.status })
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

/// What a process takes; memory in KiB.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Takes {
    pub(crate) rss: u64,
    pub(crate) pss: u64,
    pub(crate) private: u64,
    pub(crate) descriptors: usize,
    pub(crate) threads: usize,
}

impl fmt::Display for Takes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Takes { rss, pss, private, descriptors, threads } = self;
        write!(
            f,
            "RSS {rss} KiB, PSS {pss}, private {private}, {descriptors} descriptors, {threads} thread(s)"
        )
    }
}

/// What a process takes now (proc(5), smaps_rollup).
pub(crate) fn takes(pid: u32) -> Result<Takes, Error> {
    let process = Path::new("/proc").join(pid.to_string());
    let file = |source| Error::File { path: process.display().to_string(), source };
    let text = fs::read_to_string(process.join("smaps_rollup")).map_err(file)?;
    let line = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0)
    };
    let count = |name: &str| fs::read_dir(process.join(name)).map(Iterator::count).map_err(file);
    Ok(Takes {
        rss: line("Rss:"),
        pss: line("Pss:"),
        private: line("Private_Clean:") + line("Private_Dirty:"),
        descriptors: count("fd")?,
        threads: count("task")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_of_a_command_is_measured() {
        let peak = peak(Command::new("/bin/echo").arg("x")).unwrap();
        assert!((100..20_000).contains(&peak), "{peak}");
    }

    #[test]
    fn a_process_that_waits_for_its_stdin_is_measured() {
        let [peak, share] =
            while_running(Command::new("/bin/sh").args(["-c", "echo up; read line"])).unwrap();
        assert!(share > 0 && share <= peak, "{share} {peak}");
    }
}
