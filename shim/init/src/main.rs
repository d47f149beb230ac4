//! nexcage-init: a container's PID 1 until the container's own process takes its place.
//!
//! LXC starts it from a directory that is mounted into the container for it alone and that holds
//! the shim's socket. It receives the process and its stdio there, says *ready*, waits for *go*,
//! and becomes the process. Started by the shim itself, it joins a running container and becomes
//! another process there ([`join`]). It prints nothing; what fails goes to the shim and into the exit
//! status ([`nexcage_init::status`]).
#![no_std]
#![no_main]

mod connection;
mod descriptors;
mod join;
mod kernel;
mod place;
mod start;
mod takeover;
mod tasks;
mod terminal;

use connection::{Connection, End, Trouble};
use core::convert::Infallible;
use core::ffi::CStr;
use core::mem;
use join::Side;
use kernel::{Errno, Fd, Mapping, Rights};
use nexcage_handover::{Failed, Header, JOIN_ARGUMENT, Kind, Process, Step, extra_fds, flags};
use nexcage_init::status;
use place::Place;

/// It prints nothing, so this is for strings(1).
#[used]
static VERSION: &str =
    concat!("nexcage-init version ", env!("CARGO_PKG_VERSION"), "\ncommit: ", env!("NEXCAGE_COMMIT"), "\n");

/// What this process is on its way to.
#[derive(Debug, Clone, Copy)]
enum Role<'p> {
    /// To be PID 1 of a container. It leaves no trace of the place that it was started from.
    Init(&'p Place),
    /// To be one more process of a container that runs.
    Joined,
}

/// Does everything; returns an exit status unless it becomes the process.
fn run(own_path: &CStr, argument: Option<&CStr>) -> i32 {
    if argument == Some(JOIN_ARGUMENT) {
        return run_joiner();
    }
    let Some(place) = Place::of(own_path) else { return status::NOT_STARTED };
    let Some(connection) = Connection::open(&place) else { return status::NOT_STARTED };
    converse(connection, Role::Init(&place))
}

fn run_joiner() -> i32 {
    let Ok(connection) = Connection::inherited() else { return status::NOT_STARTED };
    match join::join(&connection) {
        Ok(Side::Outside) => 0,
        Ok(Side::Inside) => converse(connection, Role::Joined),
        Err(Trouble::Lost) => status::NOT_STARTED,
        Err(Trouble::Failed(failed)) => fail(&connection, failed),
    }
}

/// Learns from the shim what to become.
fn converse(mut connection: Connection, role: Role<'_>) -> i32 {
    let end = match become_process(&mut connection, role) {
        Err(end) => end,
        Ok(never) => match never {},
    };
    match end {
        End::Abandoned => status::NOT_STARTED,
        End::Failed(failed) => fail(&connection, failed),
    }
}

fn become_process(connection: &mut Connection, role: Role<'_>) -> Result<Infallible, End> {
    let (body, stdio) = connection.persist(role, receive_process)?;
    let process = Process::decode(&body).map_err(|_| MALFORMED)?;
    descriptors::install_stdio(stdio).at(Step::Stdio)?;
    descriptors::close_all_but(connection, process.extra_fds).at(Step::CloseDescriptors)?;
    tasks::carry_out(&process.tasks)?;
    kernel::begin_session().at(Step::Terminal)?;
    let wants_terminal = process.flags & flags::TERMINAL != 0;
    let master = wants_terminal.then(|| terminal::open(process.uid, role)).transpose().at(Step::Terminal)?;
    let mut messages: &[Kind] = &[];
    connection.persist(role, |connection| {
        // A successor of this shim learns first that there is a process already.
        let messages = mem::replace(&mut messages, &[Kind::HelloHeld]);
        wait_for_go(connection, messages, master.as_ref())
    })?;
    // Nothing is given back first: a seccomp filter may forbid that.
    takeover::take_over(&process, role, connection).map_err(|failed| fail(connection, failed))
}

/// Tells of a failure and ends.
fn fail(connection: &Connection, failed: Failed) -> ! {
    connection.report(failed);
    kernel::exit(status::of(failed))
}

/// What the shim sent is not what this version of the protocol has it send.
const MALFORMED: Failed = Failed::at(Step::Receive, 0);

fn receive_process(connection: &mut Connection) -> Result<(Mapping<u8>, [Fd; 3]), Trouble> {
    connection.send(Kind::Hello)?;
    let (Header { kind: Kind::Process, body_len }, Rights::Stdio(stdio)) = connection.receive_header()?
    else {
        return Err(MALFORMED.into());
    };
    let mut body = Mapping::zeroed(body_len as usize).at(Step::Receive)?;
    connection.receive_body(&mut body)?;
    let extra = extra_fds(&body).map_err(|_| MALFORMED)?;
    let stdio = descriptors::receive_extra(connection, stdio, extra)?;
    Ok((body, stdio))
}

fn wait_for_go(connection: &Connection, messages: &[Kind], master: Option<&Fd>) -> Result<(), Trouble> {
    for message in messages {
        connection.send(*message)?;
    }
    connection.send_ready(master)?;
    match connection.receive_header()? {
        (Header { kind: Kind::Go, body_len: 0 }, Rights::None) => Ok(()),
        _ => Err(MALFORMED.into()),
    }
}

/// Names the step in which a system call failed.
trait At<T> {
    fn at(self, step: Step) -> Result<T, Failed>;
}

impl<T> At<T> for kernel::Result<T> {
    fn at(self, step: Step) -> Result<T, Failed> {
        self.map_err(|Errno(errno)| Failed::at(step, errno))
    }
}
