//! `cargo xtask bench`: numbers, each beside those of others from the same run. A part is a module and
//! a line of [`PARTS`].

mod container;
mod ctr;
mod exec;
mod memory;
mod nexcage;
mod peers;
mod run;
mod sizes;
mod start_up;
mod validate;

use crate::build::release;
use crate::error::Error;
use crate::memory::TIME;
use crate::packages::{self, BUSYBOX, LXC, Need, RUNC};
use crate::step::{say, shown, step};
use crate::timing::Subject;
use nexcage_tests::{Bundle, Config};
use peers::{CONMON, CONTAINERD, CRUN};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Something that is measured for itself.
pub(crate) struct Part {
    /// What it is called on the command line.
    name: &'static str,
    /// The Debian packages that it needs.
    needs: &'static [Need],
    /// Measures and prints: given are the directory of the tools, one for files, and the number of runs.
    measure: fn(&Path, &Path, usize) -> Result<(), Error>,
}

static PARTS: &[Part] = &[
    Part { name: "start-up", needs: &[], measure: |tools, _, runs| start_up::start_up(tools, runs) },
    Part {
        name: "sizes",
        needs: &[LXC, BUSYBOX, TIME],
        measure: |tools, directory, _| sizes::sizes(tools, directory),
    },
    Part { name: "container", needs: &[LXC, BUSYBOX, RUNC], measure: container::containers },
    Part { name: "run", needs: &[LXC, BUSYBOX, RUNC, CRUN], measure: run::run },
    Part { name: "ctr", needs: &[LXC, BUSYBOX, RUNC, CRUN, CONTAINERD], measure: ctr::ctr },
    Part { name: "exec", needs: &[LXC, BUSYBOX, RUNC, CRUN], measure: exec::exec },
    Part {
        name: "memory",
        needs: &[LXC, BUSYBOX, RUNC, CONTAINERD, CONMON],
        measure: |tools, directory, _| memory::memory(tools, directory),
    },
    Part { name: "validate", needs: &[TIME], measure: validate::validate },
];

impl Part {
    /// The part of this name.
    pub(crate) fn named(name: &str) -> Option<&'static Part> {
        PARTS.iter().find(|part| part.name == name)
    }
}

/// The names of all parts, for messages.
pub(crate) fn names() -> String {
    PARTS.iter().map(|part| part.name).collect::<Vec<_>>().join(", ")
}

/// Measures one part or all, with this many runs of each subject.
pub(crate) fn bench(part: Option<&'static Part>, runs: usize) -> Result<(), Error> {
    let parts = || PARTS.iter().filter(|other| part.is_none_or(|part| part.name == other.name));
    let needs: Vec<Need> = parts().flat_map(|part| part.needs).copied().collect();
    packages::require(&needs)?;
    let mut tools = PathBuf::new();
    step("release build", || {
        tools = release()?;
        Ok(())
    })?;
    // On a tmpfs, as /run is where these things usually are.
    let directory = tempfile::Builder::new().prefix("nexcage-bench-").tempdir_in("/dev/shm");
    let directory =
        directory.map_err(|source| Error::File { path: "temporary directory".to_owned(), source })?;
    parts().try_for_each(|part| (part.measure)(&tools, directory.path(), runs))
}

fn make_bundle(path: &Path, config: &Config) -> Result<Bundle, Error> {
    Bundle::make(path, config).map_err(|source| Error::File { path: path.display().to_string(), source })
}

/// Runs a command to its end, which must be a good one. It may leave processes: none has a pipe of ours.
fn done(mut command: Command) -> Result<(), Error> {
    let program = shown(&command);
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let status = status.map_err(|source| Error::Start { program: program.clone(), source })?;
    if status.success() { Ok(()) } else { Err(Error::Ended { program, status }) }
}

/// What a command prints.
fn program_output(mut command: Command) -> Result<String, Error> {
    let program = shown(&command);
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|source| Error::Start { program: program.clone(), source })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Error::Ended { program, status: output.status })
}

/// How a program names itself and its version.
fn first_line(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).lines().next().unwrap_or_default().to_owned()
}

fn heading(title: &str) {
    say(&format!("\n{title}\n{:24}{:>9}{:>9}{:>9}  ms", "", "min", "median", "p95"));
}

fn row(subject: &Subject, remark: &str) {
    let [min, median, p95] = [0.0, 0.5, 0.95].map(|share| subject.quantile(share));
    say(&format!("{:24}{min:>9.2}{median:>9.2}{p95:>9.2}  {remark}", subject.name));
}
