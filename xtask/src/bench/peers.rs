//! Others who run containers: started for a comparison, and gone after it.

use super::{done, program_output};
use crate::error::Error;
use crate::packages::Need;
use crate::step::shown;
use std::ffi::OsString;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

pub(super) const CONTAINERD: Need = ("containerd", "containerd");
pub(super) const CONMON: Need = ("conmon", "conmon");
pub(super) const CRUN: Need = ("crun", "crun");

/// How long a daemon may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A containerd with directories of its own.
#[derive(Debug)]
pub(super) struct Containerd {
    socket: PathBuf,
    daemon: Child,
    running: Vec<String>,
}

impl Containerd {
    pub(super) fn start(directory: &Path) -> Result<Self, Error> {
        let socket = directory.join("containerd.sock");
        let config = format!(
            "version = 2\nroot = '{0}/root'\nstate = '{0}/state'\n\
             disabled_plugins = ['io.containerd.grpc.v1.cri']\n\
             [grpc]\naddress = '{1}'\n[ttrpc]\naddress = '{1}.ttrpc'\n",
            directory.display(),
            socket.display()
        );
        let file = directory.join("containerd.toml");
        fs::write(&file, config)
            .map_err(|source| Error::File { path: file.display().to_string(), source })?;
        // In a mount namespace of its own: it mounts, and may leave that.
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "containerd", "--config"]).arg(&file);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let daemon = command.spawn().map_err(|source| Error::Start { program: shown(&command), source })?;
        let containerd = Containerd { socket, daemon, running: Vec::new() };
        patiently(|| done(containerd.ctr(&["version"])))?;
        Ok(containerd)
    }

    fn ctr(&self, words: &[&str]) -> Command {
        let mut command = Command::new("ctr");
        command.arg("--address").arg(&self.socket).args(["--namespace", "nexcage-bench"]).args(words);
        command
    }

    /// Runs a command in a new container and gives the pid of its shim.
    pub(super) fn run(&mut self, rootfs: &Path, words: &[&str]) -> Result<u32, Error> {
        let id = format!("sleeping-{}", self.running.len());
        let rootfs = rootfs.to_string_lossy();
        let mut command = self.ctr(&["run", "--detach", "--rootfs", &rootfs, &id]);
        command.args(words);
        done(command)?;
        self.running.push(id.clone());
        let tasks = program_output(self.ctr(&["task", "list"]))?;
        let pid = tasks.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let pid =
            pid.filter(|words| words.first() == Some(&&*id)).find_map(|words| words.get(1)?.parse().ok());
        parent(pid.ok_or_else(|| Error::Unexpected(format!("ctr lists no task {id}:\n{tasks}")))?)
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        for id in &self.running {
            for words in [&["task", "delete", "--force", id][..], &["container", "delete", id]] {
                drop(done(self.ctr(words)));
            }
        }
        let pid = rustix::process::Pid::from_child(&self.daemon);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        drop(self.daemon.wait());
    }
}

/// A container of runc's that conmon watches, as it does for podman and CRI-O.
#[derive(Debug)]
pub(super) struct Conmon {
    root: PathBuf,
    /// The pid of conmon.
    pub(super) pid: u32,
}

impl Conmon {
    pub(super) fn start(directory: &Path, bundle: &Path) -> Result<Self, Error> {
        let (root, pid_file) = (directory.join("runc-of-conmon"), directory.join("pid-of-runc"));
        let mut command = Command::new("conmon");
        command.args(["--api-version", "1", "--cid", Self::ID, "--cuuid", Self::ID]);
        command.args(["--runtime", "/usr/sbin/runc"]).arg(format!("--runtime-arg=--root={}", root.display()));
        command.arg("--bundle").arg(bundle).arg("--container-pidfile").arg(&pid_file);
        command.arg(format!("--log-path=k8s-file:{}", directory.join("log-of-conmon").display()));
        for option in ["--exit-dir", "--socket-dir-path", "--persist-dir"] {
            command.arg(option).arg(directory);
        }
        done(command)?;
        // It creates the container in the background.
        patiently(|| done(Self::runc(&root, &["start", Self::ID])))?;
        let text = fs::read_to_string(&pid_file);
        let text = text.map_err(|source| Error::File { path: pid_file.display().to_string(), source })?;
        let pid = text.trim().parse().map_err(|_| Error::Unexpected(format!("{text:?} is no pid")))?;
        Ok(Conmon { root, pid: parent(pid)? })
    }

    const ID: &str = "nexcage-bench-conmon";

    fn runc(root: &Path, words: &[&str]) -> Command {
        let mut command = Command::new("runc");
        command.arg("--root").arg(root).args(words);
        command
    }
}

impl Drop for Conmon {
    fn drop(&mut self) {
        drop(done(Self::runc(&self.root, &["delete", "--force", Self::ID])));
    }
}

/// Tries until it can be done.
fn patiently(attempt: impl Fn() -> Result<(), Error>) -> Result<(), Error> {
    let since = Instant::now();
    loop {
        match attempt() {
            Err(_) if since.elapsed() < PATIENCE => thread::sleep(Duration::from_millis(50)),
            result => return result,
        }
    }
}

/// The pid of a process's parent.
pub(super) fn parent(pid: u32) -> Result<u32, Error> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path);
    let text = text.map_err(|source| Error::File { path: path.clone(), source })?;
    let parent = text.lines().find_map(|line| line.strip_prefix("PPid:")?.trim().parse().ok());
    parent.ok_or_else(|| Error::Unexpected(format!("{path} names no parent")))
}

/// A mount namespace in which the host's hybrid cgroups look like cgroup v2 alone: crun refuses
/// hybrid ones.
#[derive(Debug)]
pub(super) struct UnifiedOnly(Child);

impl UnifiedOnly {
    /// Whether the host has cgroups of both versions.
    pub(super) fn is_needed() -> bool {
        Path::new("/sys/fs/cgroup/unified/cgroup.procs").exists()
    }

    pub(super) fn enter(directory: &Path) -> Result<Self, Error> {
        let place = directory.join("unified");
        fs::create_dir(&place).map_err(|source| Error::File { path: place.display().to_string(), source })?;
        let script = "mount --bind /sys/fs/cgroup/unified \"$0\" && umount -R -l /sys/fs/cgroup && \
            mount --move \"$0\" /sys/fs/cgroup && echo up && exec cat";
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", script]).arg(place);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let child = command.spawn();
        let mut child = child.map_err(|source| Error::Start { program: shown(&command), source })?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.as_mut() {
            drop(BufReader::new(stdout).read_line(&mut line));
        }
        let inside = UnifiedOnly(child);
        if line.is_empty() {
            return Err(Error::Unexpected("cgroup v2 cannot be mounted alone".to_owned()));
        }
        Ok(inside)
    }

    /// The words before a command that have it run in there.
    pub(super) fn wrapper(&self) -> [OsString; 2] {
        ["nsenter".into(), format!("--mount=/proc/{}/ns/mnt", self.0.id()).into()]
    }

    /// The same command in there.
    pub(super) fn command(&self, command: &Command) -> Command {
        let [nsenter, mount] = self.wrapper();
        let mut inside = Command::new(nsenter);
        inside.arg(mount);
        inside.arg(command.get_program()).args(command.get_args());
        inside
    }
}

impl Drop for UnifiedOnly {
    fn drop(&mut self) {
        // Its stdin is what it waits for.
        drop(self.0.stdin.take());
        drop(self.0.wait());
    }
}
