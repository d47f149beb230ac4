//! `cargo xtask bench`: numbers, each beside those of others from the same run. A part is a module and
//! a line of [`PARTS`].

mod container;
mod sizes;
mod start_up;
mod validate;

use crate::build::release;
use crate::error::Error;
use crate::memory;
use crate::packages::{self, BUSYBOX, LXC, Need, RUNC};
use crate::step::{say, step};
use crate::timing::Subject;
use nexcage_tests::{Bundle, Config};
use std::path::{Path, PathBuf};

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
        needs: &[LXC, BUSYBOX, memory::TIME],
        measure: |tools, directory, _| sizes::sizes(tools, directory),
    },
    Part { name: "container", needs: &[LXC, BUSYBOX, RUNC], measure: container::containers },
    Part { name: "validate", needs: &[memory::TIME], measure: validate::validate },
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

fn heading(title: &str) {
    say(&format!("\n{title}\n{:24}{:>9}{:>9}{:>9}  ms", "", "min", "median", "p95"));
}

fn row(subject: &Subject, remark: &str) {
    let [min, median, p95] = [0.0, 0.5, 0.95].map(|share| subject.quantile(share));
    say(&format!("{:24}{min:>9.2}{median:>9.2}{p95:>9.2}  {remark}", subject.name));
}
