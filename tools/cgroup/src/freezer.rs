//! Stopping every process of a cgroup without a signal, and letting it go on.

use crate::cgroup::children;
use crate::deadline::Deadline;
use crate::{Cgroup, Error, Version};
use rustix::io::Errno;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

/// Between two looks at what the kernel has reached.
const TICK: Duration = Duration::from_millis(1);
/// After so many looks cgroup v1 begins anew: processes that wait for each other may never freeze
/// (a vfork whose child was first, a FUSE file system), but do when they have gone on for a while.
const PATIENCE: u32 = 50;
/// How long that while is.
const WHILE: Duration = Duration::from_millis(10);

/// The file that freezes a cgroup.
#[derive(Debug)]
enum Freezer {
    /// `freezer.state` of cgroup v1.
    State(PathBuf),
    /// `cgroup.freeze` of cgroup v2, with `cgroup.events`.
    Freeze { file: PathBuf, events: PathBuf },
}

impl Cgroup {
    /// Freezes it with all cgroups below it, and returns when every process is frozen. If that does not
    /// happen in time, it is thawed again.
    ///
    /// # Errors
    /// The host cannot freeze this cgroup, or it took too long.
    pub fn freeze(&self, limit: Duration) -> Result<(), Error> {
        let freezer = self.freezer()?;
        let deadline = Deadline::after(limit);
        let frozen = freezer.freeze_until(deadline);
        if !matches!(frozen, Ok(true)) {
            // The first failure is the one to tell.
            drop(freezer.set(State::Thawed));
        }
        match frozen {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.timeout("freeze", limit)),
            Err(error) => Err(self.failed("freeze", error)),
        }
    }

    /// Lets its processes go on, and returns when they do.
    ///
    /// # Errors
    /// The host cannot freeze this cgroup, or a cgroup above it is frozen when the time is over.
    pub fn thaw(&self, limit: Duration) -> Result<(), Error> {
        let freezer = self.freezer()?;
        let deadline = Deadline::after(limit);
        freezer.set(State::Thawed).map_err(|error| self.failed("thaw", error))?;
        loop {
            match freezer.state() {
                Ok(State::Thawed) => return Ok(()),
                // Its processes have ended since, and somebody has removed it.
                Err(error) if is_gone(&error) => return Ok(()),
                Err(error) => return Err(self.failed("thaw", error)),
                Ok(_) if deadline.is_over() => return Err(self.timeout("thaw", limit)),
                Ok(_) => sleep(TICK),
            }
        }
    }

    /// Whether all of it is frozen, by whomever.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        let freezer = self.freezer();
        freezer.is_ok_and(|freezer| match freezer.state() {
            Ok(State::Frozen) => true,
            // A process whose vfork has just ended counts as not frozen until it has stopped again, so the
            // kernel's word on what is reached wavers.
            Ok(State::Freezing) => matches!(freezer, Freezer::Freeze { .. }),
            _ => false,
        })
    }

    /// A frozen process of cgroup v1 does not even die.
    pub(crate) fn thaw_all(&self) {
        if let Ok(Freezer::State(file)) = self.freezer() {
            file.parent().into_iter().for_each(thaw_tree);
        }
    }

    fn freezer(&self) -> Result<Freezer, Error> {
        let v1 = self.of_controller(Version::V1, "freezer").map(|path| path.join("freezer.state"));
        // The root of a hierarchy cannot be frozen.
        if let Some(file) = v1.filter(|file| file.exists()) {
            return Ok(Freezer::State(file));
        }
        let v2 = self.unified().map(|path| (path.join("cgroup.freeze"), path.join("cgroup.events")));
        match v2.filter(|(file, _)| file.exists()) {
            Some((file, events)) => Ok(Freezer::Freeze { file, events }),
            None => Err(Error::NoFreezer { name: self.name.clone() }),
        }
    }

    fn timeout(&self, what: &str, limit: Duration) -> Error {
        Error::Timeout { doing: format!("{what} the cgroup {}", self.name.display()), limit }
    }

    fn failed(&self, what: &str, error: io::Error) -> Error {
        Error::system(format!("{what} the cgroup {}", self.name.display()))(error)
    }
}

/// What a cgroup has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Thawed,
    Freezing,
    Frozen,
}

impl Freezer {
    fn freeze_until(&self, deadline: Deadline) -> io::Result<bool> {
        loop {
            for _ in 0..PATIENCE {
                // Again each time: processes may have come since, or somebody may have thawed it.
                self.set(State::Frozen)?;
                if self.state()? == State::Frozen {
                    return Ok(true);
                }
                if deadline.is_over() {
                    return Ok(false);
                }
                sleep(TICK);
            }
            if let Freezer::State(_) = self {
                self.set(State::Thawed)?;
                sleep(WHILE);
            }
        }
    }

    fn set(&self, state: State) -> io::Result<()> {
        match (self, state) {
            (Freezer::State(file), State::Thawed) => fs::write(file, "THAWED"),
            (Freezer::State(file), _) => fs::write(file, "FROZEN"),
            (Freezer::Freeze { file, .. }, State::Thawed) => fs::write(file, "0"),
            (Freezer::Freeze { file, .. }, _) => fs::write(file, "1"),
        }
    }

    fn state(&self) -> io::Result<State> {
        match self {
            Freezer::State(file) => Ok(match fs::read_to_string(file)?.trim_end() {
                "FROZEN" => State::Frozen,
                "FREEZING" => State::Freezing,
                _ => State::Thawed,
            }),
            Freezer::Freeze { file, events } => {
                let asked = fs::read_to_string(file)?.trim_end() == "1";
                let frozen = fs::read_to_string(events)?.lines().any(|line| line == "frozen 1");
                Ok(match (frozen, asked) {
                    (true, _) => State::Frozen,
                    (false, true) => State::Freezing,
                    (false, false) => State::Thawed,
                })
            }
        }
    }
}

/// Whether a file's cgroup has been removed, before or after it was opened.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(Errno::NODEV.raw_os_error())
}

fn thaw_tree(directory: &Path) {
    // It may be gone; what is left is found by whoever removes the cgroup.
    drop(fs::write(directory.join("freezer.state"), "THAWED"));
    children(directory).for_each(|child| thaw_tree(&child));
}
