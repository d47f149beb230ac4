//! One container's supervisor: a loop of one thread that serves the Task API, watches the process,
//! and has workers do whatever takes time or memory.
//!
//! What it knows that a successor would need is on disk before anybody is told; so it may die at any
//! moment ([`recovery`]).

mod calls;
mod container;
mod events;
mod execs;
mod forward;
mod jobs;
mod peers;
pub(crate) mod recovery;
mod seat;
mod streams;

use crate::error::Error;
use crate::fork;
use crate::relay::WATCHES;
use crate::signals::{self, Signals};
use crate::wait::{Deadline, Watch, wait_quietly};
use crate::work::Site;
use container::{Container, Phase};
use events::Events;
use execs::Execs;
use forward::Forwarder;
use jobs::Job;
use nexcage_task_api::call::Response;
use nexcage_task_api::message::Message;
use nexcage_task_api::{Code, Failure};
use peers::{PeerId, Peers, Ticket};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixListener;
use std::time::Duration;

pub(crate) use jobs::Foreground;

/// How long a shim that has nothing to do waits for somebody to talk to it.
const IDLE: Duration = Duration::from_secs(10);
/// How long workers that are done may take to end.
const LAST_WORKERS: Duration = Duration::from_secs(1);
/// After this long without an event memory that can be had again is given back.
const QUIET: Duration = Duration::from_millis(100);

/// What the supervisor was started for.
#[derive(Debug)]
pub(crate) enum Mode {
    /// To serve whoever calls, in the background.
    Served,
    /// To run one container in the foreground.
    Foreground(Box<Foreground>),
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Supervisor {
    site: Site,
    mode: Mode,
    /// Held as long as the shim lives.
    lock: File,
    signals: Signals,
    peers: Peers,
    container: Container,
    execs: Execs,
    jobs: Vec<Job>,
    events: Events,
    /// Programs that read what processes write.
    loggers: Vec<OwnedFd>,
    /// Wait statuses of children that nobody has claimed yet: a worker's report of an exec may come
    /// after the exec's end.
    unclaimed: BTreeMap<i32, i32>,
    /// Signals that came before the process had begun.
    early: Vec<i32>,
    /// Shutdown was asked for.
    shut_down: bool,
    /// When a shim without anything to do ends.
    idle: Deadline,
}

/// Where an event comes from.
#[derive(Debug, Clone, Copy)]
enum Source {
    Listener,
    /// An engine that takes events.
    Engine,
    Signals,
    Job(Pid),
    Exit,
    Monitor,
    Oom,
    /// The terminal of the process, or of the exec with this number.
    Terminal(Option<u64>),
    Read(PeerId),
    Write(PeerId),
}

/// Sources and what is waited for, [`WATCHES`] for each.
#[derive(Default)]
struct Watched<'w> {
    sources: Vec<Source>,
    watches: Vec<Watch<'w>>,
}

impl<'w> Watched<'w> {
    fn add(&mut self, source: Source, watches: [Watch<'w>; WATCHES]) {
        self.sources.push(source);
        self.watches.extend(watches);
    }
}

fn one(watch: Watch<'_>) -> [Watch<'_>; WATCHES] {
    [watch, Watch::Nothing, Watch::Nothing, Watch::Nothing]
}

impl Supervisor {
    pub(crate) fn new(
        site: Site,
        mode: Mode,
        lock: File,
        listener: UnixListener,
        signals: Signals,
    ) -> Result<Self, Error> {
        // What workers leave, LXC's monitor, execs and, should the monitor be killed, the container's
        // init become children of the shim, and are reaped.
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
            .map_err(|errno| Error::system("become a subreaper")(errno.into()))?;
        Ok(Supervisor {
            site,
            mode,
            lock,
            signals,
            peers: Peers::new(listener)?,
            container: Container::default(),
            execs: Execs::default(),
            jobs: Vec::new(),
            events: Events::default(),
            loggers: Vec::new(),
            unclaimed: BTreeMap::new(),
            early: Vec::new(),
            shut_down: false,
            idle: Deadline::after(IDLE),
        })
    }

