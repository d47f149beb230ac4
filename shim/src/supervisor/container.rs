//! What the supervisor knows of its container.

use crate::backend::Left;
use crate::error::Error;
use crate::exit::ExitWatch;
use crate::fault::{self, Place};
use crate::handover::Init;
use crate::serve::Afterwards;
use crate::signals;
use crate::supervisor::jobs::{self, Goal};
use crate::supervisor::peers::Ticket;
use crate::supervisor::seat::Terminal;
use crate::supervisor::streams::Streams;
use crate::supervisor::{Mode, Supervisor};
use crate::wait::{Deadline, Watch};
use nexcage_cgroup::{Cgroup, OomWatch};
use nexcage_record::{Exit, ProcessId, Record, Status, Step};
use nexcage_task_api::events::{TaskExit, TaskOom, topic};
use nexcage_task_api::task::{DeleteResponse, Mount, WaitResponse};
use nexcage_task_api::{Empty, Failure, Timestamp};
use rustix::process::{Signal, pidfd_send_signal};
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::Duration;

/// How long execs may take to end after the container's own process.
const EXECS_ENDING: Duration = Duration::from_secs(10);

/// Where a container is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Phase {
    /// There is none yet.
    #[default]
    Empty,
    Creating,
    /// The process is held.
    Created,
    Starting,
    Running,
    /// The process has ended, but not all that has to come before its end is told.
    Ending,
    Stopped,
    Deleting,
    Gone,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Container {
    pub(crate) phase: Phase,
    pub(crate) record: Option<Record>,
    /// The held process.
    pub(crate) init: Option<Init>,
    pub(crate) watch: Option<ExitWatch>,
    pub(crate) monitor: Option<OwnedFd>,
    pub(crate) terminal: Option<Terminal>,
    pub(crate) streams: Streams,
    /// What an engine has mounted on its root file system, until that is told.
    pub(crate) rootfs: Vec<Mount>,
    pub(crate) oom: Option<OomWatch>,
    /// Who waits for the end of the process.
    pub(crate) waiting: Vec<Ticket>,
    /// Who wants it paused once its process has begun, which is under way.
    pub(crate) pausing: Vec<Ticket>,
    /// Who wants the container removed, whatever its state.
    pub(crate) removing: Vec<Ticket>,
    /// Who wants a container deleted whose end is not told yet.
    pub(crate) deleting: Option<Ticket>,
    /// Whose start has failed; they are told when the process has ended.
    pub(crate) failed: Vec<(Ticket, Failure)>,
    /// The status that tells why the process never began; it is killed, or ends by itself first.
    pub(crate) never_began: Option<u8>,
    /// By when the end of the process is told, whatever the execs do.
    ending: Option<Deadline>,
}

impl Container {
    /// The process's end, when it can be taken: a worker that starts it tells first what came of it.
    pub(crate) fn exit_watch(&self) -> Option<Watch<'_>> {
        let watched = matches!(self.phase, Phase::Created | Phase::Running);
        self.watch.as_ref().filter(|_| watched).map(ExitWatch::watch)
    }

    /// LXC's monitor, as long as its end would be of interest.
    pub(crate) fn watched_monitor(&self) -> Option<&OwnedFd> {
        self.monitor.as_ref().filter(|_| self.exit_watch().is_some())
    }

    pub(crate) fn oom(&self) -> Option<Watch<'_>> {
        self.oom.as_ref().map(|oom| Watch::Readable(oom.as_fd()))
    }

    pub(crate) fn patience(&self) -> Deadline {
        self.ending.unwrap_or(Deadline::NEVER)
    }

    /// The process's pid, as long as it is known.
    pub(crate) fn pid(&self) -> i32 {
        self.record.as_ref().and_then(|record| record.process).map_or(0, |process| process.pid)
    }

    pub(crate) fn exit(&self) -> Option<Exit> {
        self.record.as_ref().and_then(|record| record.exit)
    }

    /// Sends the process a signal; one that has just ended needs none.
    pub(crate) fn signal(&self, signal: i32) {
        if let Some(watch) = &self.watch {
            signals::forward(watch.pidfd(), signal);
        }
    }

    pub(crate) fn kill(&self) {
        if let Some(watch) = &self.watch {
            let _ = pidfd_send_signal(watch.pidfd(), Signal::KILL);
        }
    }

    pub(crate) fn forget(&mut self, peer: u64) {
        self.waiting.retain(|ticket| ticket.peer != peer);
        self.pausing.retain(|ticket| ticket.peer != peer);
        if let Some(terminal) = &mut self.terminal {
            terminal.forget(peer);
        }
    }

    pub(crate) fn drop_output(&mut self) {
        if let Some(terminal) = &mut self.terminal {
            terminal.relay.leave();
        }
    }
}

