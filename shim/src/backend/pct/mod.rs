//! Proxmox VE: the container is a CT, started by `pct start`.
//!
//! A create-to-delete cycle on a directory runs one `pct`: the VMID is taken by creating the CT's
//! configuration exclusively, the end is seen in the kernel, and what is left is removed as files. A root
//! file system on a storage is made by `pct create` and removed by `pct destroy`.

mod archive;
mod conf;
mod create;
mod remnants;
mod storage;
mod task;
mod template;
mod unfit;
pub(crate) mod words;

pub(crate) use conf::{conf_path, include_name};

use crate::backend::image::Image;
use crate::backend::{Backend, Launch, Left, Origin, remove_lxc_lock};
use crate::error::{Error, Kept, Pct};
use crate::signals::Signals;
use crate::wait::{Deadline, Watch, wait};
use conf::{is_gone, pmxcfs, remove_file};
use lxc_render_config::{LxcConfig, pve};
use nexcage_cgroup::{self as cgroup, Cgroup};
use nexcage_configuration::WithoutUserNamespace;
use remnants::{end_workers, lxc_start};
use rustix::mount::{UnmountFlags, unmount};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use task::{Output, Task};

/// How long a `pct` that is told to end may take for it: it ends its worker, which holds a lock.
const PCT_ENDING: Duration = Duration::from_secs(3);
/// How long somebody may take to fill a configuration that he has just created.
const FILLING: Duration = Duration::from_secs(1);
/// How often a teardown that does not come to its end is looked after.
const PATIENCE: Duration = Duration::from_millis(50);

/// A CT.
#[derive(Debug)]
pub(crate) struct Ct {
    paths: nexcage_configuration::Pct,
    vmid: u32,
    /// The file that the CT's configuration includes: the proof that it is ours.
    include: PathBuf,
    /// What LXC says by way of pct, on its stdout.
    log: PathBuf,
    directory: PathBuf,
    /// What pct itself says, on its stderr.
    errors: PathBuf,
    pct: Option<Task>,
    monitor: Option<OwnedFd>,
    /// What it was made of, until its included file is written.
    made: Option<pve::Ct>,
    /// See [`nexcage_record::Backend`].
    mark: Option<String>,
}

/// Whose the CT of a VMID is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Owner {
    /// Ours, with this configuration; with an empty one it is gone.
    Us(String),
    Others,
}

impl Ct {
    /// Makes a CT as its wishes have it.
    pub(super) fn make(
        origin: &Origin<'_>,
        wishes: &pve::Wishes,
        signals: &mut Signals,
        intend: &mut dyn FnMut(nexcage_record::Backend) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let is_permitted =
            origin.configuration.pct.without_user_namespace == WithoutUserNamespace::Privileged;
        if !is_permitted && origin.rendered.config.get("lxc.idmap").is_none() {
            return Err(Box::new(pve::PveError::Privileged).into());
        }
        if wishes.template().is_some() || wishes.disk().is_some() {
            create::create(origin, wishes, signals, intend)
        } else {
            Ct::take(origin, wishes, intend)
        }
    }

    /// Takes a VMID: creates the configuration of a new CT on its final name, which fails for an
    /// id that a CT or VM of any node of the cluster holds (pct.md, section 5).
    fn take(
        origin: &Origin<'_>,
        wishes: &pve::Wishes,
        intend: &mut dyn FnMut(nexcage_record::Backend) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let paths = &origin.configuration.pct;
        let image = Image::of(origin.rendered, paths, origin.place.dir)?;
        for vmid in free(paths) {
            let path = conf_path(paths, vmid);
            let mut ct = Ct::existing(paths, origin.place.dir.path(), vmid);
            let made = described(origin, wishes, image.rootfs(), &ct.include)?;
            let conf = made.conf.clone();
            ct.made = Some(made);
            intend(ct.record())?;
            let mut file = match OpenOptions::new().write(true).create_new(true).mode(0o640).open(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                other => other.map_err(pmxcfs(format!("create {}", path.display())))?,
            };
            let written = file.write_all(conf.as_bytes()).and_then(|()| file.sync_all());
            return match written {
                Ok(()) => Ok(ct),
                Err(error) => {
                    drop(fs::remove_file(&path));
                    Err(Error::system(format!("write {}", path.display()))(error))
                }
            };
        }
        Err(Error::NoVmid { first: paths.vmids.first, last: paths.vmids.last })
    }

