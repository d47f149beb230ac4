//! A further process in a container.

use crate::backend;
use crate::error::Error;
use crate::handover::{Init, Started, program_of, setup_error};
use crate::hooks::HookRunner;
use crate::limits;
use crate::seccomp::{self, lxc_policy, notify};
use crate::stdio::Stdio;
use crate::stdio::logger::{self, Logger, Patience};
use crate::work::create::{self, find_init, finish_process, say_to, show};
use crate::work::later::Later;
use crate::work::{Follows, Report, Reporter, Site};
use bundle_validate::Bundle;
use lxc_render_config::{Hooks, Rendered};
use nexcage_handover::flags;
use nexcage_record::Record;
use rustix::process::Pid;
use serde_json::{Map, Value};
use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// What is to be executed.
#[derive(Debug)]
pub(crate) struct Execution {
    /// The process of the runtime specification, as JSON.
    pub(crate) process: Vec<u8>,
    pub(crate) stdio: Stdio,
    /// Descriptors 3 and up of the process.
    pub(crate) extra: Vec<OwnedFd>,
    /// Who gets the terminal's master.
    pub(crate) console: Option<PathBuf>,
    /// The caller's stderr, for what the worker has to say.
    pub(crate) diagnostics: Option<OwnedFd>,
    /// Who reads its output.
    pub(crate) logger: Option<Logger>,
}

/// Executes it in the container of `init`, as a child that the supervisor inherits.
pub(crate) fn execute(
    site: &Site,
    record: &Record,
    init: (Pid, BorrowedFd<'_>),
    mut execution: Execution,
    reporter: &mut Reporter,
) -> Result<(), Error> {
    say_to(execution.diagnostics.as_ref());
    let logger = reporter.start_logger(site, execution.logger.take())?;
    join(site, record, init, execution, reporter)
        .inspect_err(|_| logger::end(logger.as_slice(), Patience::SHORT))
}

fn join(
    site: &Site,
    record: &Record,
    init: (Pid, BorrowedFd<'_>),
    mut execution: Execution,
    reporter: &mut Reporter,
) -> Result<(), Error> {
    let mut rendered = render(site, record, &execution.process)?;
    if rendered.process.apparmor.is_empty() {
        // As confined as the container's own process, not as the shim.
        rendered.process.apparmor = apparmor_profile(init.0);
    }
    let has_terminal = rendered.process.flags & flags::TERMINAL != 0;
    if has_terminal {
        execution.stdio.forget()?;
    }
    execution.stdio.own(rendered.host_user.uid, rendered.host_root.gid)?;
    let program = find_init(site.init.as_deref())?;
    load_host_filter(site, record)?;
    let mut joined = crate::join::join(&program, init, site.limit)?;
    let extra: Vec<BorrowedFd<'_>> = execution.extra.iter().map(|fd| fd.as_fd()).collect();
    let begun = begin(&mut joined, &rendered, &execution, &extra);
    let master = match begun {
        Ok(master) => master,
        Err(error) => {
            joined.kill();
            return Err(error);
        }
    };
    let pid = joined.pid().as_raw_pid();
    let pidfd = joined.pidfd().try_clone_to_owned().map_err(Error::system("duplicate a pidfd"))?;
    let listener = rendered.seccomp.as_ref().and_then(|policy| policy.listener.as_ref());
    let pass_on = |fd: BorrowedFd<'_>| match listener {
        Some(listener) => {
            let hooks = HookRunner::new(Hooks::default(), &rendered.oci_version, record, None);
            notify::pass_on(fd, &hooks.state("running", Some(pid)), listener, site.limit)
        }
        None => Ok(()),
    };
    match joined.go(pass_on)? {
        Started::Failed(failed) => Err(setup_error(failed, &program_of(&rendered.process), &[])),
        Started::Executed => {
            let mut descriptors = vec![pidfd.as_fd()];
            descriptors.extend(master.as_ref().map(|fd| fd.as_fd()));
            reporter.tell(&Report::Joined { pid, terminal: Follows::of(master.as_ref()) }, &descriptors)
        }
    }
}

/// Takes on the filter that the host has put on the container's init, for this worker and the process that
/// it starts: the process's own comes after it, as there.
fn load_host_filter(site: &Site, record: &Record) -> Result<(), Error> {
    let backend = backend::existing(&record.backend, &site.configuration, site.place());
    let Some(path) = backend.filter() else { return Ok(()) };
    let text = fs::read_to_string(&path).map_err(Error::system(format!("read {}", path.display())))?;
    let policy = lxc_policy::parse(&path, &text).map_err(Box::new)?;
    let filter = seccomp::compile(&policy).map_err(Box::new)?;
    nexcage_setup::load_filter(filter.flags, &filter.program)
        .map_err(Error::system(format!("load the filter {}", path.display())))
}

fn begin(
    joined: &mut Init,
    rendered: &Rendered,
    execution: &Execution,
    extra: &[BorrowedFd<'_>],
) -> Result<Option<OwnedFd>, Error> {
    let master = joined.hand_over(&rendered.process, &execution.stdio, extra)?;
    let master = show(master, rendered.console_size, execution.console.as_deref())?;
    limits::apply(joined.pid(), rendered)?;
    Ok(master)
}

/// The AppArmor profile of a process, empty without one (proc(5), attr/current). Another security
/// module may speak there.
fn apparmor_profile(pid: Pid) -> CString {
    if !Path::new("/sys/kernel/security/apparmor").exists() {
        return CString::default();
    }
    let label = fs::read_to_string(format!("/proc/{}/attr/current", pid.as_raw_pid())).unwrap_or_default();
    // "profile (enforce)"
    let profile = label.trim_end_matches(['\n', '\0']).split(" (").next().unwrap_or_default();
    let confined = profile != "unconfined";
    CString::new(if confined { profile } else { "" }).unwrap_or_default()
}

/// The process as the container's own bundle would have it: its document with this process.
fn render(site: &Site, record: &Record, process: &[u8]) -> Result<Rendered, Error> {
    let path = site.dir.config();
    let document = fs::read(&path)
        .and_then(|text| replace(&text, process))
        .map_err(Error::system(format!("put the process into {}", path.display())))?;
    let bundle = Bundle::with_document(Path::new(&record.bundle), &document).map_err(Box::new)?;
    let mut rendered = create::render(&bundle, Later::read(&site.dir)?.image())?;
    finish_process(site, &mut rendered)?;
    rendered.process.tasks.clear();
    Ok(rendered)
}

fn replace(document: &[u8], process: &[u8]) -> io::Result<Vec<u8>> {
    let mut members: Map<String, Value> = serde_json::from_slice(document)?;
    members.insert("process".to_owned(), serde_json::from_slice(process)?);
    // They have been done, and their sources may be gone.
    for kept_out in ["hooks", "mounts"] {
        members.remove(kept_out);
    }
    Ok(serde_json::to_vec(&members)?)
}
