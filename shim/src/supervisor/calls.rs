//! The Task API: what each call does, and what it may not do in which state.

use crate::error::{Error, Refusal};
use crate::relay::{Ends, MOST_KEYS};
use crate::supervisor::Supervisor;
use crate::supervisor::container::{Phase, exited};
use crate::supervisor::execs::{Owner, Stage};
use crate::supervisor::jobs::Goal;
use crate::supervisor::peers::Ticket;
use crate::supervisor::seat::Attaching;
use crate::supervisor::streams::Given;
use crate::work::create::Creation;
use crate::work::exec::Execution;
use crate::work::live::Live;
use crate::{backend, cgroup_of};
use nexcage_cgroup::Cgroup;
use nexcage_cli::{Code as NxCode, Diagnose as _};
use nexcage_configuration::ExitSource;
use nexcage_record::{ContainerId, Record};
use nexcage_task_api::shim::{AttachRequest, CreateOptions, OWNED_KEY, PRESERVE_FDS_KEY};
use nexcage_task_api::task::{
    CloseIORequest, ConnectResponse, CreateTaskRequest, ExecProcessRequest, KillRequest, PidsResponse,
    ProcessDetails, ProcessInfo, ResizePtyRequest, StateResponse, Status,
};
use nexcage_task_api::{Any, Call, Code, Failure, Request};
use rustix::process::{PidfdFlags, pidfd_open};
use rustix::termios::Winsize;
use std::fs;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

/// Most descriptors that a process may be given beyond stdio.
const MOST_EXTRA: u32 = nexcage_handover::MAX_EXTRA_FDS;

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let code = match error.code() {
            NxCode::NotFound => Code::NotFound,
            NxCode::Exists => Code::AlreadyExists,
            NxCode::WrongState => Code::FailedPrecondition,
            NxCode::Usage | NxCode::Id => Code::InvalidArgument,
            NxCode::Unsupported => Code::Unimplemented,
            _ => Code::Unknown,
        };
        let hint = error.hint().map_or(String::new(), |hint| format!(" (hint: {hint})"));
        Failure::new(code, format!("{}: {}{hint}", error.code().name(), nexcage_cli::causes(error)))
    }
}

pub(super) fn bad(what: impl Into<String>) -> Error {
    Error::from(Refusal::BadRequest { what: what.into() })
}

impl Supervisor {
    /// Does what is asked, or answers why not.
    pub(super) fn call(&mut self, ticket: Ticket, request: &Request) {
        let call = match Call::decode(request) {
            Ok(call) => call,
            Err(failure) => return self.fail(ticket, failure),
        };
        if call.id() != self.site.id.as_str() && !matches!(call, Call::Shutdown(_) | Call::Connect(_)) {
            return self.told(ticket, Err(Error::from(Refusal::NoContainer { id: call.id().to_owned() })));
        }
        let done = match call {
            Call::Create(create) => self.create(ticket, create),
            Call::Start(start) if start.exec_id.is_empty() => self.start(ticket),
            // A frozen joiner could not even be killed on every kernel.
            Call::Start(_) if self.is_frozen() => Err(self.wrong_state("execute a process in")),
            Call::Start(start) => self.start_exec(ticket, &start.exec_id),
            Call::State(state) => self.state(ticket, &state.exec_id),
            Call::Delete(delete) if delete.exec_id.is_empty() => self.delete(ticket),
            Call::Delete(delete) => self.delete_exec(ticket, &delete.exec_id),
            Call::Pids(_) => self.pids(ticket),
            Call::Kill(kill) => self.kill(ticket, &kill),
            Call::Exec(exec) => self.exec(ticket, exec, request),
            Call::Wait(wait) if wait.exec_id.is_empty() => self.wait_for_end(ticket),
            Call::Wait(wait) => self.wait_for_exec(ticket, &wait.exec_id),
            Call::ResizePty(resize) => self.resize(ticket, &resize),
            Call::CloseIO(close) => self.close_io(ticket, &close),
            Call::Pause(_) => self.pause(ticket),
            Call::Resume(_) => self.live(ticket, Live::Resume),
            Call::Update(update) => {
                let resources = update.resources.unwrap_or_default().value;
                self.live(ticket, Live::Update(resources))
            }
            Call::Stats(_) => self.live(ticket, Live::Stats),
            Call::Connect(_) => self.connect(ticket),
            Call::Shutdown(_) => self.shutdown(ticket),
            Call::Checkpoint(_) => {
                Err(Error::from(Refusal::Unsupported { what: "a checkpoint cannot be made" }))
            }
            Call::Attach(attach) => self.attach(ticket, attach),
            Call::Events(events) => {
                self.events.ask(ticket, events.after);
                Ok(())
            }
            Call::Remove(_) => self.remove(ticket),
        };
        self.told(ticket, done);
    }