/// The end of a process, as the Task API has it.
pub(crate) fn exited(exit: Option<Exit>) -> WaitResponse {
    WaitResponse {
        exit_status: exit.map_or(0, |exit| exit.status.into()),
        exited_at: exit.map(|exit| Timestamp::from(exit.at.time())),
    }
}

impl Supervisor {
    /// Writes the record down; a failure is told and the work goes on, for the container lives.
    pub(super) fn write_record(&mut self) {
        if let Some(record) = &self.container.record {
            if let Err(error) = self.site.dir.write(record) {
                log::error!("{}", nexcage_cli::causes(&error));
            }
        }
    }

    pub(super) fn change(&mut self, status: Status, step: Option<Step>) {
        if let Some(record) = &mut self.container.record {
            (record.status, record.step) = (status, step);
        }
        self.write_record();
    }

    /// Takes the end of the process if it has come.
    pub(super) fn take_exit_if_any(&mut self) {
        let Some(watch) = self.container.exit_watch() else { return };
        if matches!(crate::wait::wait([watch], Deadline::after(Duration::ZERO)), Ok([true])) {
            self.take_exit();
        }
    }

    /// The process has ended.
    pub(super) fn take_exit(&mut self) {
        let Some(watch) = self.container.watch.take() else { return };
        fault::at(Place::ExitSeen);
        let exit = match watch.status() {
            Ok(status) => Exit::learned(self.container.never_began.unwrap_or_else(|| status.shell_status())),
            Err(error) => {
                log::error!("{}", nexcage_cli::causes(&error));
                Exit::lost()
            }
        };
        self.end_container(exit);
    }

    /// Writes the end down, then lets everything that must come before it is told end.
    pub(super) fn end_container(&mut self, exit: Exit) {
        self.take_oom();
        if let Some(record) = &mut self.container.record {
            record.exit = Some(exit);
        }
        let step = self.container.record.as_ref().and_then(|record| record.step);
        self.change(Status::Stopped, step.filter(|step| *step == Step::Delete));
        fault::at(Place::ExitRecorded);
        self.container.init = None;
        self.container.oom = None;
        self.container.phase = Phase::Ending;
        self.container.ending = Some(Deadline::after(EXECS_ENDING));
        if let Some(terminal) = &mut self.container.terminal {
            terminal.relay.finish();
        }
        self.execs.kill();
    }

    /// LXC's monitor has ended: if the process has not, nobody is left to tear the container down.
    pub(super) fn lose_monitor(&mut self) {
        self.take_exit_if_any();
        if self.container.watch.is_some() {
            self.container.monitor = None;
            log::warn!("LXC's monitor has ended before its container, which is killed");
            self.container.kill();
        }
    }

    pub(super) fn take_oom(&mut self) {
        let Some(oom) = &mut self.container.oom else { return };
        if oom.take() > 0 {
            let id = self.site.id.to_string();
            self.events.add(topic::OOM, &TaskOom { container_id: id });
        }
    }

