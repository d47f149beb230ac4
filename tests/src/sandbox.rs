//! A place of a test's own, where tools run and where nothing may be left.

use crate::machine::lock_directory;
use crate::tools::stand_in;
use crate::{Bundle, Config, Run, Traces, tools_directory};
use pct_stand_in::Node;
use serde_json::json;
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use tempfile::TempDir;

/// The search path of every command: the distribution's own.
pub(crate) const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

static SANDBOXES: AtomicU32 = AtomicU32::new(0);

/// A temporary directory with bundles and a state directory, and a namespace of container ids. At
/// its end the containers in it must have left nothing on the machine: otherwise the test fails.
#[derive(Debug)]
pub struct Sandbox {
    directory: TempDir,
    tools: PathBuf,
    namespace: String,
    made: AtomicU32,
    node: Option<Node>,
    watched: Mutex<Vec<String>>,
}

/// Which backend the containers of a test run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// Plain LXC.
    Lxc,
    /// The stand-in for Proxmox's pct, on a scratch node of the sandbox's own.
    Pct,
}

impl Backend {
    /// What the variable `TEST_BACKEND` says: `lxc`, also if it is not set, or `pct`.
    ///
    /// # Panics
    /// It says something else.
    #[must_use]
    pub fn of_this_run() -> Self {
        match env::var("TEST_BACKEND").as_deref() {
            Err(_) | Ok("lxc") => Backend::Lxc,
            Ok("pct") => Backend::Pct,
            Ok(other) => panic!("TEST_BACKEND={other}: expected lxc or pct"),
        }
    }
}

impl Sandbox {
    /// A new one for the backend of this run.
    ///
    /// # Panics
    /// The machine lacks what the tests need; the message says what.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it acts on the machine")]
    pub fn new() -> Self {
        Self::on(Backend::of_this_run())
    }

    /// A new one for a backend.
    ///
    /// # Panics
    /// The machine lacks what the tests need; the message says what.
    #[must_use]
    pub fn on(backend: Backend) -> Self {
        let tools = tools_directory().unwrap_or_else(|error| panic!("{error}"));
        Self::with(tools, &env::temp_dir(), backend)
    }

