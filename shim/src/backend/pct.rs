//! Proxmox VE: the container is a CT, started by `pct start`.
//!
//! A create-to-delete cycle runs one `pct`: the VMID is taken by creating the CT's configuration
//! exclusively, the end is seen in the kernel, and what is left is removed as files.

use crate::backend::image::Image;
use crate::backend::{Backend, Launch, Left, MARK, Place, marked, remove_lxc_lock};
use crate::error::{Error, Kept};
use crate::lxc_log;
use crate::wait::{Deadline, Watch, wait};
use lxc_render_config::{LxcConfig, Rendered, pve};
use nexcage_cgroup::{self as cgroup, Cgroup};
use nexcage_configuration::WithoutUserNamespace;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open, pidfd_send_signal};
use std::collections::HashSet;
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
    pct: Option<(Child, OwnedFd)>,
    monitor: Option<OwnedFd>,
    /// What it was made of, until its included file is written.
    made: Option<pve::Ct>,
}

impl Ct {
    /// Takes a VMID: creates the configuration of a new CT on its final name, which fails for an
    /// id that a CT or VM of any node of the cluster holds (pct.md, section 5).
    pub(super) fn take(
        paths: &nexcage_configuration::Pct,
        place: Place<'_>,
        bundle: &Path,
        rendered: &Rendered,
        intend: &mut dyn FnMut(nexcage_record::Backend) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let directory = place.dir.path();
        let is_permitted = paths.without_user_namespace == WithoutUserNamespace::Privileged;
        if !is_permitted && rendered.config.get("lxc.idmap").is_none() {
            return Err(Box::new(pve::PveError::Privileged).into());
        }
        let wishes = pve::Wishes::read(&paths.ct, &rendered.annotations).map_err(Box::new)?;
        let image = Image::of(rendered, paths, place.dir)?;
        let vmids = paths.vmids;
        let taken = taken(&paths.vm_list());
        for vmid in (vmids.first..=vmids.last).filter(|vmid| !taken.contains(vmid)) {
            let path = conf_path(paths, vmid);
            if path.exists() {
                continue;
            }
            let mut ct = Ct::existing(paths, directory, vmid);
            let made = described(place, bundle, rendered, &image, &wishes, &ct.include)?;
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
        Err(Error::NoVmid { first: vmids.first, last: vmids.last })
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
        }
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

    /// Whether the CT of our id is, or was, ours: somebody may have removed it and made another. One
    /// that stays empty was taken by a shim that died before it had filled it; another's is filled at
    /// once.
    fn is_ours(&self, what: Left) -> io::Result<bool> {
        let mut text = fs::read_to_string(self.conf());
        if what == Left::HalfMade && text.as_ref().is_ok_and(String::is_empty) {
            std::thread::sleep(FILLING);
            text = fs::read_to_string(self.conf());
            if text.as_ref().is_ok_and(String::is_empty) {
                return Ok(true);
            }
        }
        match text {
            Ok(text) => Ok(pve::includes(&text, &self.include)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(error),
        }
    }

    fn spawn(&self) -> Result<(Child, OwnedFd), Error> {
        let create =
            |path: &Path| File::create(path).map_err(Error::system(format!("create {}", path.display())));
        let (log, errors) = (create(&self.log)?, create(&self.errors)?);
        let mut command = Command::new(&self.paths.program);
        command.arg("start").arg(self.vmid.to_string()).current_dir("/").process_group(0);
        let child =
            command.stdin(Stdio::null()).stdout(log).stderr(errors).env(MARK, &self.directory).spawn();
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
    place: Place<'_>,
    bundle: &Path,
    rendered: &Rendered,
    image: &Image,
    wishes: &pve::Wishes,
    include: &Path,
) -> Result<pve::Ct, Error> {
    let about = pve::About {
        id: place.id.as_str(),
        namespace: place.namespace.as_str(),
        bundle,
        rootfs: &image.path,
        owners: image.owners,
        include,
        annotations: &rendered.annotations,
        wishes,
    };
    Ok(pve::conf(&rendered.config, &about, pve::Host::this()).map_err(Box::new)?)
}

/// The ids of a cluster's CTs and VMs, by pmxcfs's list of them. It only saves tries: what is taken
/// meanwhile is seen at the creation.
fn taken(list: &Path) -> HashSet<u32> {
    let list: Option<serde_json::Value> =
        fs::read(list).ok().and_then(|text| serde_json::from_slice(&text).ok());
    let ids = list.as_ref().and_then(|list| list.get("ids")?.as_object());
    ids.into_iter().flat_map(|ids| ids.keys()).filter_map(|id| id.parse().ok()).collect()
}

/// Ends what a killed `pct` leaves: its worker goes on without it and would start the container
/// later. It has become a child of this process, a subreaper, or bears the container's mark; one that
/// just becomes another program bears none for a moment, but still has its stderr.
fn end_workers(directory: &Path, errors: &Path) -> Result<(), Error> {
    for signal in [Signal::TERM, Signal::KILL] {
        let deadline = Deadline::after(PCT_ENDING);
        let mut workers = marked(directory);
        workers.extend(children().into_iter().filter_map(|pid| pidfd_open(pid, PidfdFlags::empty()).ok()));
        workers.extend(processes_with(|process| {
            fs::read_link(process.join("fd/2")).is_ok_and(|stderr| stderr == errors)
        }));
        for worker in &workers {
            // It may have ended meanwhile.
            let _ = pidfd_send_signal(worker, signal);
        }
        for worker in workers {
            wait([Watch::Readable(worker.as_fd())], deadline)?;
        }
    }
    Ok(())
}

/// The `lxc-start` of a CT, wherever it is: systemd's unit runs `lxc-start -F -n VMID`.
fn lxc_start(lxc_directory: &Path, vmid: u32) -> Option<OwnedFd> {
    let is_it = |process: &Path| {
        let line = fs::read_to_string(process.join("cmdline"));
        line.is_ok_and(|line| is_lxc_start(&line, lxc_directory, vmid))
    };
    processes_with(is_it).into_iter().next()
}

/// The processes about whose directories in /proc something is true.
fn processes_with(is_so: impl Fn(&Path) -> bool) -> Vec<OwnedFd> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let found = entries.filter_map(|entry| {
        let pid = Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?;
        // What is read after it was opened is about the same process, or a dead one.
        let pidfd = pidfd_open(pid, PidfdFlags::empty()).ok()?;
        is_so(&entry.path()).then_some(pidfd)
    });
    found.collect()
}

/// Whether a command line, its words ended by NUL, is that of a CT's `lxc-start`.
fn is_lxc_start(line: &str, lxc_directory: &Path, vmid: u32) -> bool {
    let words: Vec<&str> = line.split('\0').collect();
    let after = |option: &str| words.windows(2).find(|pair| pair[0] == option).map(|pair| pair[1]);
    let program = words.first().and_then(|word| Path::new(word).file_name());
    program.is_some_and(|name| name == "lxc-start")
        && after("-n") == Some(vmid.to_string().as_str())
        && Path::new(after("-P").unwrap_or("/var/lib/lxc")) == lxc_directory
}

/// The children of this process, which has one thread (proc(5), /proc/PID/task/TID/children).
fn children() -> Vec<Pid> {
    let own = rustix::process::getpid().as_raw_pid();
    let list = fs::read_to_string(format!("/proc/{own}/task/{own}/children")).unwrap_or_default();
    list.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect()
}

/// What went wrong in pmxcfs, which is read-only when the cluster has no quorum.
fn pmxcfs(doing: String) -> impl FnOnce(io::Error) -> Error {
    move |source| match source.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            Error::NoQuorum { doing, source }
        }
        _ => Error::System { doing, source },
    }
}

