//! What a successor makes of a container whose shim has died: it reads the record, asks the kernel,
//! and goes on.

use crate::backend::{self, Left};
use crate::error::Error;
use crate::handover::{Init, Meeting, has_socket};
use crate::supervisor::Supervisor;
use crate::supervisor::container::Phase;
use crate::supervisor::jobs::Goal;
use crate::supervisor::seat::Terminal;
use crate::wait::{Deadline, Watch, wait};
use crate::work::later::Later;
use nexcage_record::{Error as RecordError, Exit, ProcessId, Status, Step};
use std::fs;
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::time::Duration;

/// How long an init may take to connect to a successor; it tries once a second at least.
const RECONNECTION: Duration = Duration::from_secs(5);
/// How often it is looked whether a process has become its program.
const LOOK: Duration = Duration::from_millis(5);

impl Supervisor {
    /// Takes over the container. What was half-made or half-removed goes.
    pub(crate) fn take_over(&mut self) -> Result<(), Error> {
        let mut record = match self.site.dir.read() {
            Ok(record) => record,
            Err(RecordError::NotFound { .. }) => {
                self.begin_tear_down(Left::HalfMade, Goal::Remove);
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        if let Some(shim) = ProcessId::current() {
            record.shim = shim;
        }
        if let Ok(later) = Later::read(&self.site.dir) {
            (self.site.limit, self.site.exit_source) = (later.limit(), later.exit_source());
            self.site.init = Some(later.init);
        }
        let (step, status) = (record.step, record.status);
        self.container.record = Some(record);
        if step == Some(Step::Create) || status == Status::Creating {
            self.begin_tear_down(Left::HalfMade, Goal::Remove);
            return Ok(());
        }
        self.write_record();
        self.find_monitor();
        if status == Status::Stopped {
            self.container.phase = Phase::Stopped;
        } else {
            self.find_process(step, status)?;
        }
        if step == Some(Step::Delete) {
            self.begin_tear_down(Left::Whole, Goal::Remove);
        }
        Ok(())
    }

    fn find_monitor(&mut self) {
        let Some(record) = &self.container.record else { return };
        let backend = backend::existing(&record.backend, &self.site.configuration, self.site.place());
        self.container.monitor = backend.monitor();
    }

    /// What has become of a process that the record says is there.
    fn find_process(&mut self, step: Option<Step>, status: Status) -> Result<(), Error> {
        let process = self.container.record.as_ref().and_then(|record| record.process);
        if process.is_none_or(|process| self.watch(process).is_err()) {
            // Whatever terminal it had has hung up; there are no execs that anybody knows of.
            self.end_container(Exit::lost());
            self.settle_container();
            return Ok(());
        }
        match (step, status) {
            (Some(Step::Start), _) => self.resume_start(),
            (_, Status::Created) => self.resume_created()?,
            _ => self.container.phase = Phase::Running,
        }
        Ok(())
    }

    /// After a start whose worker has died: has the process begun, or is it still held?
    pub(super) fn resume_start(&mut self) {
        let deadline = Deadline::after(RECONNECTION);
        loop {
            if !self.process_lives() {
                // Its end is taken as any other.
                self.container.phase = Phase::Running;
                return;
            }
            if !self.is_held() {
                self.executed();
                return;
            }
            // Without a socket it ends by itself.
            if has_socket(&self.site.dir.path().join("init")) {
                if let Err(error) = self.resume_created() {
                    log::error!("{}", nexcage_cli::causes(&error));
                    break;
                }
                return;
            }
            if deadline.is_over() {
                break;
            }
            std::thread::sleep(LOOK);
        }
        self.container.kill();
        self.container.phase = Phase::Running;
    }

    fn process_lives(&self) -> bool {
        let record = self.container.record.as_ref();
        record.and_then(|record| record.process).is_some_and(ProcessId::is_alive)
    }

    /// Whether the process is still nexcage-init, by the file that it executes.
    fn is_held(&self) -> bool {
        let file = |path: PathBuf| fs::metadata(path).map(|file| (file.dev(), file.ino()));
        let executed = file(format!("/proc/{}/exe", self.container.pid()).into());
        match (executed, Later::read(&self.site.dir)) {
            (Ok(executed), Ok(later)) => executed == later.init_file,
            _ => false,
        }
    }

    /// Meets an init that is held.
    fn resume_created(&mut self) -> Result<(), Error> {
        let later = Later::read(&self.site.dir)?;
        let (uid, gid) = later.root;
        let meeting = Meeting::again(&self.site.dir.path().join("init"), uid, gid)?;
        let deadline = Deadline::after(RECONNECTION);
        let came = match &self.container.watch {
            Some(exit) => wait([Watch::Readable(meeting.as_fd()), exit.watch()], deadline)?,
            None => [false, true],
        };
        match came {
            [true, _] => {}
            [_, true] => {
                self.container.phase = Phase::Created;
                return Ok(());
            }
            _ => return Err(crate::work::create::timeout("a connection of nexcage-init", RECONNECTION)),
        }
        let pid = self.container.pid();
        let is_it = |peer: rustix::process::Pid| peer.as_raw_pid() == pid;
        let mut init = Init::identify(meeting.accept()?, uid, is_it, self.site.limit)?;
        let master = init.resume()?;
        self.container.init = Some(init);
        self.container.terminal = master.map(|master| Terminal::new(master.into_descriptor())).transpose()?;
        self.change(Status::Created, None);
        self.container.phase = Phase::Created;
        Ok(())
    }
}