    /// Supervises until nothing is left to do, and gives what came of it in the foreground: the
    /// status of the process.
    pub(crate) fn run(mut self) -> Result<u8, Error> {
        self.begin();
        while !self.is_over() {
            for (source, seen) in self.wait()? {
                self.serve(source, seen);
            }
            self.settle();
        }
        if self.container.phase == Phase::Empty {
            self.site.dir.remove()?;
        }
        self.peers.finish();
        if let Some(forwarder) = &mut self.events.forwarder {
            forwarder.finish();
        }
        // The last worker has told that it is done, and is about to end.
        fork::await_children(LAST_WORKERS);
        match self.mode {
            Mode::Served => {
                // The end of their connections tells them that the shim has ended, so it is its last deed.
                std::mem::forget(self.peers);
                Ok(0)
            }
            Mode::Foreground(foreground) => foreground.into_outcome(),
        }
    }

    /// Waits until the workers have done their work.
    pub(crate) fn work_off(&mut self) -> Result<(), Error> {
        self.settle();
        while !self.jobs.is_empty() {
            for (source, seen) in self.wait()? {
                self.serve(source, seen);
            }
            self.settle();
        }
        Ok(())
    }

    /// What is done before anything is waited for.
    fn begin(&mut self) {
        self.begin_foreground();
        self.settle();
    }

    fn is_over(&self) -> bool {
        match &self.mode {
            Mode::Foreground(foreground) => foreground.is_over() && self.jobs.is_empty(),
            Mode::Served => {
                let nothing = matches!(self.container.phase, Phase::Empty | Phase::Gone);
                let unwanted =
                    self.peers.is_empty() && (self.container.phase == Phase::Gone || self.idle.is_over());
                self.shut_down || nothing && unwanted && self.jobs.is_empty()
            }
        }
    }

    /// Waits for events; nothing at a deadline.
    fn wait(&self) -> Result<Vec<(Source, [bool; WATCHES])>, Error> {
        let (sources, ready) = {
            let (sources, watches) = self.watches();
            let quiet = Deadline::after(QUIET);
            (sources, wait_quietly(&watches, self.deadline(), quiet, crate::memory::give_back)?)
        };
        let mut seen: Vec<(Source, [bool; WATCHES])> = Vec::new();
        for (source, ready) in sources.into_iter().zip(ready.chunks_exact(WATCHES)) {
            let ready = [ready[0], ready[1], ready[2], ready[3]];
            if ready != [false; WATCHES] {
                seen.push((source, ready));
            }
        }
        Ok(seen)
    }

    fn deadline(&self) -> Deadline {
        let terminals = self.container.terminal.iter().chain(self.execs.terminals().map(|(_, one)| one));
        let deadline = terminals.fold(Deadline::NEVER, |all, one| all.or_earlier(one.relay.deadline()));
        let idle = self.peers.is_empty() && self.container.phase == Phase::Empty;
        let deadline = if idle { deadline.or_earlier(self.idle) } else { deadline };
        let engine = self.events.forwarder.as_ref().map_or(Deadline::NEVER, Forwarder::deadline);
        deadline.or_earlier(self.container.patience()).or_earlier(engine)
    }

    /// Everything that is waited for, each source with [`WATCHES`] watches, in the order in which
    /// events are looked at: what workers tell, how processes end, and only then what is asked.
    fn watches(&self) -> (Vec<Source>, Vec<Watch<'_>>) {
        let mut all = Watched::default();
        for job in &self.jobs {
            all.add(Source::Job(job.worker.pid), one(Watch::Readable(job.worker.as_fd())));
        }
        all.add(Source::Signals, one(Watch::Readable(self.signals.as_fd())));
        if let Some(watch) = self.container.exit_watch() {
            all.add(Source::Exit, one(watch));
        }
        if let Some(monitor) = self.container.watched_monitor() {
            all.add(Source::Monitor, one(Watch::Readable(monitor.as_fd())));
        }
        if let Some(oom) = self.container.oom() {
            all.add(Source::Oom, one(oom));
        }
        if let Some(terminal) = &self.container.terminal {
            all.add(Source::Terminal(None), terminal.relay.watches());
        }
        for (number, terminal) in self.execs.terminals() {
            all.add(Source::Terminal(Some(number)), terminal.relay.watches());
        }
        for (peer, [read, write]) in self.peers.watches() {
            all.add(Source::Write(peer), one(write));
            all.add(Source::Read(peer), one(read));
        }
        if let Some(forwarder) = &self.events.forwarder {
            let [read, write] = forwarder.watches();
            all.add(Source::Engine, [read, write, Watch::Nothing, Watch::Nothing]);
        }
        all.add(Source::Listener, one(self.peers.listening()));
        (all.sources, all.watches)
    }

