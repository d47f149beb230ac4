//! What workers do for the supervisor, and what follows from what they tell.

use crate::backend::Left;
use crate::error::{Error, Told};
use crate::fault::{self, Place};
use crate::relay::Ends;
use crate::serve::Afterwards;
use crate::signals;
use crate::stdio::logger::{self, Patience};
use crate::supervisor::container::Phase;
use crate::supervisor::peers::Ticket;
use crate::supervisor::seat::Terminal;
use crate::supervisor::{Mode, Supervisor};
use crate::work::create::{Creation, create};
use crate::work::live::{Live, do_live};
use crate::work::start::start;
use crate::work::tear_down::{permit, tear_down};
use crate::work::{Descriptors, Report, Worker};
use nexcage_cli::{Code, Diagnose as _};
use nexcage_record::{ContainerId, Status, Step};
use nexcage_task_api::events::{TaskCreate, TaskDelete, TaskPaused, TaskResumed, TaskStart, topic};
use nexcage_task_api::task::{CreateTaskResponse, DeleteResponse, StartResponse, StatsResponse};
use nexcage_task_api::{Any, Empty, Failure};
use rustix::process::{Pid, Signal, kill_process};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// A worker, and whom its work is for.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) worker: Worker,
    task: Task,
}

#[derive(Debug)]
pub(super) enum Task {
    Create(Option<Ticket>),
    Start {
        ticket: Option<Ticket>,
        executed: bool,
    },
    /// For the exec with this number.
    Execute {
        ticket: Ticket,
        exec: u64,
    },
    /// A removal that is to follow if nobody keeps it from being done.
    Permit(Ticket),
    TearDown(Goal),
    Live {
        ticket: Ticket,
        what: Live,
    },
}

/// What a container is torn down for.
#[derive(Debug)]
pub(crate) enum Goal {
    /// Delete was called.
    Delete(Ticket),
    /// Remove was called, or a deletion is gone on with.
    Remove,
    /// Its process in the foreground has ended.
    Foreground,
    /// Its creation has failed, which somebody is told then.
    Undo(Option<(Ticket, Failure)>),
}

/// A container that is run in the foreground.
#[derive(Debug)]
pub(crate) struct Foreground {
    creation: Option<Creation>,
    /// The caller's terminal, perhaps.
    ends: Option<Ends>,
    pid_file: Option<PathBuf>,
    pub(super) afterwards: Afterwards,
    outcome: Option<Result<u8, Error>>,
    gone: bool,
}

impl Foreground {
    pub(crate) fn new(
        creation: Creation,
        ends: Ends,
        pid_file: Option<PathBuf>,
        afterwards: Afterwards,
    ) -> Self {
        let (creation, ends) = (Some(creation), Some(ends));
        Foreground { creation, ends, pid_file, afterwards, outcome: None, gone: false }
    }

    pub(super) fn is_over(&self) -> bool {
        self.gone
    }

    pub(super) fn gone(&mut self) {
        self.gone = true;
    }

    pub(super) fn ended(&mut self, status: u8) {
        self.outcome.get_or_insert(Ok(status));
    }

    /// The first failure counts.
    pub(super) fn failed(&mut self, error: Error) {
        if !matches!(self.outcome, Some(Err(_))) {
            self.outcome = Some(Err(error));
        }
    }

    pub(super) fn into_outcome(self) -> Result<u8, Error> {
        self.outcome.unwrap_or(Err(Error::WorkerDied { doing: "run the container" }))
    }
}

impl Supervisor {
    /// Begins what the foreground is for.
    pub(super) fn begin_foreground(&mut self) {
        let Mode::Foreground(foreground) = &mut self.mode else { return };
        if let Some(creation) = foreground.creation.take() {
            self.begin_create(None, creation);
        }
    }

    /// The worker for a task; without one the task fails.
    pub(super) fn add_job(&mut self, worker: Result<Worker, Error>, task: Task) {
        match worker {
            Ok(worker) => self.jobs.push(Job { worker, task }),
            Err(error) => self.end_job(task, &error),
        }
    }

    pub(super) fn begin_create(&mut self, ticket: Option<Ticket>, creation: Creation) {
        self.container.phase = Phase::Creating;
        let site = &self.site;
        let worker = Worker::begin(move |reporter| create(site, creation, reporter));
        self.add_job(worker, Task::Create(ticket));
    }

