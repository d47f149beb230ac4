//! A container that runs, for processes to join, and nexcage-init on its way into it.

use crate::container::{BUSYBOX, MOUNTS, Outcome, PATIENCE, content};
use crate::process::field;
use crate::shim::Call;
use linux_raw_sys::general::{
    CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER, CLONE_NEWUTS,
};
use nexcage_handover::{Failed, JOIN_ARGUMENT, Kind, ProcessBuf};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Pid, PidfdFlags, WaitOptions, pidfd_open, waitpid};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Who the container's root is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Root {
    /// The host's.
    Host,
    /// User 100000, in a user namespace.
    Mapped,
}

/// A container that runs `sleep`.
pub(crate) struct Running {
    /// Its root file system is mounted here.
    _directory: TempDir,
    unshare: Child,
    pub(crate) init: Pid,
    pub(crate) root: Root,
    pub(crate) stdio: [File; 3],
}

/// nexcage-init held in a container.
pub(crate) struct Inside {
    pub(crate) call: Call,
    pub(crate) pid: Pid,
}

impl Running {
    /// Starts one after `image`, which changes its root file system, `root`.
    pub(crate) fn start(root: Root, image: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("root")).unwrap();
        let mounts = format!(
            "set -e\n{MOUNTS}\n{image}\ncd root; mkdir old; pivot_root . old; cd /
            /bin/busybox umount -l /old; /bin/busybox rmdir /old; exec /bin/sleep 1000"
        );
        let script =
            "read line; exec /usr/bin/setpriv --reuid 0 --regid 0 --clear-groups \"$0\" sh -c \"$1\"";
        let mut command = Command::new("unshare");
        command.args(["--mount", "--pid", "--uts", "--net", "--ipc", "--fork", "--kill-child"]);
        if root == Root::Mapped {
            command.args(["--user", "--keep-caps"]);
        }
        let mut unshare = command
            .args([BUSYBOX, "sh", "-c", script, BUSYBOX, &mounts])
            .current_dir(&directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let init = await_some("PID 1", || child_of(unshare.id()));
        if root == Root::Mapped {
            for map in ["uid_map", "gid_map"] {
                fs::write(format!("/proc/{init}/{map}"), "0 100000 65536\n").unwrap();
            }
        }
        unshare.stdin.take().unwrap().write_all(b"\n").unwrap();
        await_some("sleep", || is_named(init, "sleep").then_some(()));
        let stdio = [(); 3].map(|()| tempfile::tempfile().unwrap());
        Running { _directory: directory, unshare, init: Pid::from_raw(init).unwrap(), root, stdio }
    }

    pub(crate) fn namespaces(&self) -> u32 {
        let always = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWIPC;
        if self.root == Root::Mapped { always | CLONE_NEWUSER } else { always }
    }

    /// What the shim does before the conversation about a process, up to *hello*.
    pub(crate) fn join(&self) -> Inside {
        let mut inside = self.enter();
        inside.call.send(Kind::Go, &[]);
        assert_eq!(inside.call.hear(), Some((Kind::Hello, vec![])));
        inside
    }

    /// The same up to the child, which waits.
    pub(crate) fn enter(&self) -> Inside {
        let (mut joiner, mut call) = spawn_joiner();
        send_join(&mut call, self.namespaces(), &pidfd(self.init));
        let (kind, body) = call.hear().unwrap();
        assert_eq!(kind, Kind::Joined, "{:?}", body.try_into().map(Failed::decode));
        assert_eq!(joiner.wait().unwrap().code(), Some(0));
        let pid = Pid::from_raw(i32::from_le_bytes(body.try_into().unwrap())).unwrap();
        Inside { call, pid }
    }

    /// Hands a process over, which is not held but refused.
    pub(crate) fn refuse(&self, process: &ProcessBuf) -> Outcome {
        let mut inside = self.join();
        inside.call.send_process(process, &self.stdio());
        let failed = inside.call.hear_failure();
        self.outcome(inside.pid, failed)
    }

    /// Has a process run to its end.
    pub(crate) fn run(&self, process: &ProcessBuf) -> Outcome {
        self.run_with(process, &[])
    }

