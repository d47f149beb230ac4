//! Proxmox VE: the container is a CT, started by `pct start`.
//!
//! A create-to-delete cycle runs one `pct`: the VMID is taken by creating the CT's configuration
//! exclusively, the end is seen in the kernel, and what is left is removed as files.

mod conf;
mod include;

use crate::backend::{Backend, Launch};
use crate::cgroup::{self, Cgroup};
use crate::configuration;
use crate::error::Error;
use crate::lxc_log;
use crate::wait::{Deadline, Watch, wait};
use lxc_render_config::{LxcConfig, Rendered};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open, pidfd_send_signal};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long a `pct` that is told to end may take for it: it ends its worker, which holds a lock.
const PCT_ENDING: Duration = Duration::from_secs(3);
/// How often a teardown that does not come to its end is looked after.
const PATIENCE: Duration = Duration::from_millis(50);

/// A CT.
#[derive(Debug)]
pub(crate) struct Ct {
    paths: configuration::Pct,
    vmid: u32,
    /// The file that the CT's configuration includes: the proof that it is ours.
    include: PathBuf,
    log: PathBuf,
    pct: Option<(Child, OwnedFd)>,
    monitor: Option<OwnedFd>,
}

impl Ct {
    /// Takes a VMID: creates the configuration of a new CT on its final name, which fails for an
    /// id that a CT or VM of any node of the cluster holds (pct.md, section 5).
    pub(crate) fn take(
        paths: &configuration::Pct,
        directory: &Path,
        id: &str,
        rendered: &Rendered,
    ) -> Result<Self, Error> {
        let include = directory.join("lxc.conf");
        let conf = conf::render(rendered, id, &include)?;
        let vmids = paths.vmids;
        for vmid in vmids.first..=vmids.last {
            let path = conf_path(paths, vmid);
            let mut file = match OpenOptions::new().write(true).create_new(true).mode(0o640).open(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                other => other.map_err(Error::system(format!("create {}", path.display())))?,
            };
            let ct = Ct::existing(paths, directory, vmid);
            let written = file.write_all(conf.as_bytes()).and_then(|()| file.sync_all());
            return match written {
                Ok(()) => Ok(ct),
                Err(error) => {
                    drop(fs::remove_file(&path));
                    Err(Error::system(format!("write {}", path.display()))(error))
                }
            };
        }
        Err(Error::NoVmid { first: vmids.first, last: vmids.last })
    }

    /// The CT that a record speaks of.
    pub(crate) fn existing(paths: &configuration::Pct, directory: &Path, vmid: u32) -> Self {
        let (include, log) = (directory.join("lxc.conf"), directory.join("log"));
        Ct { paths: paths.clone(), vmid, include, log, pct: None, monitor: None }
    }

    fn conf(&self) -> PathBuf {
        conf_path(&self.paths, self.vmid)
    }

    fn payload_cgroup(&self) -> PathBuf {
        self.cgroup("container", "lxc")
    }

    fn monitor_cgroup(&self) -> PathBuf {
        self.cgroup("monitor", "lxc.monitor")
    }

    /// A cgroup of the CT: as Proxmox has rendered it at the start, else as it always does.
    fn cgroup(&self, part: &str, usual: &str) -> PathBuf {
        let text = fs::read_to_string(self.rendered().join("config")).unwrap_or_default();
        let config = LxcConfig::parse(&text).unwrap_or_default();
        let name = config.get(&format!("lxc.cgroup.dir.{part}"));
        name.map_or_else(|| PathBuf::from(format!("{usual}/{}", self.vmid)), PathBuf::from)
    }

    /// Where Proxmox puts what it renders of the CT's configuration.
    fn rendered(&self) -> PathBuf {
        self.paths.lxc_directory.join(self.vmid.to_string())
    }

