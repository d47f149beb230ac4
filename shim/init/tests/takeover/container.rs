//! A stand-in for LXC: namespaces, a root file system, and nexcage-init as PID 1.

use crate::shim::{Call, Shim};
use nexcage_handover::{Failed, INIT_NAME, Kind, ProcessBuf};
use std::fs::{self, File};
use std::io::{Seek, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) const BUSYBOX: &str = "/bin/busybox";

/// What happens in the container's mount namespace before nexcage-init starts.
pub(crate) const MOUNTS: &str = "
mount -t tmpfs none root
mkdir -p root/bin root/etc root/tmp root/proc root/dev
cp /bin/busybox root/bin
for name in sh cat cut ls id readlink stat sleep touch tty; do ln -s busybox root/bin/$name; done
mount -t proc proc root/proc
";
/// The mount points as LXC makes them in a /dev of its own.
const DEV: &str = "mount -t tmpfs none root/dev; mkdir root/dev/.nexcage";
const OWN_MOUNTS: &str = "
mount --bind shared root/dev/.nexcage
mount --bind \"$INIT\" root/dev/.nexcage/init
";

/// How a container differs from the usual one, in shell.
#[derive(Clone, Copy)]
pub(crate) struct Layout {
    /// Makes /dev/.nexcage.
    pub(crate) dev: &'static str,
    /// Changes the root file system, `root`.
    pub(crate) image: &'static str,
    /// Precedes the command that starts nexcage-init.
    pub(crate) start: &'static str,
}

impl Default for Layout {
    fn default() -> Self {
        Layout { dev: DEV, image: "", start: "" }
    }
}

/// A container of which nexcage-init is PID 1, and its shim.
pub(crate) struct Container {
    directory: TempDir,
    child: Child,
    pub(crate) shim: Shim,
    pub(crate) stdio: [File; 3],
}

/// What a process left behind.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
    pub(crate) failed: Option<Failed>,
}

impl Outcome {
    /// Standard output of a process that ended well.
    #[track_caller]
    pub(crate) fn text(&self) -> String {
        assert_eq!((self.status, self.failed, self.stderr.as_str()), (0, None, ""), "{self:?}");
        String::from_utf8(self.stdout.clone()).unwrap()
    }
}

impl Container {
    pub(crate) fn start(layout: Layout) -> Self {
        Container::start_with(layout, Shim::listen)
    }

    /// Starts one without any socket.
    pub(crate) fn start_alone() -> Self {
        Container::start_with(Layout::default(), Shim::absent)
    }

    fn start_with(layout: Layout, shim: fn(&std::path::Path) -> Shim) -> Self {
        assert!(fs::exists(BUSYBOX).unwrap(), "these tests need {BUSYBOX} (Debian: busybox-static)");
        let directory = tempfile::tempdir().unwrap();
        let shared = directory.path().join("shared");
        fs::create_dir(&shared).unwrap();
        fs::create_dir(directory.path().join("root")).unwrap();
        File::create(shared.join(INIT_NAME)).unwrap();
        let shim = shim(&shared);
        let Layout { dev, image, start } = layout;
        let script = format!(
            "set -e\n{MOUNTS}\n{image}\n{dev}\n{OWN_MOUNTS}\nexec {start} chroot root /dev/.nexcage/init"
        );
        let child = Command::new("unshare")
            .args(["--mount", "--pid", "--fork", "--kill-child", BUSYBOX, "sh", "-c", &script])
            .current_dir(directory.path())
            .env("INIT", env!("CARGO_BIN_EXE_nexcage-init"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let stdio = [(); 3].map(|()| tempfile::tempfile().unwrap());
        Container { directory, child, shim, stdio }
    }

    /// What the process will read from its standard input.
    pub(crate) fn give_stdin(&mut self, text: &str) {
        self.stdio[0].write_all(text.as_bytes()).unwrap();
        self.stdio[0].rewind().unwrap();
    }

    /// Copies of the descriptors that the process is to get.
    pub(crate) fn stdio(&self) -> [OwnedFd; 3] {
        self.stdio.each_ref().map(|file| file.try_clone().unwrap().into())
    }

    /// The conversation up to *ready*.
    pub(crate) fn hold(&self, process: &ProcessBuf) -> Call {
        let mut call = self.offer(process);
        assert_eq!(call.hear(), Some((Kind::Ready, vec![])));
        call
    }

    /// The conversation up to the process.
    pub(crate) fn offer(&self, process: &ProcessBuf) -> Call {
        let mut call = self.shim.accept();
        assert_eq!(call.hear(), Some((Kind::Hello, vec![])));
        call.send_process(process, &self.stdio());
        call
    }

    /// The end of a process that cannot be set up.
    pub(crate) fn refuse(self, process: &ProcessBuf) -> Outcome {
        let failed = self.offer(process).hear_failure();
        self.outcome(failed)
    }

    /// The whole conversation, with a shim that does everything right.
    pub(crate) fn run(self, process: &ProcessBuf) -> Outcome {
        let call = self.hold(process);
        self.go(call)
    }

    /// The conversation from *go* on.
    pub(crate) fn go(self, call: Call) -> Outcome {
        let failed = self.go_on(call);
        self.outcome(failed)
    }

    /// *Go*, and what comes of it: nothing, if the process has begun.
    pub(crate) fn go_on(&self, mut call: Call) -> Option<Failed> {
        self.shim.unlink();
        call.send(Kind::Go, &[]);
        call.hear_failure()
    }

    /// Waits for the end.
    pub(crate) fn outcome(mut self, failed: Option<Failed>) -> Outcome {
        let status = self.wait();
        let [_, stdout, stderr] = &self.stdio;
        let stderr = String::from_utf8_lossy(&content(stderr)).into_owned();
        Outcome { status, stdout: content(stdout), stderr, failed }
    }

    /// The exit status of PID 1.
    pub(crate) fn wait(&mut self) -> i32 {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().unwrap();
            }
            thread::sleep(Duration::from_millis(1));
        }
        panic!("PID 1 in {} does not end", self.directory.path().display());
    }

    /// Kills the parent of PID 1.
    pub(crate) fn kill_starter(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until the process has written just this.
    pub(crate) fn await_stdout(&self, expected: &str) {
        let start = Instant::now();
        while content(&self.stdio[1]) != expected.as_bytes() {
            assert!(start.elapsed() < PATIENCE, "no {expected:?} on stdout");
            thread::sleep(Duration::from_millis(1));
        }
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // It may have ended, which is as well.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Everything in a file, whose offset the process shares.
pub(crate) fn content(file: &File) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(file.metadata().unwrap().len()).unwrap()];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}
