//! A containerd of a test's own, whose containers are nexcage's.

mod events;
pub(crate) mod image;

pub use events::Events;

use crate::sandbox::PATH;
use crate::{Run, Sandbox};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long containerd, or a task, may take to get somewhere.
const PATIENCE: Duration = Duration::from_secs(20);

/// Parts of containerd that are not needed, or complain about the machine.
const WITHOUT: [&str; 6] = [
    "io.containerd.internal.v1.opt",
    "io.containerd.nri.v1.nri",
    "io.containerd.snapshotter.v1.aufs",
    "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.devmapper",
    "io.containerd.snapshotter.v1.zfs",
];

/// The plugins that serve pods: one up to version 1.7, three in version 2.
const CRI: [&str; 3] =
    ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"];

/// Where `containerd` and `ctr` are: in `CONTAINERD_BIN_DIR`, or where Debian has them.
#[must_use]
pub fn containerd_directory() -> PathBuf {
    env::var_os("CONTAINERD_BIN_DIR").map_or_else(|| PathBuf::from("/usr/bin"), PathBuf::from)
}

/// See the module. It has one image, in which busybox is.
#[derive(Debug)]
pub struct Containerd<'s> {
    sandbox: &'s Sandbox,
    namespace: String,
    daemon: Child,
}

/// The part of containerd that serves pods: none, or configured by these lines, in a configuration of this
/// version.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pods<'a> {
    None,
    By(u32, &'a str),
}

/// The version of the containerd that is started, such as `1.6.20~ds1`.
pub(crate) fn version() -> String {
    let program = containerd_directory().join("containerd");
    let output = Command::new(&program).arg("--version").output();
    let output = output.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    words.split_whitespace().nth(2).unwrap_or_default().trim_start_matches('v').to_owned()
}

impl<'s> Containerd<'s> {
    /// Starts one, in the sandbox's directory and for its namespace.
    ///
    /// # Panics
    /// The machine lacks containerd, or it does not start.
    #[must_use]
    pub fn start(sandbox: &'s Sandbox) -> Self {
        Self::start_with(sandbox, sandbox.namespace(), Pods::None)
    }

    pub(crate) fn start_with(sandbox: &'s Sandbox, namespace: &str, pods: Pods<'_>) -> Self {
        Self::begin(sandbox, namespace, pods, &[])
    }

    fn begin(sandbox: &'s Sandbox, namespace: &str, pods: Pods<'_>, wrapper: &[OsString]) -> Self {
        for program in ["containerd", "ctr"] {
            let found = containerd_directory().join(program).exists();
            assert!(found, "{program} is missing: install Debian's package containerd");
        }
        // Where ctr has the cgroups of its containers.
        sandbox.watch(&format!("/{}/", sandbox.namespace()));
        prepare(sandbox, pods).unwrap_or_else(|error| panic!("{}: {error}", sandbox.path().display()));
        let containerd =
            Containerd { sandbox, namespace: namespace.to_owned(), daemon: spawn(sandbox, wrapper) };
        containerd.await_service();
        let archive = image::make(sandbox.path()).unwrap_or_else(|error| panic!("image: {error}"));
        containerd.ctr(["images", "import"]).arg(archive).assert().code(0);
        containerd
    }

    /// Starts one by way of another program, which gets the command line as its last arguments; otherwise as
    /// [`Containerd::start`].
    ///
    /// # Panics
    /// The same.
    #[must_use]
    pub fn start_through(sandbox: &'s Sandbox, wrapper: &[OsString]) -> Self {
        Self::begin(sandbox, sandbox.namespace(), Pods::None, wrapper)
    }

