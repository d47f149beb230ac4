//! Plain LXC: `lxc-start -F` as a child of the shim.

use crate::backend::{Backend, Launch, Left, MARK, Place, marked, remove_lxc_lock};
use crate::error::Error;
use crate::lxc_log;
use crate::wait::{Deadline, Watch, wait};
use lxc_render_config::LxcConfig;
use nexcage_cgroup::{self as cgroup, Cgroup, Hierarchies};
use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::fs::{self, File};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How often a teardown that does not come to its end is looked after.
const PATIENCE: Duration = Duration::from_millis(50);

/// A container of plain LXC.
#[derive(Debug)]
pub(crate) struct PlainLxc {
    /// LXC's name of the container, which is its id.
    name: String,
    directory: PathBuf,
    /// LXC's path: the directory of the namespace, so that `lxc-info -P` finds the container.
    lxc_path: PathBuf,
    config: PathBuf,
    log: PathBuf,
    payload_cgroup: PathBuf,
    monitor_cgroup: PathBuf,
    /// Parents of the payload's cgroup that LXC makes and does not remove.
    new_parents: Vec<PathBuf>,
    /// The directory `lxc_path`, locked shared as long as LXC may use its own directory for it.
    in_use: Option<File>,
    /// What this process has started.
    started: Option<(Child, OwnedFd)>,
    /// The monitor, if another process has started it.
    adopted: Option<OwnedFd>,
}

impl PlainLxc {
    /// A container whose processes are in `cgroup`, above which `new_parents` did not exist.
    pub(super) fn new(place: Place<'_>, cgroup: PathBuf, new_parents: Vec<PathBuf>) -> Self {
        let directory = place.dir.path();
        PlainLxc {
            name: place.id.to_string(),
            directory: directory.to_owned(),
            lxc_path: directory.parent().unwrap_or(directory).to_owned(),
            config: directory.join("lxc.conf"),
            log: place.dir.log(),
            payload_cgroup: cgroup,
            monitor_cgroup: self::cgroup("lxc.monitor", place),
            new_parents,
            in_use: place.in_use.try_clone().ok(),
            started: None,
            adopted: None,
        }
    }

    fn own_lines(&self, config: &mut LxcConfig) -> Result<(), Error> {
        let path = |path: &Path| path.to_string_lossy().into_owned();
        config.push("lxc.cgroup.dir.container", path(&self.payload_cgroup))?;
        config.push("lxc.cgroup.dir.monitor", path(&self.monitor_cgroup))?;
        // LXC sees to that only below cgroups of its own making, not in a pod's.
        for (file, value) in cgroup::cpuset_to_copy(&Hierarchies::mounted(), &self.payload_cgroup) {
            let key = format!("lxc.cgroup.{file}");
            if config.get(&key).is_none() {
                config.push(&key, value)?;
            }
        }
        Ok(config.push("lxc.cgroup.dir.monitor.pivot", "lxc.pivot")?)
    }

    fn spawn(&self, id_mapped: bool) -> Result<(Child, OwnedFd), Error> {
        let log = || File::options().create(true).append(true).open(&self.log);
        let log = log().map_err(Error::system(format!("open {}", self.log.display())))?;
        let again = log.try_clone().map_err(Error::system("duplicate the log"))?;
        let mut command = Command::new(find_in_path("lxc-start").ok_or(Error::LxcMissing)?);
        if id_mapped {
            // Root needs no newuidmap, which LXC would use if it found it, and which refuses ids that
            // /etc/subuid does not give to root.
            command.env("PATH", PATH_WITHOUT_NEWUIDMAP);
        }
        command.arg("-P").arg(&self.lxc_path).arg("-n").arg(&self.name).arg("-f").arg(&self.config).arg("-F");
        // Its own process group: what the terminal sends to the shim's group goes to the process
        // once, by the shim.
        command.current_dir("/").process_group(0);
        // Nothing of it is /dev/null: LXC takes the permissions of its stdio away from everyone but
        // the container's root, unless it finds the same file as the container's /dev/null.
        command.stdin(Stdio::piped()).stdout(again).stderr(log).env(MARK, &self.directory);
        let child = command.spawn().map_err(Error::system("execute lxc-start"))?;
        let pidfd = pidfd_open(Pid::from_child(&child), PidfdFlags::empty())
            .map_err(|errno| Error::system("watch lxc-start")(errno.into()))?;
        Ok((child, pidfd))
    }

