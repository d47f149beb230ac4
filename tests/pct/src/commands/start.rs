//! `pct start`

use super::{Session, check_lock};
use crate::command_line::Call;
use crate::conf::{Conf, mount_points};
use crate::failure::Failure;
use crate::fault::Fault;
use crate::lxc::{self, Container, Startup};
use crate::render::{ThisHost, render};
use crate::vmid::Vmid;
use rustix::process::{Signal, getpid, getppid, kill_process};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

pub(super) fn run(session: &Session<'_>, call: &Call) -> Result<(), Failure> {
    let vmid = call.vmid()?;
    if session.container(vmid).is_running() {
        return Err(Failure::died(format!("CT {vmid} already running")));
    }
    session.task(|| {
        let _lock = session.store().lock(vmid)?;
        let conf = session.store().load(vmid)?;
        if conf.main.is_set("template") {
            return Err(Failure::died("you can't start a CT if it's a template"));
        }
        if !call.is_set("skiplock") {
            check_lock(&conf.main, &["mounted"])?;
        }
        start(session, vmid, conf)
    })
}

/// Starts a CT that may be started.
///
/// # Errors
/// Whatever keeps it from running, or from being found running.
pub(super) fn start(session: &Session<'_>, vmid: Vmid, mut conf: Conf) -> Result<(), Failure> {
    let fault = Fault::wanted(session.settings)?;
    match &fault {
        Some(Fault::Fail { stdout, stderr, status }) => {
            session.console.say(stdout);
            let message = stderr.strip_suffix('\n').unwrap_or(stderr).to_owned();
            return Err(Failure { message, status: *status });
        }
        Some(Fault::Hang { milliseconds }) => hang(session, Duration::from_millis(*milliseconds))?,
        _ => {}
    }
    if !conf.pending.values.is_empty() {
        conf.apply_pending();
        session.store().save(vmid, &conf)?;
    }
    let rendered = render(vmid, &conf.main, &session.settings.lxc, &ThisHost(session.settings))?;
    lxc::fit(session.settings, vmid, &conf.main, rendered)?;
    for (_, point) in mount_points(&conf.main)? {
        point.volume.path(session.settings)?;
    }
    check_hookscript(session, vmid, &conf)?;
    let container = session.container(vmid);
    let token = getpid().as_raw_nonzero().to_string();
    if fault == Some(Fault::ConfLost) {
        fs::remove_file(session.settings.conf_file(vmid))?;
    }
    lxc::start(&container, &token)?;
    if fault == Some(Fault::Killed) {
        // As on a node: the call dies, its worker goes on.
        getppid().map(|caller| kill_process(caller, Signal::KILL)).transpose().map_err(io::Error::from)?;
    }
    judge(session, &container, &token)
}

/// Waits, but not longer than the node exists.
fn hang(session: &Session<'_>, time: Duration) -> Result<(), Failure> {
    let begin = Instant::now();
    while begin.elapsed() < time {
        if !session.settings.run.exists() {
            return Err(Failure::died("pct stand-in: the node is gone"));
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

fn judge(session: &Session<'_>, container: &Container<'_>, token: &str) -> Result<(), Failure> {
    match lxc::waits_for(container, token) {
        Startup::Failed => {
            let log = fs::read(session.settings.run_file(container.vmid, "stderr"))?;
            session.console.warn(&lxc::failures(container.vmid, &String::from_utf8_lossy(&log)));
            return Err(Failure::died(format!("startup for container '{}' failed", container.vmid)));
        }
        Startup::Silent => {
            session.console.warn("problem with monitor socket, but continuing anyway: got timeout\n\n");
        }
        Startup::Done => {}
    }
    container.pid(session.console).map(|_| ())
}

/// # Errors
/// A hook script that does not exist. One that does is not covered.
fn check_hookscript(session: &Session<'_>, vmid: Vmid, conf: &Conf) -> Result<(), Failure> {
    let Some(script) = conf.main.get("hookscript") else { return Ok(()) };
    let name = script.strip_prefix("local:").unwrap_or(script);
    Err(Failure::died(if session.settings.storage.join(name).exists() {
        "pct stand-in: hook scripts are not covered".to_owned()
    } else {
        format!("hookscript error for {vmid} on pre-start: script '{script}' does not exist\n\n")
    }))
}