    pub(super) fn begin_start(&mut self, ticket: Option<Ticket>) {
        let Some(init) = self.container.init.take() else { return };
        self.change(Status::Created, Some(Step::Start));
        fault::at(Place::StartRecorded);
        self.container.phase = Phase::Starting;
        let Some(record) = &self.container.record else { return };
        let site = &self.site;
        // Its connection is the worker's alone from now on.
        let worker = Worker::begin(move |reporter| start(site, record, init, reporter));
        self.add_job(worker, Task::Start { ticket, executed: false });
    }

    pub(super) fn begin_permit(&mut self, ticket: Ticket) {
        let Some(record) = &self.container.record else { return };
        let site = &self.site;
        let worker = Worker::begin(|reporter| permit(site, record, reporter));
        self.add_job(worker, Task::Permit(ticket));
    }

    pub(super) fn begin_tear_down(&mut self, what: Left, goal: Goal) {
        if what == Left::Whole {
            let status = self.container.record.as_ref().map(|record| record.status);
            self.change(status.unwrap_or(Status::Stopped), Some(Step::Delete));
        }
        fault::at(Place::DeleteRecorded);
        self.container.phase = Phase::Deleting;
        let monitor = self.container.monitor.take();
        let (site, record) = (&self.site, self.container.record.as_ref());
        let patience = if matches!(goal, Goal::Delete(_)) { Patience::LONG } else { Patience::SHORT };
        let loggers = (self.loggers.as_slice(), patience);
        let worker = Worker::begin(|reporter| {
            tear_down(site, record, monitor.as_ref().map(|fd| fd.as_fd()), what, loggers, reporter)
        });
        self.add_job(worker, Task::TearDown(goal));
    }

    pub(super) fn begin_live(&mut self, ticket: Ticket, what: Live) {
        let Some(record) = &self.container.record else { return };
        let site = &self.site;
        let worker = Worker::begin(|reporter| do_live(site, record, &what, reporter));
        self.add_job(worker, Task::Live { ticket, what });
    }

    /// Undoes a creation whose worker has died, or whose process cannot be watched.
    fn undo(&mut self, ticket: Option<Ticket>, error: Error) {
        let failure = ticket.map(|ticket| (ticket, Failure::from(&error)));
        if let Mode::Foreground(foreground) = &mut self.mode {
            foreground.failed(error);
        }
        (self.container.watch, self.container.init) = (None, None);
        if self.container.record.is_none() {
            self.container.record = self.site.dir.read().ok();
        }
        self.begin_tear_down(Left::HalfMade, Goal::Undo(failure));
    }

    /// Takes what a worker tells.
    pub(super) fn take_report(&mut self, pid: Pid) {
        let Some(index) = self.jobs.iter().position(|job| job.worker.pid == pid) else { return };
        match self.jobs[index].worker.report() {
            Ok(Report::Executed) => {
                if let Task::Start { executed, .. } = &mut self.jobs[index].task {
                    *executed = true;
                }
                self.executed();
                self.jobs[index].worker.acknowledge();
            }
            Ok(report @ Report::Logging) => {
                self.loggers.retain(|logger| !logger::has_ended(logger));
                let descriptors = self.jobs[index].worker.descriptors(&report);
                self.loggers.extend(descriptors.ok().and_then(|descriptors| descriptors.pidfd));
            }
            Ok(report) => {
                let Job { mut worker, task } = self.jobs.swap_remove(index);
                let descriptors = worker.descriptors(&report);
                match (report, descriptors) {
                    (Report::Failed(told), _) => self.end_job(task, &Error::Told(told)),
                    (report, Ok(descriptors)) => self.finish_job(task, report, descriptors),
                    // It died in the midst of its report.
                    (_, Err(_)) => self.lose_job(task),
                }
            }
            Err(_) => {
                let Job { worker, task } = self.jobs.swap_remove(index);
                // It may be stuck rather than dead.
                let _ = kill_process(worker.pid, Signal::KILL);
                self.lose_job(task);
            }
        }
    }

    /// A worker has done what it should.
    fn finish_job(&mut self, task: Task, report: Report, descriptors: Descriptors) {
        match (task, report) {
            (Task::Create(ticket), Report::Created { record, .. }) => {
                self.container.monitor = descriptors.monitor;
                self.container.record = Some(*record);
                self.container.init = descriptors.init;
                if let Err(error) = self.created(ticket, descriptors.terminal) {
                    self.undo(ticket, error);
                }
            }
            (Task::Start { ticket, .. }, Report::Done) => self.tell_started(ticket),
            (Task::Execute { ticket, exec }, Report::Joined { pid, .. }) => {
                self.joined(ticket, exec, (pid, descriptors.pidfd), descriptors.terminal);
            }
            (Task::Permit(ticket), Report::Done) => self.permitted(ticket),
            (Task::TearDown(goal), Report::Done) => self.torn_down(goal),
            (Task::Live { ticket, what }, report) => self.finish_live(ticket, &what, report),
            (task, report) => {
                let error = io::Error::other(format!("{report:?}"));
                self.end_job(task, &Error::system("understand a worker")(error));
            }
        }
    }

