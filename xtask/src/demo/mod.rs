//! `cargo xtask demo`: the pipeline on one bundle, as a user would type it, on both backends.
//!
//! With its own bundle, what the process prints and its status must be the expected ones. With a
//! given one, the process's status is told and the demo succeeds if the bundle was valid and its
//! process ran, whatever that status is.

mod container;
mod proxmox;

use crate::build::release;
use crate::error::Error;
use crate::packages::{self, BUSYBOX, LXC};
use crate::step::{say, shown, step};
use container::Seen;
use nexcage_tests::{Bundle, Config, Traces};
use proxmox::Proxmox;
use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const ID: &str = "demo";
/// Where containers of this id keep their state, unless `--root` says otherwise.
const STATE: &str = "/run/nexcage/default/demo";
/// The rendered configuration, in the working directory.
const RENDERED: &str = "lxc.conf";
const SCRIPT: &str =
    "echo \"PID $$ of container $(hostname)\"; read line; echo \"stdin said: $line\"; exit 42";
const EXPECTED: &str = "PID 1 of container box\nstdin said: hello\n";
const STATUS: i32 = 42;

/// Shows the pipeline.
pub(crate) fn demo(given: Option<PathBuf>) -> Result<(), Error> {
    packages::require(&[LXC, BUSYBOX])?;
    packages::require_root()?;
    let mut tools = PathBuf::new();
    step("cargo build --release", || {
        tools = release()?;
        Ok(())
    })?;
    let directory = tempfile::Builder::new().prefix("nexcage-demo-").tempdir();
    let directory = directory.map_err(|source| file_error(&env::temp_dir(), source))?;
    let proxmox = Proxmox::find(&tools, directory.path())?;
    let check = if given.is_none() { check_own } else { check_given };
    let stage = Stage { tools, directory: directory.path().to_owned() };
    let bundle = stage.render(given)?;
    for backend in [Backend::Lxc, Backend::Pct(&proxmox)] {
        backend.introduce();
        let result = stage.run_container(&bundle, &backend).and_then(|seen| {
            check(&seen)?;
            backend.check_calls(&seen)
        });
        // Whatever was seen: nothing may be left.
        result.and(stage.check_nothing_left(&backend))?;
    }
    Ok(())
}

/// Where the demo takes place.
struct Stage {
    tools: PathBuf,
    directory: PathBuf,
}

/// What starts the container.
enum Backend<'a> {
    Lxc,
    Pct(&'a Proxmox),
}

impl Backend<'_> {
    fn introduce(&self) {
        match self {
            Backend::Lxc => say("\nplain LXC"),
            Backend::Pct(proxmox) => proxmox.introduce(),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Backend::Lxc => "lxc",
            Backend::Pct(_) => "pct",
        }
    }

    fn check_calls(&self, seen: &Seen) -> Result<(), Error> {
        match self {
            Backend::Lxc => Ok(()),
            Backend::Pct(proxmox) => proxmox.check_calls(seen.inspected),
        }
    }

    fn left(&self) -> String {
        match self {
            Backend::Lxc => String::new(),
            Backend::Pct(proxmox) => proxmox.left(),
        }
    }
}

impl Stage {
    /// Validates and renders the given bundle, or one of its own, and gives its path.
    fn render(&self, given: Option<PathBuf>) -> Result<PathBuf, Error> {
        let bundle = match given {
            Some(path) => path.canonicalize().map_err(|source| file_error(&path, source))?,
            None => self.make_bundle()?,
        };
        self.type_and_run(self.tool("bundle-validate").arg(&bundle), None)?;
        self.type_and_run(self.tool("lxc-render-config").arg(&bundle), Some(RENDERED))?;
        Ok(bundle)
    }

    fn make_bundle(&self) -> Result<PathBuf, Error> {
        let path = self.directory.join("bundle");
        Bundle::make(&path, &Config::script(SCRIPT)).map_err(|source| file_error(&path, source))?;
        say(&format!("made a bundle of busybox: {}", path.display()));
        Ok(path)
    }

    /// One of the tools, by name alone, as after an installation.
    fn tool(&self, name: &str) -> Command {
        let mut path = OsString::from(&self.tools);
        path.push(":");
        path.push(env::var_os("PATH").unwrap_or_default());
        let mut command = Command::new(name);
        command.env("PATH", path).current_dir(&self.directory).stdin(Stdio::null());
        command
    }

    /// Echoes and runs a command, with its stdout in a file if one is given.
    fn type_and_run(&self, command: &mut Command, stdout: Option<&str>) -> Result<(), Error> {
        let mut line = shown(command);
        if let Some(name) = stdout {
            line.push_str(" > ");
            line.push_str(name);
            let path = self.directory.join(name);
            command.stdout(File::create(&path).map_err(|source| file_error(&path, source))?);
        }
        say(&format!("$ {line}"));
        let status = command.status().map_err(|source| Error::Start { program: line.clone(), source })?;
        if status.success() { Ok(()) } else { Err(Error::Ended { program: line, status }) }
    }

    fn check_nothing_left(&self, backend: &Backend<'_>) -> Result<(), Error> {
        let mut traces = Traces::of("default@demo", &self.directory, Path::new(STATE)).to_string();
        if Path::new(STATE).exists() {
            traces.push_str(STATE);
        }
        traces.push_str(&backend.left());
        if !traces.is_empty() {
            let traces = traces.trim_end().replace('\n', ", ");
            return Err(Error::Unexpected(format!("left on the machine: {traces}")));
        }
        say("nothing is left: no process, mount, cgroup or file");
        Ok(())
    }
}

fn check_own(seen: &Seen) -> Result<(), Error> {
    if seen.status == Some(STATUS) && seen.output == EXPECTED && seen.errors.is_empty() && seen.inspected {
        say(&format!("the process ended with status {STATUS}, as it should"));
        return Ok(());
    }
    let Seen { output, errors, status, .. } = seen;
    Err(Error::Unexpected(format!(
        "expected {EXPECTED:?} and status {STATUS}, saw {output:?}, {errors:?} and {status:?}"
    )))
}

fn check_given(seen: &Seen) -> Result<(), Error> {
    let last = seen.errors.lines().last().unwrap_or_default();
    match seen.status {
        Some(status) if !last.starts_with("nexcage-shim: error ") => {
            say(&format!("the process ended with status {status}"));
            Ok(())
        }
        _ => Err(Error::Unexpected("nexcage-shim could not run the bundle".to_owned())),
    }
}

fn file_error(path: &Path, source: std::io::Error) -> Error {
    Error::File { path: path.display().to_string(), source }
}
