//! A scratch node for tests: directories laid out as on a real one, a manager, a `pct` that knows them.

use crate::fault::Fault;
use crate::lxc::{Container, MANAGER, unmount_all};
use crate::settings::{Settings, VARIABLE};
use rustix::fs::FlockOperation;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A node of its own, gone with all its containers when it is dropped.
///
/// Containers that its `pct` starts are children of its manager, hence of whoever made the node, and
/// not of whoever calls `pct`.
#[derive(Debug)]
pub struct Node {
    directory: TempDir,
    settings: Settings,
    manager: Child,
}

const PATIENCE: Duration = Duration::from_secs(10);
static NODES: AtomicU32 = AtomicU32::new(0);

impl Node {
    /// Makes a node whose `pct` is the given stand-in binary. Its delays are shorter
    /// than a real node's; [`Node::set`] changes them.
    ///
    /// # Errors
    /// The directories, the files or the manager cannot be made.
    pub fn new(pct: &Path) -> io::Result<Node> {
        let directory = tempfile::Builder::new().prefix("pct-").tempdir()?;
        // The root of an unprivileged CT passes through.
        fs::set_permissions(directory.path(), Permissions::from_mode(0o711))?;
        let root = directory.path();
        let number = NODES.fetch_add(1, Ordering::Relaxed);
        let settings = Settings {
            node: "pvetest".into(),
            conf: root.join("etc/pve/lxc"),
            qemu: root.join("etc/pve/qemu-server"),
            lxc: root.join("var/lib/lxc"),
            run: root.join("run/pve"),
            storage: root.join("var/lib/vz"),
            cgroup: format!("pct-{}-{number}", std::process::id()),
            bridges: vec!["vmbr0".into()],
            monitor_timeout: Duration::from_secs(5),
            exit_timeout: Duration::from_millis(500),
            lock_timeout: Duration::from_secs(1),
        };
        let bin = root.join("bin");
        let storages = format!(
            "dir: local\n\tpath {}\n\tcontent rootdir,vztmpl\n\nlvmthin: local-lvm\n\tvgname pve\n\tcontent rootdir\n\n\
             dir: backups\n\tpath /nowhere\n\tcontent backup\n",
            settings.storage.display()
        );
        for path in [&settings.conf, &settings.qemu, &settings.lxc, &settings.run, &settings.storage, &bin] {
            fs::create_dir_all(path)?;
        }
        fs::write(root.join("etc/pve/storage.cfg"), storages)?;
        let file = root.join("settings");
        fs::write(&file, text(&settings))?;
        let script = format!("#!/bin/sh\n{VARIABLE}='{}' exec '{}' \"$@\"\n", file.display(), pct.display());
        fs::write(bin.join("pct"), script)?;
        fs::set_permissions(bin.join("pct"), Permissions::from_mode(0o755))?;
        let mut manager = Command::new(pct);
        manager.arg(MANAGER).env(VARIABLE, &file);
        // The manager ends with the pipe, however we end.
        let manager = manager.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let node = Node { directory, settings, manager };
        let fifo = node.run_dir().join("manager");
        if wait_for(|| fifo.exists()) { Ok(node) } else { Err(io::ErrorKind::TimedOut.into()) }
    }