    fn tell_started(&mut self, ticket: Option<Ticket>) {
        let pid = self.container.pid().unsigned_abs();
        if let Some(ticket) = ticket {
            self.answer(ticket, &StartResponse { pid });
        }
    }

    fn permitted(&mut self, ticket: Ticket) {
        if let Err(error) = self.force_removal(ticket) {
            log::error!("{}", nexcage_cli::causes(&error));
        }
    }

    /// Nothing of the container is left, as was the goal.
    fn torn_down(&mut self, mut goal: Goal) {
        if let Goal::Undo(failure) = &mut goal {
            if let Some((ticket, failure)) = failure.take() {
                self.fail(ticket, failure);
            }
        }
        self.vanish(&goal);
    }

    fn finish_live(&mut self, ticket: Ticket, what: &Live, report: Report) {
        let id = self.site.id.to_string();
        match (what, report) {
            (Live::Stats, Report::Answer { kind, bytes }) => {
                let stats = Some(Any { type_url: kind, value: bytes });
                return self.answer(ticket, &StatsResponse { stats });
            }
            (Live::Pause, _) => self.events.add(topic::PAUSED, &TaskPaused { container_id: id }),
            (Live::Resume, _) => self.events.add(topic::RESUMED, &TaskResumed { container_id: id }),
            _ => {}
        }
        self.answer(ticket, &Empty {});
    }

    /// A worker has failed, or could not be had. What it had begun is undone.
    fn end_job(&mut self, task: Task, error: &Error) {
        let failure = Failure::from(error);
        match task {
            Task::Create(ticket) => {
                // The worker has removed what it had made, but for the directory.
                if let Err(error) = self.site.dir.remove() {
                    log::error!("{}", nexcage_cli::causes(&error));
                }
                if let Some(ticket) = ticket {
                    self.fail(ticket, failure);
                }
                self.fail_foreground(error);
                self.vanish(&Goal::Undo(None));
            }
            // The process runs all the same.
            Task::Start { ticket, executed: true } => self.tell_started(ticket),
            Task::Start { ticket, executed: false } => {
                self.fail_foreground(error);
                self.container.failed.extend(ticket.map(|ticket| (ticket, failure)));
                self.container.never_began = Some(error.run_status());
                self.container.kill();
                // Its end is awaited.
                self.container.phase = Phase::Running;
            }
            Task::Execute { ticket, exec } => self.exec_failed(ticket, exec, error),
            Task::Permit(ticket) => self.fail(ticket, failure),
            Task::TearDown(goal) => self.keep(goal, error),
            Task::Live { ticket, .. } => self.fail(ticket, failure),
        }
    }

    fn fail_foreground(&mut self, error: &Error) {
        if let Mode::Foreground(foreground) = &mut self.mode {
            foreground.failed(Error::Told(Told::of(error)));
        }
    }

    /// The container could not be removed: it stays as it is, and can be deleted again.
    fn keep(&mut self, goal: Goal, error: &Error) {
        log::error!("{}", nexcage_cli::causes(error));
        self.container.phase = Phase::Stopped;
        if matches!(error.code(), Code::CtProtected | Code::CtLocked) {
            // Nothing was begun that a successor would have to go on with.
            self.change(Status::Stopped, None);
        }
        match goal {
            Goal::Delete(ticket) => self.fail(ticket, error),
            Goal::Undo(failure) => {
                if let Some((ticket, failure)) = failure {
                    self.fail(ticket, failure);
                }
                // A successor tries again.
                self.container.phase = Phase::Gone;
            }
            Goal::Remove | Goal::Foreground => {}
        }
        for ticket in std::mem::take(&mut self.container.removing) {
            self.fail(ticket, error);
        }
        if let Mode::Foreground(foreground) = &mut self.mode {
            foreground.gone();
        }
    }

