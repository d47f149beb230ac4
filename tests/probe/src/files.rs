//! Mounts, files, and whether they can be read and written.

use crate::facts::Facts;
use crate::kernel;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};

/// Directories that every bundle is tried for new files in.
const PLACES: [&str; 8] =
    ["/", "/dev", "/dev/shm", "/etc", "/proc/sys/kernel", "/run", "/sys/fs/cgroup", "/tmp"];

pub(crate) fn look(facts: &mut Facts) {
    mounts(facts);
    for place in PLACES {
        make(facts, place);
    }
    directory(facts, "root", "/");
}

/// A file as text; empty if it cannot be read.
pub(crate) fn text(path: &str) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

/// A file of strings that end with NUL.
pub(crate) fn zero_separated(path: &str) -> Vec<Vec<u8>> {
    let mut bytes = fs::read(path).unwrap_or_default();
    if bytes.pop().is_none() {
        return Vec::new();
    }
    bytes.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect()
}

/// /proc/self/mountinfo, by mount point; a mount over another one has a number.
fn mounts(facts: &mut Facts) {
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    let mut order = Vec::new();
    for line in text("/proc/self/mountinfo").lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let Some(dash) = fields.iter().position(|field| *field == "-") else { continue };
        let [_, _, _, root, point, options, ..] = fields[..] else { continue };
        let [kind, source, own, ..] = fields[dash + 1..] else { continue };
        let seen = times.entry(point.to_owned()).or_default();
        *seen += 1;
        let point = if *seen == 1 { point.to_owned() } else { format!("{point}#{seen}") };
        let tags = fields[6..dash].iter().map(|tag| tag.split(':').next().unwrap_or(tag));
        let peers: Vec<&str> = tags.collect();
        for (name, value) in
            [("root", root), ("type", kind), ("source", source), ("flags", options), ("options", own)]
        {
            facts.say(&format!("mount.{point}.{name}"), value);
        }
        facts.say(&format!("mount.{point}.propagation"), peers.join(","));
        order.push(point);
    }
    facts.say("mounts.order", order.join(" "));
}

/// What a bundle asks about a path.
pub(crate) fn ask(facts: &mut Facts, question: &str, path: &str) {
    let fact = format!("{question}.{path}");
    match question {
        "read" => read(facts, &fact, path),
        "write" => facts.outcome(&fact, kernel::open(path, libc::O_WRONLY).map(closed)),
        "make" => make(facts, path),
        "list" => directory(facts, &fact, path),
        "stat" => facts.say(&fact, described(path)),
        "sysctl" => facts.say(&fact, text(&format!("/proc/sys/{path}")).trim().replace('\t', " ")),
        _ => {}
    }
}

fn closed(descriptor: i32) -> &'static str {
    kernel::close(descriptor);
    "done"
}

/// Reads a file's beginning, or a directory's names.
fn read(facts: &mut Facts, fact: &str, path: &str) {
    if fs::metadata(path).is_ok_and(|data| data.is_dir()) {
        return directory(facts, fact, path);
    }
    match fs::read(path) {
        Ok(bytes) => facts.bytes(fact, &bytes),
        Err(error) => facts.outcome(fact, Err::<&str, _>(error.raw_os_error().unwrap_or(0))),
    }
}

/// Tries to make a file in a directory.
fn make(facts: &mut Facts, directory: &str) {
    let path = format!("{}/.made-by-the-probe", directory.trim_end_matches('/'));
    let outcome = kernel::open(&path, libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL).map(closed);
    facts.outcome(&format!("make.{directory}"), outcome);
    drop(fs::remove_file(path));
}

/// The entries of a directory, each with what it is.
pub(crate) fn directory(facts: &mut Facts, fact: &str, path: &str) {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) => return facts.outcome(fact, Err::<&str, _>(error.raw_os_error().unwrap_or(0))),
    };
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    facts.say(&format!("{fact}.entries"), names.join(" "));
    for name in names {
        let path = format!("{}/{name}", path.trim_end_matches('/'));
        facts.say(&format!("{fact}.{name}"), described(&path));
    }
}

/// Kind, device number, mode, owner, target.
pub(crate) fn described(path: &str) -> String {
    let data = match fs::symlink_metadata(path) {
        Ok(data) => data,
        Err(error) => return kernel::error_name(error.raw_os_error().unwrap_or(0)),
    };
    let kind = data.file_type();
    let number = data.rdev();
    let what = match kind {
        kind if kind.is_symlink() => {
            let target = fs::read_link(path).unwrap_or_default();
            return format!("link to {} {}:{}", target.display(), data.uid(), data.gid());
        }
        kind if kind.is_char_device() => format!("c {}:{}", libc::major(number), libc::minor(number)),
        kind if kind.is_block_device() => format!("b {}:{}", libc::major(number), libc::minor(number)),
        kind if kind.is_dir() => "directory".to_owned(),
        kind if kind.is_fifo() => "fifo".to_owned(),
        kind if kind.is_socket() => "socket".to_owned(),
        _ => "file".to_owned(),
    };
    format!("{what} {:04o} {}:{}", data.mode() & 0o7777, data.uid(), data.gid())
}