    fn serve(&mut self, source: Source, ready: [bool; WATCHES]) {
        match source {
            Source::Listener => self.peers.accept(),
            // Looked at in any case.
            Source::Engine => {}
            Source::Signals => self.take_signals(),
            Source::Job(pid) => self.take_report(pid),
            Source::Exit => self.take_exit(),
            Source::Monitor => self.lose_monitor(),
            Source::Oom => self.take_oom(),
            Source::Terminal(exec) => {
                let terminal = match exec {
                    None => self.container.terminal.as_mut(),
                    Some(number) => self.execs.terminal(number),
                };
                if let Some((ticket, answer)) = terminal.and_then(|terminal| terminal.serve(ready)) {
                    self.answer(ticket, &answer);
                }
            }
            Source::Write(peer) => self.peers.write(peer),
            Source::Read(peer) => {
                for (ticket, request) in self.peers.read(peer) {
                    // Who asks after a process's end must not hear of it as if it lived.
                    self.take_exit_if_any();
                    self.call(ticket, &request);
                }
            }
        }
    }

    /// Does what follows from what has happened.
    fn settle(&mut self) {
        for peer in self.peers.gone() {
            self.events.forget(peer);
            self.container.forget(peer);
            self.execs.forget(peer);
            self.idle = Deadline::after(IDLE);
        }
        self.settle_pauses();
        self.settle_execs();
        self.settle_container();
        if let Some(forwarder) = &mut self.events.forwarder {
            forwarder.go_on();
        }
        for (ticket, answer) in self.events.answers() {
            self.answer(ticket, &answer);
        }
        if matches!(self.container.phase, Phase::Gone) {
            for ticket in self.events.left() {
                self.fail(ticket, Failure::new(Code::NotFound, "the container is gone"));
            }
        }
    }

    fn take_signals(&mut self) {
        let came: Vec<i32> = self.signals.pending().collect();
        if came.contains(&signals::CHILD) {
            self.reap();
        }
        for signal in came.into_iter().filter(|signal| *signal != signals::CHILD) {
            match self.mode {
                Mode::Served if signals::asks_for_end(signal) => self.shut_down = true,
                Mode::Served => {}
                Mode::Foreground(_) => self.pass_on(signal),
            }
        }
    }

    /// Takes the statuses of children that have ended. Workers are known by their silence.
    fn reap(&mut self) {
        // Reports come first: they name the execs whose ends are seen here.
        let told: Vec<Pid> = self.jobs.iter().map(|job| job.worker.pid).collect();
        for (pid, status) in fork::reaped() {
            if !told.contains(&pid) && !self.end_exec(pid, status) && self.execs.awaits_report() {
                self.unclaimed.insert(pid.as_raw_pid(), status);
            }
        }
        if !self.execs.awaits_report() {
            self.unclaimed.clear();
        }
    }

    /// A signal that came to the shim in the foreground. One that asks for the end ends hooks as well;
    /// before the process has begun, the whole work.
    fn pass_on(&mut self, signal: i32) {
        match (&self.container.terminal, self.container.phase) {
            // The kernel tells the processes at the terminal of its new size.
            (Some(terminal), Phase::Running) if signal == signals::RESIZED => {
                if let Err(error) = terminal.relay.resize() {
                    log::warn!("{}", nexcage_cli::causes(&error));
                }
            }
            (_, Phase::Running) => self.container.signal(signal),
            // It may have begun: a worker will tell.
            (_, Phase::Creating | Phase::Created | Phase::Starting) => self.early.push(signal),
            // Nobody waits any more for what the terminal still shows.
            _ if signals::asks_for_end(signal) => self.container.drop_output(),
            _ => {}
        }
        if signals::asks_for_end(signal) {
            self.interrupt_workers(signal);
        }
    }

    fn interrupt_workers(&self, signal: i32) {
        for job in &self.jobs {
            if let Some(signal) = Signal::from_named_raw(signal) {
                // It may be done.
                let _ = kill_process(job.worker.pid, signal);
            }
        }
    }

    fn answer(&mut self, ticket: Ticket, message: &impl Message) {
        self.peers.answer(ticket, Response::of(message));
    }

    fn fail(&mut self, ticket: Ticket, failure: impl Into<Failure>) {
        self.peers.answer(ticket, Response::from(failure.into()));
    }
}