    pub(crate) fn run_with(&self, process: &ProcessBuf, extra: &[OwnedFd]) -> Outcome {
        let mut inside = self.join();
        inside.call.send_process_with(process, &self.stdio(), extra);
        assert_eq!(inside.call.hear(), Some((Kind::Ready, vec![])));
        self.go(inside)
    }

    /// *Go*, and the end.
    pub(crate) fn go(&self, mut inside: Inside) -> Outcome {
        inside.call.send(Kind::Go, &[]);
        let failed = inside.call.hear_failure();
        self.outcome(inside.pid, failed)
    }

    pub(crate) fn stdio(&self) -> [OwnedFd; 3] {
        self.stdio.each_ref().map(|file| file.try_clone().unwrap().into())
    }

    fn outcome(&self, pid: Pid, failed: Option<Failed>) -> Outcome {
        let status = wait(pid);
        let [_, stdout, stderr] = &self.stdio;
        let stderr = String::from_utf8_lossy(&content(stderr)).into_owned();
        Outcome { status, stdout: content(stdout), stderr, failed }
    }

    /// Ends PID 1, and with it everything.
    pub(crate) fn kill(&mut self) {
        // They may have ended, which is as well. unshare has words for a child that was killed.
        drop(self.unshare.kill());
        drop(self.unshare.wait());
        let _ = rustix::process::kill_process(self.init, rustix::process::Signal::KILL);
        let status = format!("/proc/{}/status", self.init);
        let lives = |status: String| !field(&status, "State").starts_with('Z');
        await_some("the end of PID 1", || (!fs::read_to_string(&status).is_ok_and(lives)).then_some(()));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts nexcage-init outside, from memory as the shim does, with a descriptor that nobody needs.
pub(crate) fn spawn_joiner() -> (Child, Call) {
    let program = fs::read(env!("CARGO_BIN_EXE_nexcage-init")).unwrap();
    let mut memory = File::from(memfd_create("nexcage-init", MemfdFlags::CLOEXEC).unwrap());
    memory.write_all(&program).unwrap();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let of_the_host = rustix::fs::open("/", rustix::fs::OFlags::RDONLY, rustix::fs::Mode::empty()).unwrap();
    let joiner = Command::new(format!("/proc/self/fd/{}", memory.as_raw_fd()))
        .arg0("nexcage-init")
        .arg(JOIN_ARGUMENT.to_str().unwrap())
        .env_clear()
        .current_dir("/usr")
        .stdin(OwnedFd::from(theirs))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    drop(of_the_host);
    (joiner, Call::new(ours))
}

pub(crate) fn send_join(call: &mut Call, namespaces: u32, init: &OwnedFd) {
    let header = nexcage_handover::Header { kind: Kind::Join, body_len: nexcage_handover::JOIN_LEN };
    call.send_with(&header.encode(), &[init.try_clone().unwrap()]);
    call.send_bytes(&namespaces.to_le_bytes());
}

pub(crate) fn pidfd(pid: Pid) -> OwnedFd {
    pidfd_open(pid, PidfdFlags::empty()).unwrap()
}

/// The exit status of a child of this process; 128 and the signal's number if one has ended it.
pub(crate) fn wait(pid: Pid) -> i32 {
    let status = await_some("the process's end", || waitpid(Some(pid), WaitOptions::NOHANG).unwrap());
    let (_, status) = status;
    status.exit_status().or_else(|| Some(128 + status.terminating_signal()?)).unwrap()
}

pub(crate) fn await_some<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = attempt() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "{what} does not come");
        thread::sleep(Duration::from_millis(1));
    }
}

fn is_named(pid: i32, name: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).unwrap().trim_end() == name
}

fn child_of(parent: u32) -> Option<i32> {
    let is_child = |pid: &i32| -> io::Result<bool> {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        Ok(field(&status, "PPid") == parent.to_string())
    };
    let numbers =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    // Those that end meanwhile are others.
    numbers.into_iter().find(|pid| is_child(pid).unwrap_or(false))
}