    /// Whether the CT of our id is, or was, ours: somebody may have removed it and made another.
    fn is_ours(&self) -> io::Result<bool> {
        match fs::read_to_string(self.conf()) {
            Ok(text) => Ok(conf::includes(&text, &self.include)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(error),
        }
    }

    fn spawn(&self) -> Result<(Child, OwnedFd), Error> {
        let open = || File::options().create(true).append(true).open(&self.log);
        let log = open().map_err(Error::system(format!("open {}", self.log.display())))?;
        let again = log.try_clone().map_err(Error::system("duplicate the log"))?;
        let mut command = Command::new(&self.paths.program);
        command.arg("start").arg(self.vmid.to_string()).current_dir("/").process_group(0);
        let child = command.stdin(Stdio::null()).stdout(log).stderr(again).spawn();
        let child = child.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::PctMissing { program: self.paths.program.clone() },
            _ => Error::system(format!("execute {}", self.paths.program.display()))(error),
        })?;
        let pidfd = pidfd_open(Pid::from_child(&child), PidfdFlags::empty())
            .map_err(|errno| Error::system("watch pct")(errno.into()))?;
        Ok((child, pidfd))
    }

    /// Ends a `pct start` that still runs: politely first, since its worker holds the CT's lock.
    fn end_pct(&mut self) -> Result<(), Error> {
        let Some((mut child, pidfd)) = self.pct.take() else {
            return Ok(());
        };
        let group = Pid::from_child(&child);
        for signal in [Signal::TERM, Signal::KILL] {
            // It may have ended meanwhile.
            let _ = kill_process_group(group, signal);
            if wait([Watch::Readable(pidfd.as_fd())], Deadline::after(PCT_ENDING))? == [true] {
                break;
            }
        }
        child.wait().map_err(Error::system("wait for pct"))?;
        Ok(())
    }

    /// Waits until LXC's monitor has ended, which it does after the hooks that unmount the rootfs;
    /// what is left in the container is ended, and the monitor itself at the deadline.
    fn end_monitor(&mut self, deadline: Deadline) -> Result<(), Error> {
        let Some(monitor) = self.monitor.take().or_else(|| self.find_monitor()) else {
            return Ok(());
        };
        while wait([Watch::Readable(monitor.as_fd())], Deadline::after(PATIENCE))? == [false] {
            Cgroup::find(&self.payload_cgroup()).kill();
            if deadline.is_over() {
                log::warn!("LXC's monitor of CT {} does not end and is killed", self.vmid);
                let _ = pidfd_send_signal(&monitor, Signal::KILL);
            }
        }
        Ok(())
    }

    /// LXC's monitor, which is alone in its cgroup.
    fn find_monitor(&self) -> Option<OwnedFd> {
        let processes = Cgroup::find(&self.monitor_cgroup()).processes();
        processes.into_iter().find_map(|pid| pidfd_open(pid, PidfdFlags::empty()).ok())
    }

    /// Removes the configuration and what Proxmox has rendered from it.
    fn remove_files(&self) -> Result<(), Error> {
        let rendered = self.rendered();
        for file in [self.conf(), rendered.join("config"), rendered.join("rules.seccomp")] {
            match fs::remove_file(&file) {
                Err(error) if !is_gone(&error) => {
                    return Err(Error::system(format!("remove {}", file.display()))(error));
                }
                _ => {}
            }
        }
        // Empty mount points; anything else in there is not ours.
        for directory in [rendered.join("rootfs"), rendered.join("passthrough"), rendered] {
            drop(fs::remove_dir(directory));
        }
        Ok(())
    }
}

fn conf_path(paths: &configuration::Pct, vmid: u32) -> PathBuf {
    paths.conf_directory.join(format!("{vmid}.conf"))
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

impl Backend for Ct {
    fn record(&self) -> nexcage_record::Backend {
        nexcage_record::Backend::Pct { vmid: self.vmid }
    }

    fn launch(&mut self, config: LxcConfig) -> Result<(), Error> {
        let include = include::render(&config)?;
        fs::write(&self.include, include.text())
            .map_err(Error::system(format!("write {}", self.include.display())))?;
        self.pct = Some(self.spawn()?);
        Ok(())
    }

    fn starter(&self) -> Option<BorrowedFd<'_>> {
        self.pct.as_ref().map(|(_, pidfd)| pidfd.as_fd())
    }

    fn launched(&mut self) -> Result<Launch, Error> {
        let Some((child, _)) = &mut self.pct else {
            return Ok(Launch::Started);
        };
        let Some(status) = child.try_wait().map_err(Error::system("look at pct"))? else {
            return Ok(Launch::Pending);
        };
        self.pct = None;
        if status.success() {
            self.monitor = self.find_monitor();
            return Ok(Launch::Started);
        }
        let words = self.words();
        Err(Error::PctStart { words: if words.is_empty() { status.to_string() } else { words } })
    }

    fn monitor(&self) -> Option<BorrowedFd<'_>> {
        self.monitor.as_ref().map(|monitor| monitor.as_fd())
    }

    fn words(&self) -> String {
        lxc_log::pct_words(&self.log)
    }

    fn contains(&self, pid: Pid) -> bool {
        cgroup::contains(&self.payload_cgroup(), pid)
    }

    fn tear_down(&mut self, deadline: Deadline) -> Result<(), Error> {
        self.end_pct()?;
        let conf = self.conf();
        if !self.is_ours().map_err(Error::system(format!("read {}", conf.display())))? {
            log::warn!("CT {} is no longer ours and is left alone", self.vmid);
            return Ok(());
        }
        self.end_monitor(deadline)?;
        cgroup::remove([&*self.payload_cgroup(), &*self.monitor_cgroup()], deadline)?;
        self.remove_files()
    }
}
