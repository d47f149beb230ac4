//! `nexcage exec`: runs another process in a container.

mod options;
mod process;

use crate::context::{Container, Global};
use crate::creation::{console, preserved};
use crate::error::Error;
use crate::pid_file;
use crate::run::RUN_STATUSES;
use crate::session::{Ending, OnSignal, Session, Stdio};
use crate::shim::Shim;
use crate::signals::Signals;
use nexcage_cli::{Args, Failure, Tool, causes};
use nexcage_task_api::method::{Delete, Exec};
use nexcage_task_api::shim::{OWNED_KEY, PRESERVE_FDS_KEY, PROCESS_TYPE};
use nexcage_task_api::task::{Any, DeleteRequest, ExecProcessRequest, Status};
use options::{OPTIONS, Options};
use process::Process;
use std::time::{SystemTime, UNIX_EPOCH};

/// What `nexcage exec --help` says.
pub(crate) static TOOL: Tool = Tool {
    name: "nexcage exec",
    summary: "run another process in a container",
    usage: &["[OPTIONS] ID COMMAND [ARGUMENT...]", "[OPTIONS] --process FILE ID"],
    options: OPTIONS,
    statuses: RUN_STATUSES,
};

pub(crate) fn main(global: Global, args: Args) -> Result<u8, Failure> {
    let options = options::parse(args)?;
    exec(global, &options).map_err(|error| {
        let status = match &error {
            // The process may run on, and nobody will know how it ends.
            Error::Connection(_) => u8::MAX,
            error => error.status_beside_a_process(),
        };
        Failure::from(error).with_status(status)
    })
}

fn exec(global: Global, options: &Options) -> Result<u8, Error> {
    let context = global.context()?;
    let container = context.container(options.id.clone());
    let mut shim = Shim::of(&context, &container)?;
    check_state(&mut shim)?;
    let process = process::build(options, &container.dir)?;
    let exec_id = exec_id();
    if options.detach {
        add(&mut shim, options, process, &exec_id)?;
        return start(&mut shim, options, &exec_id).map(|()| 0);
    }
    // From here on a signal is the process's.
    let signals = (Signals::forwarded()?, OnSignal::Forward);
    let stdio = if process.terminal { Stdio::Terminal(&options.detach_keys) } else { Stdio::Descriptors };
    add(&mut shim, options, process, &exec_id)?;
    let session = Session::begin(&mut shim, &exec_id, signals, stdio)?;
    start(&mut shim, options, &exec_id)?;
    let ending = session.run(&mut shim)?;
    Ok(end(&mut shim, &container, &exec_id, &ending))
}

/// Refuses what would wait for a thaw.
fn check_state(shim: &mut Shim) -> Result<(), Error> {
    let problem = match shim.status()? {
        Status::Paused | Status::Pausing => "is paused",
        Status::Stopped => "has stopped",
        _ => return Ok(()),
    };
    let hint = (problem == "is paused").then_some("resume it");
    Err(Error::WrongState { id: shim.id(), problem, hint })
}

/// Tells the shim of the process.
fn add(shim: &mut Shim, options: &Options, process: Process, exec_id: &str) -> Result<(), Error> {
    let [stdin, stdout, stderr] = if process.terminal {
        [String::new(), console(options.console_socket.as_deref())?, String::new()]
    } else {
        ["fd:0", "fd:1", "fd:2"].map(str::to_owned)
    };
    let request = ExecProcessRequest {
        id: shim.id(),
        exec_id: exec_id.to_owned(),
        terminal: process.terminal,
        stdin,
        stdout,
        stderr,
        spec: Some(Any::json(PROCESS_TYPE, process.document)),
    };
    let number = preserved(options.preserve_fds).to_string();
    shim.call_with::<Exec>(&request, &[(PRESERVE_FDS_KEY, &number), (OWNED_KEY, "")]).map(drop)
}

/// Starts the process and writes its pid file. One that cannot be started is forgotten.
fn start(shim: &mut Shim, options: &Options, exec_id: &str) -> Result<(), Error> {
    let started = shim.start(exec_id);
    if started.is_err() {
        forget(shim, exec_id);
    }
    let pid = started?;
    options.pid_file.as_deref().map_or(Ok(()), |file| pid_file::write(file, pid))
}

fn end(shim: &mut Shim, container: &Container, exec_id: &str, ending: &Ending) -> u8 {
    match ending {
        Ending::Exited(status) => {
            forget(shim, exec_id);
            *status
        }
        Ending::Detached | Ending::Left(_) => {
            log::warn!("detached; 'nexcage attach --exec-id {exec_id} {}' attaches again", container.id);
            0
        }
    }
}

/// Has the shim forget a process that has ended. It does so at the latest with the container.
fn forget(shim: &mut Shim, exec_id: &str) {
    let request = DeleteRequest { id: shim.id(), exec_id: exec_id.to_owned() };
    if let Err(error) = shim.call::<Delete>(&request) {
        log::debug!("delete: {}", causes(&error));
    }
}

/// A name that no other exec of the container has.
fn exec_id() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("exec-{}-{:x}", std::process::id(), now.as_nanos())
}
