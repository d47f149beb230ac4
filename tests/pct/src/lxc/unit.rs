//! What systemd is on a node: starts lxc-start away from its caller, with /dev/null for stdio and a file
//! for stderr, and keeps its exit status to itself.
//!
//! A unit is a process `pct @unit ID TOKEN` that waits for its lxc-start. It is started by the node's
//! manager (`pct @manager`, reached over a FIFO in the run directory), so that it descends from neither
//! pct nor pct's caller; without a manager by a double fork in a session of its own, and then a caller
//! that is a subreaper inherits it.

use super::Container;
use super::system::keep_descriptors;
use crate::failure::Failure;
use crate::settings::Settings;
use crate::vmid::Vmid;
use rustix::fs::{CWD, FileType, FlockOperation, Mode, OFlags};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

/// The word that makes `pct` run as a unit.
pub(crate) const UNIT: &str = "@unit";
/// The word that makes `pct` run as the node's manager.
pub(crate) const MANAGER: &str = "@manager";

/// The token of the start that is the second half of a reboot.
pub(crate) const REBOOT: &str = "reboot";

/// How long a former unit has for its end: a node's pct is half a second at work before it asks for a
/// unit.
const LOADING: Duration = Duration::from_millis(500);

/// lxc-start's own environment has no directory with newuidmap: root's maps are then written directly,
/// which needs no line in /etc/subuid (a node has one).
const START_PATH: &str = "/sbin:/usr/sbin";
const LXC_START: &str = "/usr/bin/lxc-start";

/// How a start came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Startup {
    /// The container runs, or ran.
    Done,
    /// LXC reported that it stopped before it ran.
    Failed,
    /// LXC reported nothing in time.
    Silent,
}

/// Starts the CT's unit and returns at once, as `systemctl start` does for such a unit. The token
/// tells this start from others.
///
/// # Errors
/// The unit cannot be started.
pub(crate) fn start(container: &Container<'_>, token: &str) -> Result<(), Failure> {
    let fifo = container.settings.run.join("manager");
    match rustix::fs::open(&fifo, OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()) {
        Ok(fifo) => {
            let line = format!("{} {token}\n", container.vmid);
            Ok(File::from(fifo).write_all(line.as_bytes())?)
        }
        Err(_) => {
            let mut command = Command::new("setsid");
            command.arg("--fork").arg(env::current_exe()?).args([UNIT, &container.vmid.to_string(), token]);
            command.env("PATH", super::PATH).current_dir("/");
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
            Ok(())
        }
    }
}

/// Waits for the outcome of a start, as long as Proxmox waits for LXC's monitor.
pub(crate) fn waits_for(container: &Container<'_>, token: &str) -> Startup {
    let begin = Instant::now();
    while begin.elapsed() < container.settings.monitor_timeout {
        if let Some(ended) = ended(container, token) {
            let reported = container.settings.run_file(container.vmid, "starting").exists();
            match (ended.as_str(), reported) {
                ("0", _) => return Startup::Done,
                (_, true) => return Startup::Failed,
                // It ended before it could report anything: the time runs on.
                (_, false) => {}
            }
        } else if container.is_running() && container.has_state_running() {
            return Startup::Done;
        }
        thread::sleep(super::POLL);
    }
    Startup::Silent
}

/// How lxc-start ended, if this start's has.
fn ended(container: &Container<'_>, token: &str) -> Option<String> {
    let text = fs::read_to_string(container.settings.run_file(container.vmid, "ended")).ok()?;
    let (whose, status) = text.split_once(' ')?;
    (whose == token).then(|| status.to_owned())
}

/// The unit itself: runs lxc-start to its end. A reboot waits for the former unit of the CT; a start that finds
/// one does nothing, as systemd does nothing about a unit that is active.
///
/// # Errors
/// lxc-start cannot be run.
pub(crate) fn supervise(settings: &Settings, words: &[String]) -> Result<(), Failure> {
    let [vmid, token] = words else { return Err(Failure::died("pct stand-in: no unit")) };
    let vmid = vmid.parse().map_err(|_| Failure::died(format!("pct stand-in: no VMID: {vmid}")))?;
    // systemd passes nothing on of whoever asked for a unit.
    keep_descriptors()?;
    let lock = File::create(settings.run_file(vmid, "unit"))?;
    if token == REBOOT {
        rustix::fs::flock(&lock, FlockOperation::LockExclusive).map_err(io::Error::from)?;
    } else if !is_got(&lock) {
        return Ok(());
    }
    for kind in ["starting", "ended"] {
        remove(settings, vmid, kind)?;
    }
    let status = run(settings, vmid)?;
    let text = format!("{token} {}", status.code().unwrap_or(-1));
    // Renamed into place: a reader never sees half of it.
    let temporary = settings.run_file(vmid, "ended.new");
    fs::write(&temporary, text)?;
    Ok(fs::rename(temporary, settings.run_file(vmid, "ended"))?)
}

fn is_got(lock: &File) -> bool {
    let begin = Instant::now();
    while rustix::fs::flock(lock, FlockOperation::NonBlockingLockExclusive).is_err() {
        if begin.elapsed() > LOADING {
            return false;
        }
        thread::sleep(super::POLL);
    }
    true
}

fn run(settings: &Settings, vmid: Vmid) -> io::Result<ExitStatus> {
    let mut command = Command::new(LXC_START);
    command.arg("-F").arg("-P").arg(&settings.lxc).args(["-n", &vmid.to_string()]);
    command.env_clear().env("PATH", START_PATH);
    if let Some(path) = env::var_os(crate::settings::VARIABLE) {
        command.env(crate::settings::VARIABLE, path);
    }
    let log = File::create(settings.run_file(vmid, "stderr"))?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).current_dir("/").status()
}

fn remove(settings: &Settings, vmid: Vmid, kind: &str) -> io::Result<()> {
    match fs::remove_file(settings.run_file(vmid, kind)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The node's manager: starts a unit for every line of its FIFO, until its stdin ends.
///
/// # Errors
/// The FIFO cannot be made or opened.
pub(crate) fn manage(settings: &Settings) -> Result<(), Failure> {
    let path = settings.run.join("manager");
    rustix::fs::mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0)
        .map_err(io::Error::from)?;
    // Opened for writing too, so that it has no end.
    let fifo = File::options().read(true).write(true).open(&path)?;
    thread::spawn(move || {
        for line in BufReader::new(fifo).lines().map_while(Result::ok) {
            thread::spawn(move || start_unit(&line));
        }
    });
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}

fn start_unit(words: &str) -> io::Result<ExitStatus> {
    let mut unit = Command::new(env::current_exe()?);
    unit.arg(UNIT).args(words.split(' ')).env("PATH", super::PATH).current_dir("/");
    unit.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()
}
