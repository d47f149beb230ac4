//! nexcage-init: a container's PID 1 until the container's own process takes its place.
//!
//! LXC starts it from a directory that is mounted into the container for it alone and that holds
//! the shim's socket. It receives the process and its stdio there, says *ready*, waits for *go*,
//! and becomes the process. It prints nothing; what fails goes to the shim and into the exit
//! status ([`nexcage_init::status`]).
#![no_std]
#![no_main]

mod connection;
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
use kernel::{Errno, Fd, Mapping, Rights};
use nexcage_handover::{Failed, Header, Kind, Process, Step, flags};
use nexcage_init::status;
use place::Place;

/// Does everything; returns an exit status unless it becomes the process.
fn run(own_path: &CStr) -> i32 {
    let Some(place) = Place::of(own_path) else { return status::NOT_STARTED };
    let Some(mut connection) = Connection::open(&place) else { return status::NOT_STARTED };
    let end = match become_process(&mut connection, &place) {
        Err(end) => end,
        Ok(never) => match never {},
    };
    match end {
        End::NoSocket => status::NOT_STARTED,
        End::Failed(failed) => fail(&connection, failed),
    }
}

fn become_process(connection: &mut Connection, place: &Place) -> Result<Infallible, End> {
    let (body, stdio) = connection.persist(place, receive_process)?;
    let process = Process::decode(&body).map_err(|_| MALFORMED)?;
    install_stdio(stdio).at(Step::Stdio)?;
    kernel::close_all_but(connection.socket()).at(Step::CloseDescriptors)?;
    tasks::carry_out(&process.tasks)?;
    kernel::begin_session().at(Step::Terminal)?;
    let wants_terminal = process.flags & flags::TERMINAL != 0;
    let master = wants_terminal.then(|| terminal::open(process.uid)).transpose().at(Step::Terminal)?;
    let mut messages: &[Kind] = &[];
    connection.persist(place, |connection| {
        // A successor of this shim learns first that there is a process already.
        let messages = mem::replace(&mut messages, &[Kind::HelloHeld]);
        wait_for_go(connection, messages, master.as_ref())
    })?;
    // Nothing is given back first: a seccomp filter may forbid that.
    takeover::take_over(&process, place, connection).map_err(|failed| fail(connection, failed))
}

/// Tells of a failure and ends.
fn fail(connection: &Connection, failed: Failed) -> ! {
    connection.report(failed);
    kernel::exit(status::of(failed))
}

/// What the shim sent is not what this version of the protocol has it send.
const MALFORMED: Failed = Failed::at(Step::Receive, 0);

fn receive_process(connection: &Connection) -> Result<(Mapping<u8>, [Fd; 3]), Trouble> {
    connection.send(Kind::Hello)?;
    let (Header { kind: Kind::Process, body_len }, Rights::Stdio(stdio)) = connection.receive_header()?
    else {
        return Err(MALFORMED.into());
    };
    let mut body = Mapping::zeroed(body_len as usize).at(Step::Receive)?;
    connection.receive_body(&mut body)?;
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

fn install_stdio(stdio: [Fd; 3]) -> kernel::Result {
    let [stdin, stdout, stderr] = stdio;
    let (stdin, stdout, stderr) = (stdin.above_stdio()?, stdout.above_stdio()?, stderr.above_stdio()?);
    kernel::install_stdio([&stdin, &stdout, &stderr])
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
