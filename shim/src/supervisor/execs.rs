//! Further processes in the container.

use crate::error::{Error, Refusal};
use crate::exit::WaitStatus;
use crate::supervisor::Supervisor;
use crate::supervisor::container::exited;
use crate::supervisor::jobs::Task;
use crate::supervisor::peers::{PeerId, Ticket};
use crate::supervisor::seat::{Attaching, Left, Terminal};
use crate::supervisor::streams::Streams;
use crate::work::Worker;
use crate::work::exec::{Execution, execute};
use nexcage_cli::Diagnose as _;
use nexcage_record::Exit;
use nexcage_task_api::events::{TaskExecAdded, TaskExecStarted, TaskExit, topic};
use nexcage_task_api::shim::AttachResponse;
use nexcage_task_api::task::{DeleteResponse, StartResponse};
use nexcage_task_api::{Empty, Failure};
use rustix::process::{Pid, Signal, pidfd_send_signal};
use std::os::fd::OwnedFd;

/// Where an exec is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Added,
    Starting,
    Running,
    /// Its process has ended; its terminal has more to show.
    Ending,
    Stopped,
}

/// Who deletes an exec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// An engine, which remembers it.
    Engine,
    /// Whoever has added it, over this connection.
    Peer(PeerId),
    /// Nobody any more.
    Nobody,
}

/// A process besides the container's own.
#[derive(Debug)]
pub(super) struct Exec {
    pub(super) number: u64,
    pub(super) id: String,
    owner: Owner,
    pub(super) stage: Stage,
    /// What is to be executed.
    pub(super) execution: Option<Execution>,
    pub(super) has_terminal: bool,
    pub(super) pid: i32,
    pidfd: Option<OwnedFd>,
    pub(super) exit: Option<Exit>,
    pub(super) terminal: Option<Terminal>,
    /// Who attached before there was a terminal: what it shows first is theirs.
    early: Option<Attaching>,
    pub(super) streams: Streams,
    pub(super) waiting: Vec<Ticket>,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Execs {
    list: Vec<Exec>,
    last: u64,
}

impl Execs {
    pub(super) fn find(&mut self, id: &str) -> Result<&mut Exec, Error> {
        let found = self.list.iter_mut().find(|exec| exec.id == id);
        found.ok_or_else(|| Error::from(Refusal::NoExec { id: id.to_owned() }))
    }

    fn numbered(&mut self, number: u64) -> Option<&mut Exec> {
        self.list.iter_mut().find(|exec| exec.number == number)
    }

    pub(super) fn pids(&self) -> impl Iterator<Item = (i32, &str)> {
        let running = self.list.iter().filter(|exec| exec.stage == Stage::Running);
        running.map(|exec| (exec.pid, exec.id.as_str()))
    }

    pub(super) fn terminals(&self) -> impl Iterator<Item = (u64, &Terminal)> {
        self.list.iter().filter_map(|exec| Some((exec.number, exec.terminal.as_ref()?)))
    }

    pub(super) fn terminal(&mut self, number: u64) -> Option<&mut Terminal> {
        self.numbered(number)?.terminal.as_mut()
    }

    /// Whether none is alive.
    pub(super) fn are_over(&self) -> bool {
        self.list.iter().all(|exec| matches!(exec.stage, Stage::Added | Stage::Stopped))
    }

    /// Whether a worker has yet to tell the pid of one.
    pub(super) fn awaits_report(&self) -> bool {
        self.list.iter().any(|exec| exec.stage == Stage::Starting)
    }

    pub(super) fn kill(&self) {
        for pidfd in self.list.iter().filter_map(|exec| exec.pidfd.as_ref()) {
            let _ = pidfd_send_signal(pidfd, Signal::KILL);
        }
    }