    /// Removes the lock file that LXC leaves for the container, and its directory when no other
    /// container uses that: everyone who does holds `in_use`.
    fn remove_lock(&mut self) {
        let directory = remove_lxc_lock(&self.lxc_path, &self.name);
        let alone = |file: &File| flock(file, FlockOperation::NonBlockingLockExclusive).is_ok();
        if let Some(_lock) = self.in_use.take().filter(alone) {
            drop(fs::remove_dir(directory));
        }
    }

    /// LXC's monitor, wherever it is: a starter that has not come far is in no cgroup yet.
    fn find_monitor(&self, what: Left) -> Option<OwnedFd> {
        let started = self.started.as_ref().map(|(_, pidfd)| pidfd);
        let known = self.adopted.as_ref().or(started).and_then(|pidfd| pidfd.try_clone().ok());
        let in_cgroup = || {
            let processes = Cgroup::find(&self.monitor_cgroup).processes();
            processes.into_iter().find_map(|pid| pidfd_open(pid, PidfdFlags::empty()).ok())
        };
        let by_mark = || match what {
            Left::HalfMade => marked(&self.directory).into_iter().next(),
            Left::Whole => None,
        };
        known.or_else(in_cgroup).or_else(by_mark)
    }

    /// Waits for LXC's monitor to end; ends what is left in the container when that takes long, and
    /// the monitor itself at the deadline.
    fn end_monitor(&self, what: Left, deadline: Deadline) -> Result<(), Error> {
        let Some(monitor) = self.find_monitor(what) else { return Ok(()) };
        while wait([Watch::Readable(monitor.as_fd())], Deadline::after(PATIENCE))? == [false] {
            Cgroup::find(&self.payload_cgroup).kill();
            if deadline.is_over() {
                log::warn!("LXC's monitor of {} does not end and is killed", self.name);
                let _ = pidfd_send_signal(&monitor, Signal::KILL);
            }
        }
        Ok(())
    }
}

/// A cgroup's name. '@' is in no id and no namespace: no two containers share one.
pub(super) fn cgroup(prefix: &str, place: Place<'_>) -> PathBuf {
    PathBuf::from(format!("{prefix}.nexcage@{}@{}", place.namespace, place.id))
}

impl Backend for PlainLxc {
    fn record(&self) -> nexcage_record::Backend {
        nexcage_record::Backend::Lxc {
            cgroup: self.payload_cgroup.to_string_lossy().into_owned(),
            new_parents: self.new_parents.clone(),
        }
    }

    fn launch(&mut self, mut config: LxcConfig) -> Result<(), Error> {
        self.own_lines(&mut config)?;
        let write = fs::write(&self.config, config.text());
        write.map_err(Error::system(format!("write {}", self.config.display())))?;
        crate::fault::at(crate::fault::Place::ConfigurationWritten);
        self.started = Some(self.spawn(config.get("lxc.idmap").is_some())?);
        Ok(())
    }

    fn starter(&self) -> Option<BorrowedFd<'_>> {
        self.started.as_ref().map(|(_, pidfd)| pidfd.as_fd())
    }

    fn launched(&mut self) -> Result<Launch, Error> {
        let ended = match &mut self.started {
            Some((child, _)) => child.try_wait().map_err(Error::system("look at lxc-start"))?,
            None => None,
        };
        match ended {
            None => Ok(Launch::Started),
            Some(status) => {
                let words = self.words();
                Err(Error::LxcStart { words: if words.is_empty() { status.to_string() } else { words } })
            }
        }
    }

    fn monitor(&self) -> Option<OwnedFd> {
        self.find_monitor(Left::Whole)
    }

    fn adopt(&mut self, monitor: OwnedFd) {
        self.adopted = Some(monitor);
    }

    fn words(&self) -> String {
        lxc_log::words(&self.log)
    }

    fn filter(&self) -> Option<PathBuf> {
        None
    }

    fn contains(&self, pid: Pid) -> bool {
        cgroup::contains(&self.payload_cgroup, pid)
    }

    fn tear_down(&mut self, what: Left, deadline: Deadline) -> Result<(), Error> {
        self.end_monitor(what, deadline)?;
        cgroup::remove([&self.payload_cgroup, &self.monitor_cgroup], deadline.left()).map_err(Box::new)?;
        for parent in &self.new_parents {
            // Somebody else may use it by now.
            drop(fs::remove_dir(parent));
        }
        self.remove_lock();
        Ok(())
    }
}

/// The directories of administrators' programs, where Debian has no newuidmap.
const PATH_WITHOUT_NEWUIDMAP: &str = "/usr/local/sbin:/usr/sbin:/sbin";

fn find_in_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(program)).find(|file| file.is_file())
}