    /// A new one with these tools, whose directory is below another: on a file system that matters to the caller.
    ///
    /// # Panics
    /// The machine lacks what the tests need; the message says what.
    #[must_use]
    pub fn with(tools: PathBuf, directory: &Path, backend: Backend) -> Self {
        assert!(rustix::process::geteuid().is_root(), "these tests start containers: run them as root");
        for (program, package) in [("lxc-start", "lxc"), ("runc", "runc"), ("busybox", "busybox-static")] {
            let found = PATH.split(':').any(|directory| Path::new(directory).join(program).exists());
            assert!(found, "{program} is missing: install Debian's package {package}");
        }
        let number = SANDBOXES.fetch_add(1, Ordering::Relaxed);
        // The name must not hold "nexcage": tests look for that inside containers.
        let directory = tempfile::Builder::new().prefix("oci-e2e-").tempdir_in(directory);
        let directory = directory.unwrap_or_else(|error| panic!("temporary directory: {error}"));
        // Mapped users must reach the bundle.
        let reachable = fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o711));
        reachable.unwrap_or_else(|error| panic!("{}: {error}", directory.path().display()));
        let namespace = format!("e2e-{}-{number}", process::id());
        let mut sandbox = Sandbox {
            directory,
            tools,
            namespace,
            made: AtomicU32::new(0),
            node: None,
            watched: Mutex::default(),
        };
        if backend == Backend::Pct {
            let stand_in = stand_in(&sandbox.tools).unwrap_or_else(|error| panic!("{error}"));
            let node = Node::new(&stand_in);
            sandbox.node = Some(node.unwrap_or_else(|error| panic!("scratch node: {error}")));
        }
        let written = fs::write(sandbox.configuration(), configuration(sandbox.node()));
        written.unwrap_or_else(|error| panic!("configuration: {error}"));
        sandbox
    }

    /// The scratch node, on [`Backend::Pct`].
    #[must_use]
    pub fn node(&self) -> Option<&Node> {
        self.node.as_ref()
    }

    /// The configuration file of `nexcage` in this sandbox.
    #[must_use]
    pub fn configuration(&self) -> PathBuf {
        self.path().join("config.json")
    }

    /// The temporary directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The state directory.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.path().join("run")
    }

    /// The namespace of the containers' ids.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Makes a bundle.
    ///
    /// # Panics
    /// It cannot be written.
    #[must_use]
    pub fn bundle(&self, config: &Config) -> Bundle {
        let path = self.path().join(self.unused_name("bundle"));
        Bundle::make(&path, config).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// `nexcage-shim run` of a bundle under a new id.
    #[must_use]
    pub fn run(&self, bundle: &Bundle) -> Run {
        self.run_as(&self.unused_name("c"), bundle)
    }

    /// `nexcage-shim run` of a bundle under an id.
    #[must_use]
    pub fn run_as(&self, id: &str, bundle: &Bundle) -> Run {
        let mut run = self.tool("nexcage-shim").args(["run", "--id", id, "--namespace", &self.namespace]);
        run = match &self.node {
            None => run.args(["--backend", "lxc"]),
            Some(_) => run.args(["--backend", "pct"]).env("NEXCAGE_CONFIG", self.configuration()),
        };
        run.id = id.to_owned();
        run.arg("--root").arg(self.root()).arg("--bundle").arg(bundle.path())
    }

    /// A verb of `nexcage`, about this sandbox's containers.
    #[must_use]
    pub fn nexcage(&self, verb: &str) -> Run {
        let run = self.tool("nexcage").arg("--root").arg(self.root()).args(["--namespace", &self.namespace]);
        run.arg("--config").arg(self.configuration()).arg(verb)
    }

    /// `nexcage create` or `nexcage run` of a bundle under a new id, which comes first of its arguments.
    #[must_use]
    pub fn making(&self, verb: &str, bundle: &Bundle) -> Run {
        self.making_as(&self.unused_name("c"), verb, bundle)
    }

    /// The same under an id.
    #[must_use]
    pub fn making_as(&self, id: &str, verb: &str, bundle: &Bundle) -> Run {
        let mut run = self.nexcage(verb).arg(id).arg("--bundle").arg(bundle.path());
        run.id = id.to_owned();
        run
    }

    /// Where a container keeps its state.
    #[must_use]
    pub fn state_directory(&self, id: &str) -> PathBuf {
        self.root().join(&self.namespace).join(id)
    }

    /// `state-inspect` of this sandbox's containers.
    #[must_use]
    pub fn inspect(&self) -> Run {
        self.tool("state-inspect").args(["--namespace", &self.namespace]).arg("--root").arg(self.root())
    }

    /// `runc run` of a bundle.
    #[must_use]
    pub fn runc(&self, bundle: &Bundle) -> Run {
        let id = format!("{}-{}", self.namespace, self.unused_name("runc"));
        let run = self.command("runc").arg("--root").arg(self.path().join("runc"));
        run.args(["run", "--bundle"]).arg(bundle.path()).arg(id)
    }

    /// Where one of the tools under test is.
    #[must_use]
    pub fn tool_path(&self, name: &str) -> PathBuf {
        let beside = self.tools.join(name);
        // An installation has what people do not call in a directory of its own.
        if beside.exists() { beside } else { Path::new("/usr/libexec/nexcage").join(name) }
    }

    /// One of the tools under test.
    #[must_use]
    pub fn tool(&self, name: &str) -> Run {
        self.command(self.tool_path(name))
    }

    /// Any program, with nothing but a search path in its environment.
    #[must_use]
    pub fn command(&self, program: impl AsRef<OsStr>) -> Run {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", PATH).current_dir(self.path());
        Run {
            command,
            id: String::new(),
            namespace: self.namespace.clone(),
            directory: self.path().to_owned(),
            stdin: Vec::new(),
        }
    }

    /// What its containers have on the machine now.
    #[must_use]
    pub fn traces(&self) -> Traces {
        let mut traces = Traces::of(&format!("{}@", self.namespace), self.path(), &self.root());
        if let Some(node) = &self.node {
            traces.add_cts(node);
        }
        for marker in self.watched.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            traces.add_cgroups(marker);
        }
        traces
    }

    /// Takes cgroups whose paths contain `marker` for this sandbox's, with the processes in them.
    pub fn watch(&self, marker: &str) {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner).push(marker.to_owned());
    }

    /// Checks that its containers have left nothing.
    ///
    /// # Panics
    /// They have.
    #[track_caller]
    pub fn assert_nothing_left(&self) {
        let traces = self.traces();
        assert!(traces.is_empty(), "left on the machine:\n{traces}");
    }

    /// Ends and removes everything, for tests that leave something on purpose.
    pub fn clear(&self) {
        Traces::remove(|| self.traces());
        drop(fs::remove_dir_all(self.root()));
        drop(fs::remove_dir_all(lock_directory(self.path())));
        for directory in self.node.iter().flat_map(|node| [node.conf_dir(), node.lxc_dir()]) {
            for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
                drop(fs::remove_file(entry.path()));
                drop(fs::remove_dir_all(entry.path()));
            }
        }
    }

    fn unused_name(&self, kind: &str) -> String {
        format!("{kind}{}", self.made.fetch_add(1, Ordering::Relaxed))
    }
}

/// nexcage's configuration: plain LXC, or a scratch node.
fn configuration(node: Option<&Node>) -> String {
    let Some(node) = node else { return json!({ "backend": "lxc" }).to_string() };
    let pct = json!({
        "program": node.pct(),
        "confDirectory": node.conf_dir(),
        "lxcDirectory": node.lxc_dir(),
        "lockDirectory": node.run_dir().join("lock/lxc"),
        "vmids": { "first": FIRST_VMID, "last": FIRST_VMID + 999 },
    });
    json!({ "backend": "pct", "pct": pct }).to_string()
}

/// The first of the VMIDs that nexcage may take on a scratch node.
pub const FIRST_VMID: u32 = 5000;

impl Drop for Sandbox {
    fn drop(&mut self) {
        let traces = self.traces();
        self.clear();
        if !thread::panicking() {
            assert!(traces.is_empty(), "left on the machine:\n{traces}");
        }
    }
}