    pub(super) fn forget(&mut self, peer: u64) {
        for exec in &mut self.list {
            if exec.owner == Owner::Peer(peer) {
                exec.owner = Owner::Nobody;
            }
            exec.waiting.retain(|ticket| ticket.peer != peer);
            exec.early.take_if(|early| early.ticket.peer == peer);
            if let Some(terminal) = &mut exec.terminal {
                terminal.forget(peer);
            }
        }
    }
}

impl Exec {
    /// Sends a signal to its process.
    pub(super) fn signal(&self, signal: i32) -> Result<(), Error> {
        match &self.pidfd {
            Some(pidfd) if self.stage == Stage::Running => {
                crate::signals::forward(std::os::fd::AsFd::as_fd(pidfd), signal);
                Ok(())
            }
            _ if matches!(self.stage, Stage::Added | Stage::Starting) => {
                Err(self.wrong_state("kill", "not started"))
            }
            _ => Err(Error::from(Refusal::NoExec { id: self.id.clone() })),
        }
    }

    fn wrong_state(&self, doing: &'static str, status: &str) -> Error {
        Error::from(Refusal::WrongState { doing, id: self.id.clone(), status: status.to_owned() })
    }

    /// Attaches a peer in place of an earlier one, at the latest when the process begins; `None` if it
    /// has no terminal.
    pub(super) fn attach(&mut self, attaching: Attaching) -> Option<Option<Left>> {
        match &mut self.terminal {
            Some(terminal) => Some(terminal.attach(attaching)),
            None if self.has_terminal && matches!(self.stage, Stage::Added | Stage::Starting) => {
                let earlier = self.early.replace(attaching);
                Some(earlier.map(|early| (early.ticket, AttachResponse { detached: true })))
            }
            None => None,
        }
    }

    fn end(&mut self, exit: Exit) {
        self.exit = Some(exit);
        self.pidfd = None;
        self.stage = Stage::Ending;
        if let Some(terminal) = &mut self.terminal {
            terminal.relay.finish();
        }
    }
}

impl Supervisor {
    pub(super) fn add_exec(
        &mut self,
        id: &str,
        owner: Owner,
        has_terminal: bool,
        execution: Execution,
        streams: Streams,
    ) -> Result<(), Error> {
        if self.execs.find(id).is_ok() {
            return Err(Error::from(Refusal::ExecExists { id: id.to_owned() }));
        }
        self.execs.last += 1;
        self.execs.list.push(Exec {
            number: self.execs.last,
            id: id.to_owned(),
            owner,
            stage: Stage::Added,
            execution: Some(execution),
            has_terminal,
            pid: 0,
            pidfd: None,
            exit: None,
            terminal: None,
            early: None,
            streams,
            waiting: Vec::new(),
        });
        let added = TaskExecAdded { container_id: self.site.id.to_string(), exec_id: id.to_owned() };
        self.events.add(topic::EXEC_ADDED, &added);
        Ok(())
    }

    pub(super) fn start_exec(&mut self, ticket: Ticket, id: &str) -> Result<(), Error> {
        let exec = self.execs.find(id)?;
        let (Some(record), Some(watch)) = (&self.container.record, &self.container.watch) else {
            return Err(exec.wrong_state("start", "without its container, which has ended"));
        };
        if exec.stage != Stage::Added {
            return Err(exec.wrong_state("start", "started already"));
        }
        let Some(execution) = exec.execution.take() else {
            return Err(exec.wrong_state("start", "started already"));
        };
        exec.stage = Stage::Starting;
        let (site, number) = (&self.site, exec.number);
        let worker = Worker::begin(move |reporter| {
            execute(site, record, (watch.pid(), watch.pidfd()), execution, reporter)
        });
        self.add_job(worker, Task::Execute { ticket, exec: number });
        Ok(())
    }

    /// A process has joined the container and begun.
    pub(super) fn joined(
        &mut self,
        ticket: Ticket,
        number: u64,
        (pid, pidfd): (i32, Option<OwnedFd>),
        master: Option<OwnedFd>,
    ) {
        let ended = self.unclaimed.remove(&pid);
        let Some(exec) = self.execs.numbered(number) else { return };
        exec.stage = Stage::Running;
        exec.pid = pid;
        exec.pidfd = pidfd;
        match Terminal::of(master, &mut exec.streams) {
            Ok(terminal) => exec.terminal = terminal,
            Err(error) => log::error!("{}", nexcage_cli::causes(&error)),
        }
        if let (Some(terminal), Some(early)) = (&mut exec.terminal, exec.early.take()) {
            // Nobody was there before.
            let _ = terminal.attach(early);
        }
        if let Some(status) = ended {
            exec.end(Exit::learned(WaitStatus(status).shell_status()));
        }
        let (container_id, exec_id) = (self.site.id.to_string(), exec.id.clone());
        let pid = pid.unsigned_abs();
        self.events.add(topic::EXEC_STARTED, &TaskExecStarted { container_id, exec_id, pid });
        self.answer(ticket, &StartResponse { pid });
        if self.container.watch.is_none() {
            self.execs.kill();
        }
    }