    fn wrong_state(&self, doing: &'static str) -> Error {
        Error::from(Refusal::WrongState {
            doing,
            id: self.site.id.to_string(),
            status: self.status_word().to_owned(),
        })
    }

    fn status_word(&self) -> &'static str {
        match self.container.phase {
            Phase::Empty => "not created",
            Phase::Creating => "creating",
            Phase::Created | Phase::Starting => "created",
            Phase::Running if self.is_frozen() => "paused",
            Phase::Running | Phase::Ending => "running",
            Phase::Stopped | Phase::Deleting => "stopped",
            Phase::Gone => "gone",
        }
    }

    fn is_frozen(&self) -> bool {
        self.container.record.as_ref().is_some_and(|record| Cgroup::find(cgroup_of(record)).is_frozen())
    }

    fn create(&mut self, ticket: Ticket, create: CreateTaskRequest) -> Result<(), Error> {
        if self.container.phase != Phase::Empty {
            return Err(Error::from(Refusal::Taken { id: self.site.id.to_string() }));
        }
        if !create.checkpoint.is_empty() || !create.parent_checkpoint.is_empty() {
            return Err(Error::from(Refusal::Unsupported { what: "a container cannot be restored" }));
        }
        let options = match &create.options {
            Some(options) => options.unpack::<CreateOptions>().map_err(|_| bad("options: malformed"))?,
            None => None,
        };
        let options = options.unwrap_or_default();
        let names = [create.stdin, create.stdout, create.stderr];
        let Given { stdio, streams, console, diagnostics, logger } =
            self.given(ticket, names, create.terminal)?;
        let extra = self.extra(ticket, options.preserve_fds)?;
        let lxc_config = match options.lxc_config.as_str() {
            "" => None,
            path => {
                let path = PathBuf::from(path);
                let text = fs::read_to_string(&path);
                Some((path.clone(), text.map_err(|source| Error::Input { path, source })?))
            }
        };
        let backend = choice(&options.backend, backend::Choice::NAMES, self.site.configuration.backend)?;
        self.site.exit_source =
            choice(&options.exit_source, ExitSource::NAMES, self.site.configuration.exit_source)?;
        if options.timeout_ms > 0 {
            self.site.limit = Duration::from_millis(options.timeout_ms);
        }
        if !options.init.is_empty() {
            self.site.init = Some(options.init.into());
        }
        let bundle = PathBuf::from(create.bundle);
        let (listen_fds, foreground) = (options.listen_fds, false);
        let creation = Creation {
            bundle,
            rootfs: create.rootfs,
            lxc_config,
            backend,
            stdio,
            extra,
            listen_fds,
            console,
            diagnostics,
            logger,
            foreground,
            typed: options.ct,
        };
        self.container.streams = streams;
        self.container.rootfs.clone_from(&creation.rootfs);
        self.begin_create(Some(ticket), creation);
        Ok(())
    }

    /// The caller's descriptors from 3 on.
    fn extra(&self, ticket: Ticket, count: u32) -> Result<Vec<OwnedFd>, Error> {
        if count > MOST_EXTRA {
            return Err(bad(format!("{count} descriptors: at most {MOST_EXTRA} can be preserved")));
        }
        let numbers: Vec<i32> = (3..).take(usize::try_from(count).unwrap_or(0)).collect();
        let taken = self.peers.descriptors(ticket.peer, &numbers);
        taken.map_err(Error::system("take the caller's descriptors to be preserved"))
    }

    fn start(&mut self, ticket: Ticket) -> Result<(), Error> {
        if self.container.phase != Phase::Created {
            return Err(self.wrong_state("start"));
        }
        self.begin_start(Some(ticket));
        Ok(())
    }

    /// The record of a container that has been made. An engine that was gone for a while must find none before
    /// that: containerd removes then what it has left.
    fn made(&self, doing: &'static str) -> Result<&Record, Error> {
        let is_made = !matches!(self.container.phase, Phase::Empty | Phase::Creating);
        match &self.container.record {
            Some(record) if is_made => Ok(record),
            _ if self.serves_engine() => {
                Err(Error::from(Refusal::NoContainer { id: self.site.id.to_string() }))
            }
            _ => Err(self.wrong_state(doing)),
        }
    }

    fn serves_engine(&self) -> bool {
        self.events.forwarder.is_some()
    }

    fn record(&self, doing: &'static str) -> Result<&Record, Error> {
        self.container.record.as_ref().ok_or_else(|| self.wrong_state(doing))
    }

    fn state(&mut self, ticket: Ticket, exec_id: &str) -> Result<(), Error> {
        let id = self.site.id.to_string();
        let record = self.made("tell the state of")?;
        let bundle = record.bundle.clone();
        let mut response = StateResponse { id, bundle, ..StateResponse::default() };
        let ended = if exec_id.is_empty() {
            [response.stdin, response.stdout, response.stderr] = self.container.streams.names.clone();
            response.pid = self.container.pid().unsigned_abs();
            response.terminal = record.terminal;
            response.status = match self.container.phase {
                Phase::Empty | Phase::Creating => Status::Unknown,
                Phase::Created | Phase::Starting => Status::Created,
                Phase::Running | Phase::Ending if self.is_frozen() => Status::Paused,
                Phase::Running | Phase::Ending => Status::Running,
                Phase::Stopped | Phase::Deleting | Phase::Gone => Status::Stopped,
            };
            exited(self.container.exit())
        } else {
            let exec = self.execs.find(exec_id)?;
            response.pid = exec.pid.unsigned_abs();
            response.terminal = exec.has_terminal;
            response.exec_id = exec_id.to_owned();
            [response.stdin, response.stdout, response.stderr] = exec.streams.names.clone();
            response.status = match exec.stage {
                Stage::Added | Stage::Starting => Status::Created,
                Stage::Running | Stage::Ending => Status::Running,
                Stage::Stopped => Status::Stopped,
            };
            exited(exec.exit)
        };
        (response.exit_status, response.exited_at) = (ended.exit_status, ended.exited_at);
        self.answer(ticket, &response);
        Ok(())
    }

    fn delete(&mut self, ticket: Ticket) -> Result<(), Error> {
        match self.container.phase {
            Phase::Stopped => self.begin_tear_down(backend::Left::Whole, Goal::Delete(ticket)),
            // Its process is seen as ended, and the rest will be soon.
            Phase::Ending if self.container.deleting.is_none() => self.container.deleting = Some(ticket),
            // What was never started may go, for engines.
            Phase::Created if self.serves_engine() && self.container.deleting.is_none() => {
                self.container.deleting = Some(ticket);
                self.container.kill();
            }
            Phase::Empty | Phase::Creating => return self.made("delete").map(drop),
            _ => return Err(self.wrong_state("delete")),
        }
        Ok(())
    }

    /// As [`Supervisor::force_removal`], if nobody keeps a CT that is up from being removed.
    fn remove(&mut self, ticket: Ticket) -> Result<(), Error> {
        let is_up =
            matches!(self.container.phase, Phase::Created | Phase::Starting | Phase::Running | Phase::Ending);
        match &self.container.record {
            Some(Record { backend: nexcage_record::Backend::Pct { .. }, .. }) if is_up => {
                self.begin_permit(ticket);
                Ok(())
            }
            _ => self.force_removal(ticket),
        }
    }

    /// Kills and removes the container, whatever its state. No hook is waited for.
    pub(super) fn force_removal(&mut self, ticket: Ticket) -> Result<(), Error> {
        self.container.removing.push(ticket);
        self.interrupt_workers(libc::SIGTERM);
        match self.container.phase {
            Phase::Empty => {
                self.site.dir.remove()?;
                self.vanish(&Goal::Remove);
            }
            // The directory may be another's by now.
            Phase::Gone => self.vanish(&Goal::Remove),
            Phase::Creating | Phase::Starting => self.container.kill(),
            Phase::Created | Phase::Running | Phase::Ending => {
                self.container.kill();
                // A frozen process does not die on every kernel; and others may hold its end up.
                if let Some(record) = &self.container.record {
                    Cgroup::find(cgroup_of(record)).kill();
                }
            }
            Phase::Stopped | Phase::Deleting => {}
        }
        Ok(())
    }

    fn kill(&mut self, ticket: Ticket, kill: &KillRequest) -> Result<(), Error> {
        let signal = i32::try_from(kill.signal).ok().filter(|signal| (1..=64).contains(signal));
        let signal = signal.ok_or_else(|| bad(format!("there is no signal {}", kill.signal)))?;
        if !kill.exec_id.is_empty() {
            self.execs.find(&kill.exec_id)?.signal(signal)?;
            self.done(ticket);
            return Ok(());
        }
        if !matches!(self.container.phase, Phase::Created | Phase::Starting | Phase::Running) {
            return Err(Error::from(Refusal::NotRunning { id: self.site.id.to_string() }));
        }
        let record = self.record("kill")?;
        let cgroup = Cgroup::find(cgroup_of(record));
        if kill.all {
            for pid in cgroup.processes() {
                if let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) {
                    crate::signals::forward(pidfd.as_fd(), signal);
                }
            }
        } else {
            self.container.signal(signal);
        }
        if signal == libc::SIGKILL && self.is_frozen() {
            cgroup.kill();
        }
        self.done(ticket);
        Ok(())
    }

    fn pids(&mut self, ticket: Ticket) -> Result<(), Error> {
        let record = self.made("list the processes of")?;
        let pids = Cgroup::find(cgroup_of(record)).processes();
        let execs: Vec<(i32, &str)> = self.execs.pids().collect();
        let processes = pids.into_iter().map(|pid| {
            let exec = execs.iter().find(|(exec, _)| *exec == pid.as_raw_pid());
            let info = exec.map(|(_, id)| Any::pack(&ProcessDetails { exec_id: (*id).to_owned() }));
            ProcessInfo { pid: pid.as_raw_pid().unsigned_abs(), info }
        });
        let mut processes: Vec<ProcessInfo> = processes.collect();
        if processes.is_empty() && self.serves_engine() {
            // A containerd (since 1.7) that comes back removes a task without processes, and would
            // never ask how this one has ended.
            let ended = record.process.map(|process| process.pid.unsigned_abs());
            processes.extend(ended.map(|pid| ProcessInfo { pid, info: None }));
        }
        self.answer(ticket, &PidsResponse { processes });
        Ok(())
    }

    fn exec(&mut self, ticket: Ticket, exec: ExecProcessRequest, request: &Request) -> Result<(), Error> {
        // While it is started the process may have begun already, and somebody may have seen that.
        if !matches!(self.container.phase, Phase::Created | Phase::Starting | Phase::Running) {
            return Err(self.wrong_state("execute a process in"));
        }
        ContainerId::new(&exec.exec_id)?;
        let names = [exec.stdin, exec.stdout, exec.stderr];
        let Given { stdio, streams, console, diagnostics, logger } =
            self.given(ticket, names, exec.terminal)?;
        let count = request.metadata(PRESERVE_FDS_KEY).map_or(Ok(0), str::parse);
        let extra = self.extra(ticket, count.map_err(|_| bad(format!("{PRESERVE_FDS_KEY}: no number")))?)?;
        let process = exec.spec.ok_or_else(|| bad("there is no process to execute"))?.value;
        let execution = Execution { process, stdio, extra, console, diagnostics, logger };
        let is_owned = request.metadata(OWNED_KEY).is_some();
        let owner = if is_owned { Owner::Peer(ticket.peer) } else { Owner::Engine };
        self.add_exec(&exec.exec_id, owner, exec.terminal, execution, streams)?;
        self.done(ticket);
        Ok(())
    }

    fn wait_for_end(&mut self, ticket: Ticket) -> Result<(), Error> {
        match self.container.phase {
            Phase::Empty | Phase::Creating => self.made("wait for").map(drop),
            Phase::Gone => Err(self.wrong_state("wait for")),
            Phase::Stopped | Phase::Deleting => {
                self.answer(ticket, &exited(self.container.exit()));
                Ok(())
            }
            _ => {
                self.container.waiting.push(ticket);
                Ok(())
            }
        }
    }

    fn resize(&mut self, ticket: Ticket, resize: &ResizePtyRequest) -> Result<(), Error> {
        let terminal = match resize.exec_id.as_str() {
            "" => self.container.terminal.as_ref(),
            exec => self.execs.find(exec)?.terminal.as_ref(),
        };
        let size = |cells: u32| u16::try_from(cells).unwrap_or(u16::MAX);
        let (ws_row, ws_col) = (size(resize.height), size(resize.width));
        if let Some(terminal) = terminal {
            terminal.relay.set_size(Winsize { ws_row, ws_col, ws_xpixel: 0, ws_ypixel: 0 })?;
        }
        self.done(ticket);
        Ok(())
    }

    /// Only of an engine's input does the shim hold anything.
    fn close_io(&mut self, ticket: Ticket, close: &CloseIORequest) -> Result<(), Error> {
        let streams = match close.exec_id.as_str() {
            "" => &mut self.container.streams,
            exec => &mut self.execs.find(exec)?.streams,
        };
        if close.stdin {
            streams.close_input();
        }
        self.done(ticket);
        Ok(())
    }

    fn pause(&mut self, ticket: Ticket) -> Result<(), Error> {
        // Who asks may have seen the process's output before the shim has heard of its beginning.
        if self.container.phase == Phase::Starting {
            self.container.pausing.push(ticket);
            return Ok(());
        }
        self.live(ticket, Live::Pause)
    }

    /// Comes back to those who wanted a pause too early.
    pub(super) fn settle_pauses(&mut self) {
        if self.container.phase == Phase::Starting {
            return;
        }
        for ticket in std::mem::take(&mut self.container.pausing) {
            let begun = self.live(ticket, Live::Pause);
            self.told(ticket, begun);
        }
    }

    fn live(&mut self, ticket: Ticket, what: Live) -> Result<(), Error> {
        let allowed = match what {
            Live::Pause => self.container.phase == Phase::Running && !self.is_frozen(),
            Live::Resume => self.container.phase == Phase::Running && self.is_frozen(),
            Live::Update(_) | Live::Stats => {
                matches!(self.container.phase, Phase::Created | Phase::Starting | Phase::Running)
            }
        };
        if !allowed {
            return Err(self.wrong_state(what.word()));
        }
        self.begin_live(ticket, what);
        Ok(())
    }

    fn connect(&mut self, ticket: Ticket) -> Result<(), Error> {
        let response = ConnectResponse {
            shim_pid: std::process::id(),
            task_pid: self.container.pid().unsigned_abs(),
            version: nexcage_cli::VERSION.to_owned(),
        };
        self.answer(ticket, &response);
        Ok(())
    }

    /// Ends a shim whose container is gone; it goes on otherwise, even if it should end now.
    fn shutdown(&mut self, ticket: Ticket) -> Result<(), Error> {
        match self.container.phase {
            Phase::Empty => {
                self.site.dir.remove()?;
                self.container.phase = Phase::Gone;
                self.shut_down = true;
            }
            Phase::Gone => self.shut_down = true,
            // Who began it has forgotten it.
            Phase::Creating => return self.remove(ticket),
            _ => {}
        }
        self.done(ticket);
        Ok(())
    }

    fn attach(&mut self, ticket: Ticket, attach: AttachRequest) -> Result<(), Error> {
        if attach.detach_keys.len() > MOST_KEYS {
            return Err(bad(format!("at most {MOST_KEYS} keys detach")));
        }
        let input = self.descriptor(ticket, &attach.stdin)?;
        let output = self.descriptor(ticket, &attach.stdout)?;
        let attaching = Attaching { ticket, ends: Ends { input, output }, keys: attach.detach_keys };
        let attached = match attach.exec_id.as_str() {
            "" => self.container.terminal.as_mut().map(|terminal| terminal.attach(attaching)),
            exec => self.execs.find(exec)?.attach(attaching),
        };
        let earlier = attached.ok_or_else(|| Error::from(Refusal::NoTerminal { id: attach.id }))?;
        if let Some((earlier, answer)) = earlier {
            self.answer(earlier, &answer);
        }
        Ok(())
    }
}

fn choice<T: Copy>(name: &str, set: &[(&str, T)], default: T) -> Result<T, Error> {
    if name.is_empty() {
        return Ok(default);
    }
    let found = set.iter().find(|(known, _)| *known == name);
    found.map(|(_, choice)| *choice).ok_or_else(|| bad(format!("options: there is no {name:?}")))
}