    /// The CT that a record speaks of.
    pub(crate) fn existing(paths: &nexcage_configuration::Pct, directory: &Path, vmid: u32) -> Self {
        let include = directory.join(include_name(vmid));
        let [log, errors] = ["log", "errors"].map(|name| directory.join(name));
        Ct {
            paths: paths.clone(),
            vmid,
            include,
            log,
            directory: directory.to_owned(),
            errors,
            pct: None,
            monitor: None,
            made: None,
            mark: None,
        }
    }

    /// The same, if `pct create` makes it.
    pub(super) fn marked(self, mark: Option<String>) -> Self {
        Ct { mark, ..self }
    }

    /// Whether a configuration is one that our `pct create` has made.
    fn bears_mark(&self, text: &str) -> bool {
        let mut description = text.lines().filter(|line| line.starts_with('#'));
        self.mark.as_ref().is_some_and(|mark| description.any(|line| line.contains(mark.as_str())))
    }

    fn conf(&self) -> PathBuf {
        conf_path(&self.paths, self.vmid)
    }

    pub(crate) fn payload_cgroup(&self) -> PathBuf {
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

    /// Whose the CT of our id is: somebody may have removed ours and made another. A configuration that
    /// stays empty was taken by a shim that died before it had filled it; another's is filled at once.
    fn owner(&self, what: Left) -> io::Result<Owner> {
        let mut text = fs::read_to_string(self.conf());
        if what == Left::HalfMade && self.mark.is_none() && text.as_ref().is_ok_and(String::is_empty) {
            std::thread::sleep(FILLING);
            text = fs::read_to_string(self.conf());
            if text.as_ref().is_ok_and(String::is_empty) {
                return Ok(Owner::Us(String::new()));
            }
        }
        match text {
            Ok(text) if pve::includes(&text, &self.include) => Ok(Owner::Us(text)),
            Ok(text) if what == Left::HalfMade && (self.bears_mark(&text) || self.has_begun(&text)) => {
                Ok(Owner::Us(text))
            }
            Ok(_) => Ok(Owner::Others),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Owner::Us(String::new())),
            Err(error) => Err(error),
        }
    }

    /// Whether a configuration is what our `pct create` begins with: it has nothing but the lock, pct has
    /// gone on to the disk, and what it said there is no older.
    fn has_begun(&self, text: &str) -> bool {
        let said = fs::metadata(self.created()).ok().filter(|said| said.len() > 0);
        let modified = |file: &fs::Metadata| file.modified().ok();
        let made = fs::metadata(self.conf()).ok().and_then(|conf| modified(&conf));
        let is_no_older =
            said.and_then(|said| modified(&said)).zip(made).is_some_and(|(said, made)| said >= made);
        self.mark.is_some() && text.trim() == "lock: create" && is_no_older && !self.is_refused()
    }

    fn spawn(&self) -> Result<Task, Error> {
        let output = Output { stdout: &self.log, stderr: &self.errors };
        let arguments = ["start".to_owned(), self.vmid.to_string()];
        Task::pct(&self.paths.program, arguments, output, &self.directory)
    }

    /// Whether there is, or may be, a disk to remove.
    fn has_disk(&self, text: &str) -> bool {
        match pve::value(text, "rootfs") {
            Some(rootfs) => !rootfs.strip_prefix("volume=").unwrap_or(rootfs).starts_with('/'),
            // It may stand in no configuration yet.
            None => self.mark.is_some() && !text.is_empty(),
        }
    }

    /// Has `pct` remove the CT of this configuration with its disk.
    fn destroy(&self, text: &str, what: Left) -> Result<(), Error> {
        if what == Left::HalfMade {
            self.release(text)?;
        }
        let vmid = self.vmid.to_string();
        let unreferenced = ["--destroy-unreferenced-disks", "1"];
        let is_known = pve::value(text, "rootfs").is_some();
        self.task(&[&["destroy", &vmid][..], if is_known { &[] } else { &unreferenced }].concat())
    }

    /// Makes a CT that is half made one that can be destroyed, and is ours whoever goes on with that: what
    /// a `pct create` that was killed has locked and mounted, and what protects it.
    fn release(&self, text: &str) -> Result<(), Error> {
        while unmount(self.rendered().join("rootfs"), UnmountFlags::DETACH).is_ok() {}
        let include = format!("lxc.include: {}\n", self.include.display());
        let holds = |line: &&str| !line.starts_with("lock:") && !line.starts_with("protection:");
        let freed: String = text.lines().filter(holds).map(|line| format!("{line}\n")).collect();
        let freed = if pve::includes(text, &self.include) { freed } else { freed + &include };
        if freed == text {
            return Ok(());
        }
        conf::change(&self.paths, self.vmid, |present| {
            if present == text { Ok(freed) } else { Err(Error::CtLocked { vmid: self.vmid }) }
        })
    }