    pub(super) fn settle_container(&mut self) {
        if self.container.phase == Phase::Ending {
            let late = self.container.ending.is_some_and(Deadline::is_over);
            let shown = self.container.terminal.as_ref().is_none_or(|terminal| terminal.relay.is_over());
            if shown && (self.execs.are_over() || late) {
                self.stop();
            }
        }
        if self.container.phase == Phase::Stopped {
            if !self.container.removing.is_empty() {
                self.begin_tear_down(Left::Whole, Goal::Remove);
            } else if let Some(ticket) = self.container.deleting.take() {
                self.begin_tear_down(Left::Whole, Goal::Delete(ticket));
            } else if let Mode::Foreground(foreground) = &mut self.mode {
                match foreground.afterwards {
                    // One that could not be removed stays for others to delete.
                    _ if foreground.is_over() => {}
                    Afterwards::Remove => self.begin_tear_down(Left::Whole, Goal::Foreground),
                    // A successor serves it when somebody asks.
                    Afterwards::Keep => foreground.gone(),
                }
            }
        }
    }

    /// Tells that the process has ended.
    fn stop(&mut self) {
        self.container.phase = Phase::Stopped;
        self.container.ending = None;
        if let Some((ticket, answer)) = self.container.terminal.take().and_then(Terminal::end) {
            self.answer(ticket, &answer);
        }
        let (exit, id) = (self.container.exit(), self.site.id.to_string());
        let ended = exited(exit);
        let pid = self.container.pid().unsigned_abs();
        self.events.add(
            topic::EXIT,
            &TaskExit {
                container_id: id.clone(),
                id,
                pid,
                exit_status: ended.exit_status,
                exited_at: ended.exited_at.clone(),
            },
        );
        for (ticket, failure) in std::mem::take(&mut self.container.failed) {
            self.fail(ticket, failure);
        }
        for ticket in std::mem::take(&mut self.container.waiting) {
            self.answer(ticket, &ended);
        }
        if let Mode::Foreground(foreground) = &mut self.mode {
            foreground.ended(exit.map_or(255, |exit| exit.status));
        }
    }

    /// Nothing of the container is left.
    pub(super) fn vanish(&mut self, goal: &Goal) {
        let response = DeleteResponse {
            pid: self.container.pid().unsigned_abs(),
            exit_status: exited(self.container.exit()).exit_status,
            exited_at: exited(self.container.exit()).exited_at,
        };
        self.container.phase = Phase::Gone;
        if let Goal::Delete(ticket) = goal {
            self.events.add(topic::DELETE, &jobs::deleted(&self.site.id, &response));
            self.answer(*ticket, &response);
        }
        for ticket in std::mem::take(&mut self.container.removing) {
            self.answer(ticket, &Empty {});
            // Who has removed it waits for the end of the shim.
            self.shut_down = true;
        }
        if let Mode::Foreground(foreground) = &mut self.mode {
            foreground.gone();
        }
    }

    /// Watches a container whose process is there.
    pub(super) fn watch(&mut self, process: ProcessId) -> Result<(), Error> {
        let pidfd = process.open().ok_or(Error::ExitLost { pid: process.pid })?;
        let pid = rustix::process::Pid::from_raw(process.pid).ok_or(Error::ExitLost { pid: process.pid })?;
        let watch = ExitWatch::new(pid, pidfd.as_fd(), self.site.exit_source)?;
        self.container.watch = Some(watch);
        self.watch_memory();
        Ok(())
    }

    /// Watches for the kernel's killing for lack of memory, where that can be seen.
    pub(super) fn watch_memory(&mut self) {
        let Some(record) = &self.container.record else { return };
        self.container.oom = match OomWatch::new(&Cgroup::find(record.backend.cgroup())) {
            Ok(watch) => Some(watch),
            Err(error) => {
                log::debug!("{}", nexcage_cli::causes(&error));
                None
            }
        };
    }
}