fn remove_file(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if !is_gone(&error) => Err(Error::system(format!("remove {}", path.display()))(error)),
        _ => Ok(()),
    }
}

/// The name of the file that a CT's configuration includes. Its VMID tells a CT from its copies, which
/// include the original's.
pub(crate) fn include_name(vmid: u32) -> String {
    format!("{vmid}.conf")
}

pub(crate) fn conf_path(paths: &nexcage_configuration::Pct, vmid: u32) -> PathBuf {
    paths.conf_directory.join(format!("{vmid}.conf"))
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

impl Backend for Ct {
    fn record(&self) -> nexcage_record::Backend {
        let cgroup = self.payload_cgroup().to_string_lossy().into_owned();
        nexcage_record::Backend::Pct { vmid: self.vmid, cgroup }
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
            return Ok(Launch::Started);
        }
        let words = self.words();
        Err(Error::PctStart { words: if words.is_empty() { status.to_string() } else { words } })
    }

    fn monitor(&self) -> Option<OwnedFd> {
        let known = self.monitor.as_ref().and_then(|monitor| monitor.try_clone().ok());
        known.or_else(|| self.find_monitor())
    }

    fn adopt(&mut self, monitor: OwnedFd) {
        self.monitor = Some(monitor);
    }

    fn words(&self) -> String {
        lxc_log::pct_words(&self.errors, &self.log)
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
        self.end_pct()?;
        if what == Left::HalfMade {
            // systemd may have been asked to start the CT. Without this file LXC cannot any more.
            remove_file(&self.include)?;
            end_workers(&self.directory, &self.errors)?;
        }
        let conf = self.conf();
        let (payload, monitor) = (self.payload_cgroup(), self.monitor_cgroup());
        let cgroups = [&*payload, &*monitor];
        if self.is_ours(what).map_err(Error::system(format!("read {}", conf.display())))? {
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
            match fs::remove_file(&conf) {
                Err(error) if !is_gone(&error) => {
                    return Err(pmxcfs(format!("remove {}", conf.display()))(error));
                }
                _ => {}
            }
            self.remove_rendered()?;
            self.end_late_start(cgroups, deadline)
        } else {
            log::warn!("CT {} is no longer ours and is left alone", self.vmid);
            if let Some(monitor) = self.monitor.take() {
                wait([Watch::Readable(monitor.as_fd())], deadline)?;
            }
            self.remove_rendered()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_of_a_ct_is_known_by_its_command_line() {
        let own = |words: &[&str], directory: &str| {
            let line: String = words.iter().map(|word| format!("{word}\0")).collect();
            is_lxc_start(&line, Path::new(directory), 100)
        };
        assert!(own(&["/usr/bin/lxc-start", "-F", "-n", "100"], "/var/lib/lxc"));
        assert!(own(&["lxc-start", "-F", "-P", "/x", "-n", "100"], "/x"));
        for (words, directory) in [
            (&["lxc-start", "-F", "-n", "1000"][..], "/var/lib/lxc"),
            (&["lxc-start", "-F", "-n", "100"], "/x"),
            (&["lxc-start", "-F", "-P", "/x", "-n", "100"], "/var/lib/lxc"),
            (&["vi", "lxc-start", "-n", "100"], "/var/lib/lxc"),
            (&[], "/var/lib/lxc"),
        ] {
            assert!(!own(words, directory), "{words:?} {directory}");
        }
    }
}