    fn task(&self, arguments: &[&str]) -> Result<(), Error> {
        let stdout = self.directory.join("destroyed");
        let output = Output { stdout: &stdout, stderr: &self.errors };
        let task = Task::pct(&self.paths.program, arguments, output, &self.directory)?;
        let limit = ("the removal of the CT", self.paths.disk_timeout);
        let status = task.finish(None, limit, PCT_ENDING, || format!("pct {}", arguments.join(" ")))?;
        if status.success() {
            return Ok(());
        }
        let words = words::of_task(&self.errors, &stdout);
        let words = if words.is_empty() { status.to_string() } else { words };
        Err(Error::Pct { command: Pct::Destroy, words })
    }

    /// Waits until LXC's monitor has ended, which it does after the hooks that unmount the rootfs;
    /// what is left in the container is ended, and the monitor itself at the deadline.
    fn end_monitor(&self, monitor: &OwnedFd, payload: &Path, deadline: Deadline) -> Result<(), Error> {
        while wait([Watch::Readable(monitor.as_fd())], Deadline::after(PATIENCE))? == [false] {
            Cgroup::find(payload).kill();
            if deadline.is_over() {
                log::warn!("LXC's monitor of CT {} does not end and is killed", self.vmid);
                let _ = pidfd_send_signal(monitor, Signal::KILL);
            }
        }
        Ok(())
    }

    /// Removes what a second start has made, which Proxmox begins after a reboot; LXC may have given up on what
    /// was removed as it made it. Without configuration there is none later.
    fn end_late_start(&self, cgroups: [&Path; 2], deadline: Deadline) -> Result<(), Error> {
        if let Some(monitor) = lxc_start(&self.paths.lxc_directory, self.vmid) {
            self.end_monitor(&monitor, cgroups[0], deadline)?;
        }
        Ok(cgroup::remove(cgroups, deadline.left()).map_err(Box::new)?)
    }

    /// LXC's monitor, which is alone in its cgroup, or about to make it.
    fn find_monitor(&self) -> Option<OwnedFd> {
        let processes = Cgroup::find(&self.monitor_cgroup()).processes();
        let in_cgroup = processes.into_iter().find_map(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        in_cgroup.or_else(|| lxc_start(&self.paths.lxc_directory, self.vmid))
    }

    /// Removes what Proxmox has rendered of our configuration. What it has rendered of another's,
    /// who has the id by now, stays.
    fn remove_rendered(&self) -> Result<(), Error> {
        let rendered = self.rendered();
        let config = rendered.join("config");
        if fs::read_to_string(&config).is_ok_and(|text| !pve::includes(&text, &self.include)) {
            return Ok(());
        }
        remove_file(&config)?;
        remove_file(&rendered.join("rules.seccomp"))?;
        // Empty mount points; anything else in there is not ours.
        for directory in [rendered.join("rootfs"), rendered.join("passthrough"), rendered] {
            drop(fs::remove_dir(directory));
        }
        Ok(())
    }
}

/// A container as a CT.
fn described(
    origin: &Origin<'_>,
    wishes: &pve::Wishes,
    rootfs: pve::Rootfs<'_>,
    include: &Path,
) -> Result<pve::Ct, Error> {
    let about = pve::About {
        id: origin.place.id.as_str(),
        namespace: origin.place.namespace.as_str(),
        bundle: origin.bundle,
        rootfs,
        include,
        annotations: &origin.rendered.annotations,
        wishes,
    };
    Ok(pve::conf(&origin.rendered.config, &about, pve::Host::this()).map_err(Box::new)?)
}

/// The ids that nobody seems to have.
fn free(paths: &nexcage_configuration::Pct) -> impl Iterator<Item = u32> {
    let vmids = paths.vmids;
    let taken = conf::taken(&paths.vm_list());
    (vmids.first..=vmids.last).filter(move |vmid| !taken.contains(vmid) && !conf_path(paths, *vmid).exists())
}

impl Backend for Ct {
    fn record(&self) -> nexcage_record::Backend {
        let cgroup = self.payload_cgroup().to_string_lossy().into_owned();
        nexcage_record::Backend::Pct { vmid: self.vmid, cgroup, mark: self.mark.clone() }
    }