    /// A worker has died without a word.
    fn lose_job(&mut self, task: Task) {
        match task {
            Task::Create(ticket) => self.undo(ticket, Error::WorkerDied { doing: "create the container" }),
            Task::Start { ticket, executed: true } => self.tell_started(ticket),
            Task::Start { ticket, executed: false } => {
                let error = Error::WorkerDied { doing: "start the container" };
                self.fail_foreground(&error);
                self.resume_start();
                if let Mode::Foreground(_) = self.mode {
                    self.container.kill();
                }
                // Who is told finds what is so. A process that has not begun by now will end.
                let began =
                    self.container.record.as_ref().is_some_and(|record| record.status == Status::Running);
                match ticket {
                    Some(ticket) if began || self.container.phase == Phase::Created => {
                        self.fail(ticket, &error);
                    }
                    ticket => {
                        self.container.failed.extend(ticket.map(|ticket| (ticket, Failure::from(&error))));
                    }
                }
            }
            task @ Task::Execute { .. } => {
                self.end_job(task, &Error::WorkerDied { doing: "execute the process" });
            }
            // Another removal interrupts it; and it is looked again before anything is removed.
            Task::Permit(ticket) => self.permitted(ticket),
            // It was done, but for saying so.
            Task::TearDown(goal) if !self.site.dir.is_held_by(&self.lock) => self.torn_down(goal),
            task @ Task::TearDown(_) => {
                self.end_job(task, &Error::WorkerDied { doing: "remove the container" });
            }
            task @ Task::Live { .. } => {
                self.end_job(task, &Error::WorkerDied { doing: "change the container" });
            }
        }
    }

    /// The process is held.
    fn created(&mut self, ticket: Option<Ticket>, master: Option<OwnedFd>) -> Result<(), Error> {
        let Some(process) = self.container.record.as_ref().and_then(|record| record.process) else {
            return Err(Error::WorkerDied { doing: "find the process" });
        };
        self.watch(process)?;
        self.container.terminal = Terminal::of(master, &mut self.container.streams)?;
        self.change(Status::Created, None);
        fault::at(Place::CreatedRecorded);
        self.container.phase = Phase::Created;
        let pid = self.container.pid().unsigned_abs();
        let bundle = self.container.record.as_ref().map(|record| record.bundle.clone()).unwrap_or_default();
        let io = Some(self.container.streams.told(self.container.terminal.is_some()));
        let container_id = self.site.id.to_string();
        let rootfs = std::mem::take(&mut self.container.rootfs);
        let created = TaskCreate { container_id, bundle, rootfs, io, pid, ..TaskCreate::default() };
        self.events.add(topic::CREATE, &created);
        if let Some(ticket) = ticket {
            self.answer(ticket, &CreateTaskResponse { pid });
        }
        if !self.container.removing.is_empty() {
            self.container.kill();
            return Ok(());
        }
        self.go_on_in_foreground()
    }

    /// In the foreground the start follows.
    fn go_on_in_foreground(&mut self) -> Result<(), Error> {
        let Mode::Foreground(foreground) = &mut self.mode else { return Ok(()) };
        if let Some(&signal) = self.early.iter().find(|signal| signals::asks_for_end(**signal)) {
            foreground.failed(Error::Interrupted { signal });
            self.container.kill();
            return Ok(());
        }
        let ends = foreground.ends.take();
        let pid_file = foreground.pid_file.take();
        let size = self.container.record.as_ref().is_some_and(|record| record.terminal);
        if let (Some(terminal), Some(ends)) = (&mut self.container.terminal, ends.filter(|_| size)) {
            let fixed = terminal.relay.has_size();
            terminal.relay.seat_caller(ends)?;
            if !fixed {
                terminal.relay.resize()?;
            }
        }
        if let Some(path) = pid_file {
            write_pid(&path, self.container.pid())?;
        }
        self.begin_start(None);
        Ok(())
    }

    /// The process has begun.
    pub(super) fn executed(&mut self) {
        self.change(Status::Running, None);
        fault::at(Place::RunningRecorded);
        self.container.phase = Phase::Running;
        let (container_id, pid) = (self.site.id.to_string(), self.container.pid().unsigned_abs());
        self.events.add(topic::START, &TaskStart { container_id, pid });
        for signal in std::mem::take(&mut self.early) {
            self.container.signal(signal);
        }
        if !self.container.removing.is_empty() {
            self.container.kill();
        }
    }
}

/// The event of a deletion.
pub(super) fn deleted(id: &ContainerId, response: &DeleteResponse) -> TaskDelete {
    TaskDelete {
        container_id: id.to_string(),
        pid: response.pid,
        exit_status: response.exit_status,
        exited_at: response.exited_at.clone(),
        ..TaskDelete::default()
    }
}

/// Writes a pid for whoever waits for the file: it is never seen half-written.
fn write_pid(path: &Path, pid: i32) -> Result<(), Error> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    let write = || {
        fs::write(&new, pid.to_string())?;
        fs::rename(&new, path)
    };
    write().map_err(Error::system(format!("write the pid to {}", path.display())))
}
