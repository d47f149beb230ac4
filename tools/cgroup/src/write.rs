//! Values for files of a cgroup: all of them are written, or none.

use crate::{Cgroup, Error, Version};
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// One value for one file of a cgroup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The version of cgroups that the file is of.
    pub version: Version,
    /// Its name, such as `memory.max`. What stands before the first dot is its controller.
    pub file: String,
    /// What is written into it.
    pub value: String,
}

/// A write with what undoes it.
struct Change<'w> {
    write: &'w Write,
    path: PathBuf,
    /// What the file said about this before.
    before: String,
}

impl Cgroup {
    /// Writes all values. Their order is kept, except that a value which the kernel finds at odds with
    /// another file's (memory with its swap, a quota with its burst) is written again after those that
    /// follow. If one fails, the files that were written get their old values back.
    ///
    /// # Errors
    /// The first write that failed; or a file does not exist or cannot be read, and nothing was written.
    pub fn write(&self, writes: &[Write]) -> Result<(), Error> {
        let changes = writes.iter().map(|write| self.change(write)).collect::<Result<Vec<_>, _>>()?;
        let all: Vec<(&Change<'_>, &str)> =
            changes.iter().map(|change| (change, &*change.write.value)).collect();
        let (written, failed) = settle(&all);
        let Some((change, source)) = failed.into_iter().next() else { return Ok(()) };
        let back: Vec<_> = written.iter().rev().map(|change| (*change, &*change.before)).collect();
        settle(&back);
        let left = written.into_iter().filter(|change| change.is_left());
        Err(Error::Write {
            file: change.write.file.clone(),
            value: change.write.value.clone(),
            left: left.map(|change| change.write.file.clone()).collect(),
            source,
        })
    }

    fn change<'w>(&self, write: &'w Write) -> Result<Change<'w>, Error> {
        let controller = write.file.split('.').next().unwrap_or_default();
        // Files of the core are in the one hierarchy of cgroup v2.
        let directory = match (write.version, controller) {
            (Version::V2, "cgroup") => self.unified(),
            (version, controller) => self.of_controller(version, controller),
        };
        let path = directory.filter(|_| !write.file.contains('/')).map(|path| path.join(&write.file));
        let Some(path) = path.filter(|path| path.exists()) else {
            return Err(Error::NoFile { name: self.name.clone(), file: write.file.clone() });
        };
        let before =
            before(&path, write).map_err(Error::system(format!("read {} of a cgroup", write.file)))?;
        Ok(Change { write, path, before })
    }
}

impl Change<'_> {
    /// Whether the file does not say again what it said before.
    fn is_left(&self) -> bool {
        before(&self.path, self.write).is_ok_and(|now| now != self.before)
    }
}

/// Writes values until no more can be written: what was, and what failed.
fn settle<'c, 'w>(
    values: &[(&'c Change<'w>, &str)],
) -> (Vec<&'c Change<'w>>, Vec<(&'c Change<'w>, io::Error)>) {
    let (mut open, mut written) = (values.to_vec(), Vec::new());
    loop {
        let (mut failed, mut later) = (Vec::new(), Vec::new());
        let before = written.len();
        for (change, value) in open {
            match put(&change.path, value) {
                Ok(()) => written.push(change),
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                    later.push((change, value));
                    failed.push((change, error));
                }
                // Nothing that follows can mend this.
                Err(error) => return (written, vec![(change, error)]),
            }
        }
        if later.is_empty() || written.len() == before {
            return (written, failed);
        }
        open = later;
    }
}

fn put(path: &Path, value: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).truncate(true).open(path)?;
    // The kernel takes a line, and sees nothing of an empty one without its end.
    file.write_all(format!("{value}\n").as_bytes())
}

/// What to write into a file to have it as it is now.
fn before(path: &Path, write: &Write) -> io::Result<String> {
    let text = fs::read_to_string(path)?;
    let key = write.value.split(' ').next().unwrap_or_default();
    let of = |key: &str| text.lines().find(|line| line.split(' ').next() == Some(key));
    Ok(match &*write.file {
        "memory.oom_control" => {
            of("oom_kill_disable").and_then(|line| line.split(' ').nth(1)).unwrap_or("0").to_owned()
        }
        file if has_lines(file, key) => match of(key) {
            Some(line) => line.to_owned(),
            None => format!("{key} {}", unset(file)),
        },
        _ => text.trim_end().to_owned(),
    })
}

/// Whether a file has a line for each device, or other thing that a value begins with.
fn has_lines(file: &str, key: &str) -> bool {
    let device = key.split_once(':').is_some_and(|(major, minor)| {
        [major, minor].iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    });
    device || key == "default" || matches!(file, "rdma.max" | "misc.max" | "net_prio.ifpriomap")
}

/// What a file without a line for a device takes for it.
fn unset(file: &str) -> &'static str {
    match file {
        "io.max" => "rbps=max wbps=max riops=max wiops=max",
        "io.latency" => "target=0",
        "io.weight" | "io.bfq.weight" | "blkio.bfq.weight_device" | "blkio.weight_device" => "default",
        _ => "0",
    }
}

#[cfg(test)]
mod tests;
