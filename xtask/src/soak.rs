//! `cargo xtask soak`: one shim lives through thousands of execs while other containers come and go.

use crate::build::release;
use crate::error::Error;
use crate::memory::{Takes, takes};
use crate::packages::{self, BUSYBOX, LXC};
use crate::step::{say, shown};
use nexcage_tests::{Bundle, Config};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The container whose shim is looked at.
const LASTING: &str = "lasting";
/// Execs for every other container.
const EXECS: u32 = 10;
/// What the shim may have more of at the end, in KiB of proportional set.
const ALLOWED: u64 = 256;
/// After this long a shim has given back what it does not need.
const QUIET: Duration = Duration::from_secs(1);

/// Goes on for some minutes.
pub(crate) fn soak(minutes: u32) -> Result<(), Error> {
    packages::require_root()?;
    packages::require(&[LXC, BUSYBOX])?;
    let tools = release()?;
    let directory = tempfile::Builder::new().prefix("oci-soak-").tempdir();
    let directory =
        directory.map_err(|source| Error::File { path: "a temporary directory".into(), source })?;
    let place = Place { tools, directory: directory.path().to_owned() };
    let lasting = place.bundle("lasting", &Config::new(["/bin/sleep", "1000000"]))?;
    let passing = place.bundle("passing", &Config::script("exit 42"))?;
    let shim = place.begin(&lasting)?;
    let result = place.go_on(&passing, shim, Duration::from_secs(u64::from(minutes) * 60));
    place.expect(&["delete", "--force", LASTING], 0)?;
    result
}

/// Where it happens.
struct Place {
    tools: PathBuf,
    directory: PathBuf,
}

impl Place {
    fn bundle(&self, name: &str, config: &Config) -> Result<Bundle, Error> {
        let path = self.directory.join(name);
        Bundle::make(&path, config).map_err(|source| Error::File { path: path.display().to_string(), source })
    }

    fn root(&self) -> PathBuf {
        self.directory.join("run")
    }

    fn nexcage(&self, words: &[&str]) -> Command {
        let mut command = Command::new(self.tools.join("nexcage"));
        command.arg("--root").arg(self.root()).args(["--namespace", "soak"]).args(words);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn expect(&self, words: &[&str], wanted: i32) -> Result<(), Error> {
        let mut command = self.nexcage(words);
        let program = || words.join(" ");
        let status = command.status().map_err(|source| Error::Start { program: shown(&command), source })?;
        if status.code() == Some(wanted) {
            return Ok(());
        }
        Err(Error::Unexpected(format!("nexcage {}: {status}, not {wanted}", program())))
    }

    /// Starts the container and gives its shim's pid.
    fn begin(&self, bundle: &Bundle) -> Result<u32, Error> {
        let path = bundle.path().to_string_lossy();
        self.expect(&["run", "-d", "--bundle", &path, LASTING], 0)?;
        let record = self.root().join("soak").join(LASTING).join("record.json");
        let text = fs::read(&record);
        let text = text.map_err(|source| Error::File { path: record.display().to_string(), source })?;
        let record: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
        let pid = record["shim"]["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok());
        pid.ok_or_else(|| Error::Unexpected("the record names no shim".to_owned()))
    }

    fn go_on(&self, passing: &Bundle, shim: u32, time: Duration) -> Result<(), Error> {
        // What is loaded by the first calls belongs to it.
        self.round(passing, 0)?;
        let before = quiet(shim)?;
        say(&format!("at the start: {before}"));
        let (start, mut rounds, mut told) = (Instant::now(), 0_u32, Instant::now());
        while start.elapsed() < time {
            rounds += 1;
            self.round(passing, rounds)?;
            if told.elapsed() > Duration::from_secs(60) {
                told = Instant::now();
                let minutes = start.elapsed().as_secs() / 60;
                say(&format!("{minutes} min, {rounds} containers, {} execs", rounds * EXECS));
            }
        }
        let after = quiet(shim)?;
        say(&format!("at the end:   {after}"));
        let seconds = start.elapsed().as_secs();
        say(&format!("{rounds} containers came and went and {} execs ran in {seconds} s", rounds * EXECS));
        let grown = after.pss > before.pss + ALLOWED || after.private > before.private + ALLOWED;
        if grown || (after.descriptors, after.threads) != (before.descriptors, before.threads) {
            return Err(Error::Unexpected("the shim has grown".to_owned()));
        }
        Ok(())
    }

    /// Execs in the lasting container, and one that passes.
    fn round(&self, passing: &Bundle, number: u32) -> Result<(), Error> {
        for exec in 0..EXECS {
            let status = i32::try_from(exec).unwrap_or(0);
            self.expect(&["exec", LASTING, "/bin/sh", "-c", &format!("exit {status}")], status)?;
        }
        for verb in ["pause", "resume", "ps"] {
            self.expect(&[verb, LASTING], 0)?;
        }
        let path = passing.path().to_string_lossy();
        self.expect(&["run", "--bundle", &path, &format!("passing-{number}")], 42)
    }
}

/// What a process takes after a quiet second.
fn quiet(pid: u32) -> Result<Takes, Error> {
    thread::sleep(QUIET);
    takes(pid)
}