    /// Ends containerd and starts it again; its containers go on.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn restart(&mut self, meanwhile: impl FnOnce()) {
        self.restart_by(Signal::TERM, meanwhile);
    }

    /// The same, and what ends it is this signal.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn restart_by(&mut self, signal: Signal, meanwhile: impl FnOnce()) {
        self.end(signal);
        meanwhile();
        self.daemon = spawn(self.sandbox, &[]);
        self.await_service();
    }

    /// Sends containerd a signal.
    pub fn signal(&self, signal: Signal) {
        let _ = kill_process(Pid::from_child(&self.daemon), signal);
    }

    fn end(&mut self, signal: Signal) {
        self.signal(signal);
        // It may have been stopped.
        self.signal(Signal::CONT);
        drop(self.daemon.wait());
    }

    fn await_service(&self) {
        await_that("containerd serves", || self.ctr(["version"]).output().status.success());
    }

    /// Its own pid.
    #[must_use]
    pub fn pid(&self) -> i32 {
        Pid::from_child(&self.daemon).as_raw_pid()
    }

    /// The client.
    #[must_use]
    pub fn ctr<const N: usize>(&self, args: [&str; N]) -> Run {
        let run = self
            .sandbox
            .command(containerd_directory().join("ctr"))
            .arg("--address")
            .arg(socket(self.sandbox));
        run.args(["--namespace", &self.namespace]).args(args)
    }

    /// `ctr run` of a command under an id.
    #[must_use]
    pub fn run(&self, id: &str, options: &[&str], command: &[&str]) -> Run {
        let run = self.ctr(["run", "--runtime"]).arg(shim(self.sandbox)).args(options);
        run.args([image::NAME, id]).args(command)
    }

    /// `ctr run` of a configuration of the test's own.
    #[must_use]
    pub fn run_configured(&self, id: &str, options: &[&str], configuration: &Path) -> Run {
        let run = self.ctr(["run", "--runtime"]).arg(shim(self.sandbox)).args(options);
        run.arg("--config").arg(configuration).arg(id)
    }

    /// The root file system that the image was made of.
    #[must_use]
    pub fn rootfs(&self) -> PathBuf {
        self.sandbox.path().join("image-rootfs")
    }

    /// The events from now on.
    ///
    /// # Panics
    /// There are none to be had.
    #[must_use]
    pub fn events(&self) -> Events<'_> {
        Events::start(self)
    }

    /// `ctr run` of a shell that runs `text`, to its end.
    #[must_use]
    pub fn shell(&self, id: &str, text: &str) -> Run {
        self.run(id, &["--rm"], &["/bin/sh", "-c", text])
    }

    /// `ctr run --detach`, with nothing for stdio.
    ///
    /// # Panics
    /// It fails.
    #[track_caller]
    pub fn detach(&self, id: &str, text: &str) {
        let mut run = self.run(id, &["--detach"], &["/bin/sh", "-c", text]);
        let null = || Stdio::null();
        let status = run.with_stdio([null(), null(), null()]);
        assert!(status.success(), "{run:?}: {status}");
    }

    /// `ctr tasks VERB`, which must be done.
    ///
    /// # Panics
    /// It fails.
    #[track_caller]
    pub fn task<const N: usize>(&self, words: [&str; N]) -> String {
        let output = self.ctr(["tasks"]).args(words).output();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{words:?}: {}: {told}", output.status);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Pid and status of a task, if there is one.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<(i32, String)> {
        let list = self.task(["ls"]);
        let line = list.lines().find(|line| line.split_whitespace().next() == Some(id))?;
        let mut words = line.split_whitespace().skip(1);
        Some((words.next()?.parse().ok()?, words.next()?.to_owned()))
    }

    /// Waits until a task has a status.
    ///
    /// # Panics
    /// That takes too long.
    #[track_caller]
    pub fn await_status(&self, id: &str, status: &str) {
        await_that(status, || self.find(id).is_some_and(|(_, found)| found == status));
    }

    /// The pid of the shim of a container.
    ///
    /// # Panics
    /// There is none.
    #[must_use]
    pub fn shim(&self, id: &str) -> i32 {
        let record = self.sandbox.root().join(&self.namespace).join(id).join("record.json");
        let text = fs::read(&record).unwrap_or_else(|error| panic!("{}: {error}", record.display()));
        let record: Value = serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{error}"));
        let pid = record["shim"]["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok());
        pid.unwrap_or_else(|| panic!("no shim: {record}"))
    }

    /// What containerd and the shims that it calls have said.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(log(self.sandbox)).unwrap_or_default()
    }
}

impl Drop for Containerd<'_> {
    fn drop(&mut self) {
        self.end(Signal::TERM);
        if thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().filter(|line| !line.contains("level=debug")).collect();
            let last = &lines[lines.len().saturating_sub(30)..];
            #[expect(clippy::print_stdout, reason = "it is shown with the test that has failed")]
            {
                println!("containerd says:\n{}", last.join("\n"));
            }
        }
    }
}

/// Waits for something.
///
/// # Panics
/// It takes too long.
#[track_caller]
pub fn await_that(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "not so in time: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn socket(sandbox: &Sandbox) -> PathBuf {
    sandbox.path().join("containerd.sock")
}

fn shim(sandbox: &Sandbox) -> PathBuf {
    sandbox.path().join("containerd-shim-nexcage-v2")
}

fn log(sandbox: &Sandbox) -> PathBuf {
    sandbox.path().join("containerd.log")
}

/// The shim by containerd's name, and the configurations.
fn prepare(sandbox: &Sandbox, pods: Pods<'_>) -> std::io::Result<()> {
    symlink(sandbox.tool_path("nexcage-shim"), shim(sandbox))?;
    let mut configuration: Value = serde_json::from_slice(&fs::read(sandbox.configuration())?)?;
    configuration["root"] = json!(sandbox.root());
    fs::write(sandbox.path().join("shim.json"), configuration.to_string())?;
    let directory = sandbox.path().display();
    let (cri, format, pods) = match pods {
        Pods::None => (&CRI[..], 2, ""),
        Pods::By(format, lines) => (&[][..], format, lines),
    };
    let without: Vec<&str> = WITHOUT.iter().chain(cri).copied().collect();
    let text = format!(
        "version = {format}\nroot = \"{directory}/containerd\"\nstate = \"{directory}/tasks\"\n\
         disabled_plugins = {without:?}\n[grpc]\naddress = \"{}\"\n[debug]\nlevel = \"debug\"\n{pods}",
        socket(sandbox).display()
    );
    fs::write(sandbox.path().join("containerd.toml"), text)
}

fn spawn(sandbox: &Sandbox, wrapper: &[OsString]) -> Child {
    let log = File::options().create(true).append(true).open(log(sandbox));
    let log = log.unwrap_or_else(|error| panic!("log: {error}"));
    let program = containerd_directory().join("containerd").into_os_string();
    let mut words = wrapper.iter().chain([&program]);
    let mut command = Command::new(words.next().unwrap_or(&program));
    command.args(words).arg("--config").arg(sandbox.path().join("containerd.toml"));
    // Shims are found by their names: ours, and that of this containerd's version.
    let (own, theirs) = (sandbox.path().display(), containerd_directory());
    command.env("PATH", format!("{own}:{}:{PATH}", theirs.display()));
    command.env("NEXCAGE_CONFIG", sandbox.path().join("shim.json"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}