    fn launch(&mut self, config: LxcConfig) -> Result<(), Error> {
        let made =
            self.made.take().ok_or_else(|| Error::system("start a CT twice")(io::ErrorKind::Other.into()))?;
        let include = made.include(&config)?;
        fs::write(&self.include, include.text())
            .map_err(Error::system(format!("write {}", self.include.display())))?;
        crate::fault::at(crate::fault::Place::ConfigurationWritten);
        self.pct = Some(self.spawn()?);
        Ok(())
    }

    fn starter(&self) -> Option<BorrowedFd<'_>> {
        self.pct.as_ref().map(Task::as_fd)
    }

    fn launched(&mut self) -> Result<Launch, Error> {
        let Some(task) = &mut self.pct else { return Ok(Launch::Started) };
        let Some(status) = task.ended()? else { return Ok(Launch::Pending) };
        self.pct = None;
        if status.success() {
            return Ok(Launch::Started);
        }
        let words = self.words();
        Err(Error::Pct {
            command: Pct::Start,
            words: if words.is_empty() { status.to_string() } else { words },
        })
    }

    fn monitor(&self) -> Option<OwnedFd> {
        let known = self.monitor.as_ref().and_then(|monitor| monitor.try_clone().ok());
        known.or_else(|| self.find_monitor())
    }

    fn adopt(&mut self, monitor: OwnedFd) {
        self.monitor = Some(monitor);
    }

    fn words(&self) -> String {
        words::of_start(&self.errors, &self.log)
    }

    fn filter(&self) -> Option<PathBuf> {
        const KEY: &str = "lxc.seccomp.profile";
        let read = |path: &Path| LxcConfig::parse(&fs::read_to_string(path).ok()?).ok();
        // A privileged CT's included file takes it back.
        let is_taken_back = read(&self.include)?.lines().any(|(key, _)| key == KEY);
        let rendered = read(&self.rendered().join("config")).filter(|_| !is_taken_back)?;
        rendered.get(KEY).filter(|path| !path.is_empty()).map(PathBuf::from)
    }

    fn contains(&self, pid: Pid) -> bool {
        cgroup::contains(&self.payload_cgroup(), pid)
    }

    /// As pct destroy does: not what an administrator protects, nor what a task has locked.
    fn permits_removal(&self) -> Result<(), Error> {
        let text = match fs::read_to_string(self.conf()) {
            Ok(text) if pve::includes(&text, &self.include) => text,
            // It is left alone, or is gone.
            Ok(_) => return Ok(()),
            Err(error) if is_gone(&error) => return Ok(()),
            Err(error) => return Err(Error::system(format!("read {}", self.conf().display()))(error)),
        };
        Kept::by(&text, self.vmid).map_or(Ok(()), |kept| Err(Error::Kept(kept)))
    }

    fn tear_down(&mut self, what: Left, deadline: Deadline) -> Result<(), Error> {
        if let Some(task) = self.pct.take() {
            task.end(PCT_ENDING)?;
        }
        if what == Left::HalfMade {
            // systemd may have been asked to start the CT. Without this file LXC cannot any more.
            remove_file(&self.include)?;
            let patience = if self.mark.is_some() { create::UNDOING } else { PCT_ENDING };
            end_workers(&self.directory, &self.errors, patience)?;
            remove_file(&conf::beside(&self.paths, self.vmid))?;
            archive::remove_left(&self.directory);
        }
        let conf = self.conf();
        let owner = self.owner(what).map_err(Error::system(format!("read {}", conf.display())))?;
        let Owner::Us(text) = owner else {
            log::warn!("CT {} is no longer ours and is left alone", self.vmid);
            if let Some(monitor) = self.monitor.take() {
                wait([Watch::Readable(monitor.as_fd())], deadline)?;
            }
            return self.remove_rendered();
        };
        let (payload, monitor) = (self.payload_cgroup(), self.monitor_cgroup());
        let cgroups = [&*payload, &*monitor];
        if let Some(monitor) = self.monitor() {
            self.end_monitor(&monitor, cgroups[0], deadline)?;
        }
        cgroup::remove(cgroups, deadline.left()).map_err(Box::new)?;
        remove_lxc_lock(&self.paths.lxc_directory, &self.vmid.to_string());
        let config = self.rendered().join("config");
        if fs::metadata(&config).is_ok_and(|file| file.len() == 0) {
            // Our pct was ended as it wrote it. Later it could be another's.
            remove_file(&config)?;
        }
        if self.has_disk(&text) {
            self.destroy(&text, what)?;
        } else {
            conf::remove(&self.paths, self.vmid)?;
        }
        self.remove_rendered()?;
        self.end_late_start(cgroups, deadline)
    }
}
