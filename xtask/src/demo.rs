//! `cargo xtask demo`: the pipeline on one bundle, as a user would type it.
//!
//! With its own bundle, what the process prints and its status must be the expected ones. With a
//! given one, the process's status is told and the demo succeeds if the bundle was valid and its
//! process ran, whatever that status is.

use crate::build::release;
use crate::error::Error;
use crate::packages::{self, BUSYBOX, LXC};
use crate::step::{say, shown, step};
use nexcage_tests::{Bundle, Config, Traces};
use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

const ID: &str = "demo";
/// Where containers of this id keep their state, unless `--root` says otherwise.
const STATE: &str = "/run/nexcage/default/demo";
const SCRIPT: &str =
    "echo \"PID $$ of container $(hostname)\"; read line; echo \"stdin said: $line\"; exit 42";
const EXPECTED: &str = "PID 1 of container box\nstdin said: hello\n";
const STATUS: i32 = 42;

/// Shows the pipeline.
pub(crate) fn demo(bundle: Option<PathBuf>) -> Result<(), Error> {
    packages::require(&[LXC, BUSYBOX])?;
    if !rustix::process::geteuid().is_root() {
        return Err(Error::Machine("containers can only be started by root".to_owned()));
    }
    let mut tools = PathBuf::new();
    step("cargo build --release", || {
        tools = release()?;
        Ok(())
    })?;
    let directory = tempfile::Builder::new().prefix("nexcage-demo-").tempdir();
    let directory = directory.map_err(|source| file_error(&env::temp_dir(), source))?;
    let stage = Stage { tools, directory: directory.path().to_owned() };
    let result = stage.play(bundle);
    // Whatever was seen: nothing may be left.
    result.and(stage.check_nothing_left())
}

/// Where the demo takes place.
struct Stage {
    tools: PathBuf,
    directory: PathBuf,
}

/// What was seen of a container.
struct Seen {
    output: String,
    errors: String,
    status: Option<i32>,
    inspected: bool,
}

impl Stage {
    fn play(&self, given: Option<PathBuf>) -> Result<(), Error> {
        let own = given.is_none();
        let bundle = match given {
            Some(path) => path.canonicalize().map_err(|source| file_error(&path, source))?,
            None => self.make_bundle()?,
        };
        let bundle = bundle.as_os_str().to_owned();
        let mut validate = self.tool("bundle-validate");
        self.type_and_run(validate.arg(&bundle), None)?;
        let mut render = self.tool("lxc-render-config");
        self.type_and_run(render.arg(&bundle), Some("lxc.conf"))?;
        let seen = self.run_container(bundle)?;
        if own { check_own(&seen) } else { check_given(&seen) }
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

    fn run_container(&self, bundle: OsString) -> Result<Seen, Error> {
        let mut run = self.tool("nexcage-shim");
        run.args(["run", "--id", ID, "--bundle"]).arg(bundle).args(["--config", "lxc.conf"]);
        let line = shown(&run);
        say(&format!("$ echo hello | {line}"));
        run.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = run.spawn().map_err(|source| Error::Start { program: line.clone(), source })?;
        let echoes = (echo(child.stdout.take()), echo(child.stderr.take()));
        // "hello" is on its way while another user looks at the container.
        let inspected = self.await_running(&mut child)?;
        if inspected {
            for format in ["table", "json"] {
                self.type_and_run(self.tool("state-inspect").args(["--format", format]), None)?;
            }
        }
        if let Some(mut stdin) = child.stdin.take() {
            // The process may have ended without reading.
            drop(stdin.write_all(b"hello\n"));
        }
        let status = child.wait().map_err(|source| Error::Start { program: line, source })?.code();
        let [output, errors] = [echoes.0, echoes.1].map(|echo| echo.join().unwrap_or_default());
        Ok(Seen { output, errors, status, inspected })
    }

    /// Waits until the container runs; `false` if it ends before it is seen.
    fn await_running(&self, child: &mut Child) -> Result<bool, Error> {
        loop {
            let state =
                self.tool("state-inspect").args(["--format", "oci", ID]).stderr(Stdio::null()).output();
            let state =
                state.map_err(|source| Error::Start { program: "state-inspect".to_owned(), source })?;
            let state: Option<serde_json::Value> = serde_json::from_slice(&state.stdout).ok();
            if state.is_some_and(|state| state["status"] == "running") {
                return Ok(true);
            }
            if !matches!(child.try_wait(), Ok(None)) {
                return Ok(false);
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn check_nothing_left(&self) -> Result<(), Error> {
        let mut traces = Traces::of("default@demo", &self.directory, Path::new(STATE)).to_string();
        if Path::new(STATE).exists() {
            traces.push_str(STATE);
        }
        if !traces.is_empty() {
            return Err(Error::Unexpected(format!("left on the machine: {}", traces.replace('\n', ", "))));
        }
        say("nothing is left: no process, mount, cgroup or file");
        Ok(())
    }
}

/// Copies a stream to stdout, line by line, and keeps it.
fn echo(stream: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut seen = String::new();
        let mut line = Vec::new();
        let Some(stream) = stream else { return seen };
        let mut stream = BufReader::new(stream);
        while stream.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            let text = String::from_utf8_lossy(&line);
            say(text.trim_end_matches('\n'));
            seen.push_str(&text);
            line.clear();
        }
        seen
    })
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