    pub(super) fn exec_failed(&mut self, ticket: Ticket, number: u64, error: &Error) {
        if let Some(exec) = self.execs.numbered(number) {
            exec.exit = Some(Exit::learned(error.run_status()));
            exec.stage = Stage::Ending;
        }
        log::debug!("{}: {}", error.code().name(), nexcage_cli::causes(error));
        self.fail(ticket, error);
    }

    /// A child has ended; says whether it was an exec.
    pub(super) fn end_exec(&mut self, pid: Pid, status: i32) -> bool {
        let pid = pid.as_raw_pid();
        let running = |exec: &&mut Exec| exec.stage == Stage::Running && exec.pid == pid;
        let Some(exec) = self.execs.list.iter_mut().find(running) else { return false };
        exec.end(Exit::learned(WaitStatus(status).shell_status()));
        true
    }

    pub(super) fn settle_execs(&mut self) {
        let id = self.site.id.to_string();
        let mut answers = Vec::new();
        for exec in self.execs.list.iter_mut().filter(|exec| exec.stage == Stage::Ending) {
            if exec.terminal.as_ref().is_some_and(|terminal| !terminal.relay.is_over()) {
                continue;
            }
            exec.stage = Stage::Stopped;
            let ended = exited(exec.exit);
            if exec.pid != 0 {
                let (exit_status, exited_at) = (ended.exit_status, ended.exited_at.clone());
                let (container_id, pid) = (id.clone(), exec.pid.unsigned_abs());
                let exit = TaskExit { container_id, id: exec.id.clone(), pid, exit_status, exited_at };
                self.events.add(topic::EXIT, &exit);
            }
            let left = exec.terminal.take().and_then(Terminal::end);
            let never = || exec.early.take().map(|early| (early.ticket, AttachResponse { detached: false }));
            let left = left.or_else(never);
            answers.push((left, std::mem::take(&mut exec.waiting), ended));
        }
        let forgotten =
            |exec: &Exec| exec.owner == Owner::Nobody && matches!(exec.stage, Stage::Added | Stage::Stopped);
        self.execs.list.retain(|exec| !forgotten(exec));
        for (left, waiting, ended) in answers {
            if let Some((ticket, answer)) = left {
                self.answer(ticket, &answer);
            }
            for ticket in waiting {
                self.answer(ticket, &ended);
            }
        }
    }

    pub(super) fn delete_exec(&mut self, ticket: Ticket, id: &str) -> Result<(), Error> {
        let exec = self.execs.find(id)?;
        if !matches!(exec.stage, Stage::Added | Stage::Stopped) {
            return Err(exec.wrong_state("delete", "running"));
        }
        let ended = exited(exec.exit);
        let response = DeleteResponse {
            pid: exec.pid.unsigned_abs(),
            exit_status: ended.exit_status,
            exited_at: ended.exited_at,
        };
        let number = exec.number;
        self.execs.list.retain(|exec| exec.number != number);
        if self.execs.list.is_empty() {
            self.execs.list.shrink_to(0);
        }
        // Engines are told of a container's deletion alone.
        self.answer(ticket, &response);
        Ok(())
    }

    /// Answers when the process has ended.
    pub(super) fn wait_for_exec(&mut self, ticket: Ticket, id: &str) -> Result<(), Error> {
        let exec = self.execs.find(id)?;
        if exec.stage == Stage::Stopped {
            let ended = exited(exec.exit);
            self.answer(ticket, &ended);
        } else {
            exec.waiting.push(ticket);
        }
        Ok(())
    }

    pub(super) fn done(&mut self, ticket: Ticket) {
        self.answer(ticket, &Empty {});
    }

    pub(super) fn told(&mut self, ticket: Ticket, result: Result<(), Error>) {
        if let Err(error) = result {
            self.fail(ticket, Failure::from(&error));
        }
    }
}