    /// The directory that stands for `/`.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.directory.path()
    }

    /// The node's `pct`.
    #[must_use]
    pub fn pct(&self) -> PathBuf {
        self.root().join("bin/pct")
    }

    /// What stands for `/etc/pve/lxc`.
    #[must_use]
    pub fn conf_dir(&self) -> &Path {
        &self.settings.conf
    }

    /// What stands for `/var/lib/vz`.
    #[must_use]
    pub fn storage_dir(&self) -> &Path {
        &self.settings.storage
    }

    /// What stands for `/var/lib/lxc`.
    #[must_use]
    pub fn lxc_dir(&self) -> &Path {
        &self.settings.lxc
    }

    /// What stands for `/run/pve`.
    #[must_use]
    pub fn run_dir(&self) -> &Path {
        &self.settings.run
    }

    /// What stands for `/var/lib/vz`.
    #[must_use]
    pub fn storage(&self) -> &Path {
        &self.settings.storage
    }

    /// The cgroup of a CT, relative to a hierarchy's root, without LXC's inner part.
    #[must_use]
    pub fn cgroup(&self, vmid: u32) -> PathBuf {
        Path::new(&self.settings.cgroup).join(vmid.to_string())
    }

    /// Changes a setting (the crate's table) for the calls to come.
    ///
    /// # Errors
    /// The settings cannot be written.
    pub fn set(&self, key: &str, value: &str) -> io::Result<()> {
        let mut file = File::options().append(true).open(self.root().join("settings"))?;
        writeln!(file, "{key} = {value}")
    }

    /// Makes the next starts and creations go wrong, or right again.
    ///
    /// # Errors
    /// The fault cannot be written.
    pub fn set_fault(&self, fault: Option<&Fault>) -> io::Result<()> {
        let file = self.run_dir().join("fault");
        match fault {
            Some(fault) => fs::write(file, serde_json::to_vec(fault)?),
            None => fs::remove_file(file).or_else(|error| match error.kind() {
                io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            }),
        }
    }

    /// The calls so far, one line of tab-separated words each.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn calls(&self) -> io::Result<Vec<String>> {
        match fs::read_to_string(self.settings.call_log()) {
            Ok(log) => Ok(log.lines().map(str::to_owned).collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Stops and unmounts every CT. Without confs nothing starts again.
    fn stop_all(&self) -> io::Result<()> {
        fs::remove_dir_all(&self.settings.conf)?;
        for entry in fs::read_dir(&self.settings.lxc)? {
            let name = entry?.file_name();
            let Some(vmid) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
            let container = Container { settings: &self.settings, vmid };
            if container.is_running() && container.kill().is_err() {
                // lxc-stop reads the configuration; what can't be read is reset.
                fs::write(self.settings.lxc_home(vmid).join("config"), "")?;
                drop(container.kill());
            }
            drop(unmount_all(&self.settings, vmid));
            let unit = File::create(self.settings.run_file(vmid, "unit"))?;
            wait_for(|| rustix::fs::flock(&unit, FlockOperation::NonBlockingLockExclusive).is_ok());
        }
        Ok(())
    }

    /// Removes the cgroups above the containers' own, in every hierarchy.
    fn remove_cgroups(&self) -> io::Result<()> {
        let mut roots = vec![PathBuf::from("/sys/fs/cgroup")];
        for entry in fs::read_dir("/sys/fs/cgroup")? {
            roots.push(entry?.path());
        }
        for root in roots {
            for name in [self.settings.cgroup.clone(), format!("{}.monitor", self.settings.cgroup)] {
                drop(fs::remove_dir(root.join(name)));
            }
        }
        Ok(())
    }
}

impl Drop for Node {
    /// Stops what runs. An error has nobody to go to; what is left shows itself in the next test.
    fn drop(&mut self) {
        drop(self.stop_all());
        drop(self.manager.kill());
        drop(self.manager.wait());
        drop(self.remove_cgroups());
        let lxc_dir = self.settings.lxc.strip_prefix("/").unwrap_or(&self.settings.lxc);
        drop(fs::remove_dir_all(Path::new("/run/lxc/lock").join(lxc_dir)));
    }
}

fn text(settings: &Settings) -> String {
    let paths = [
        ("conf", &settings.conf),
        ("qemu", &settings.qemu),
        ("lxc", &settings.lxc),
        ("run", &settings.run),
        ("storage", &settings.storage),
    ];
    let paths = paths.map(|(key, path)| format!("{key} = {}\n", path.display())).concat();
    let delays = [
        ("monitor_timeout_ms", settings.monitor_timeout),
        ("exit_timeout_ms", settings.exit_timeout),
        ("lock_timeout_ms", settings.lock_timeout),
    ];
    let delays = delays.map(|(key, delay)| format!("{key} = {}\n", delay.as_millis())).concat();
    let bridges = settings.bridges.join(" ");
    format!("node = {}\n{paths}cgroup = {}\nbridges = {bridges}\n{delays}", settings.node, settings.cgroup)
}

/// Polls until the condition holds; whether it did in time.
fn wait_for(mut condition: impl FnMut() -> bool) -> bool {
    let begin = Instant::now();
    while !condition() {
        if begin.elapsed() > PATIENCE {
            return false;
        }
        thread::sleep(Duration::from_millis(2));
    }
    true
}
