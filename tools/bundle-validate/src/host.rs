//! What this host has of what a document names.

use rustix::fs::{CWD, Mode, OFlags, openat};
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// This host, or for tests a directory in its place.
#[derive(Debug)]
pub(crate) struct Host {
    root: PathBuf,
}

impl Default for Host {
    fn default() -> Self {
        Host { root: PathBuf::from("/") }
    }
}

impl Host {
    /// A directory that is taken for a host.
    #[cfg(test)]
    pub(crate) fn at(root: &Path) -> Self {
        Host { root: root.to_owned() }
    }

    /// Where something with an absolute path is.
    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// Whether there is something at an absolute path.
    pub(crate) fn has(&self, path: &str) -> Presence {
        Presence::at(&self.path(path))
    }

    /// Whether there is a regular file at an absolute path that somebody may execute.
    pub(crate) fn has_program(&self, path: &str) -> Presence {
        let program = fs::metadata(self.path(path)).and_then(|found| {
            let executable = found.is_file() && found.permissions().mode() & 0o111 != 0;
            executable.then_some(()).ok_or_else(|| io::ErrorKind::NotFound.into())
        });
        Presence::of(program)
    }

    /// The text of one of the kernel's files.
    pub(crate) fn text(&self, path: &str) -> io::Result<String> {
        fs::read_to_string(self.path(path))
    }

    /// What the kernel calls the type of the namespace at a path, such as `net`; `Ok(None)` for
    /// what is no namespace.
    pub(crate) fn namespace(&self, path: &str) -> io::Result<Option<String>> {
        // A path-only handle neither blocks on a FIFO nor wakes a device.
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let file = openat(CWD, self.path(path), flags, Mode::empty())?;
        Ok(namespace_name(&file)?.and_then(|name| name.split_once(":[").map(|(kind, _)| kind.to_owned())))
    }
}

/// The name of a namespace, such as `net:[4026531840]`. A namespace in /proc is named by its link;
/// where it is mounted on a file, as `ip netns` does, the mount's root has the name.
fn namespace_name(file: &OwnedFd) -> io::Result<Option<String>> {
    let number = file.as_raw_fd();
    let link = fs::read_link(format!("/proc/self/fd/{number}"))?;
    if let Some(name) = link.to_str().filter(|link| link.contains(":[") && !link.starts_with('/')) {
        return Ok(Some(name.to_owned()));
    }
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{number}"))?;
    let Some(mount) = info.lines().find_map(|line| line.strip_prefix("mnt_id:")) else { return Ok(None) };
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    let fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let mount = fields.into_iter().find(|fields| fields.first() == Some(&mount.trim()));
    Ok(mount.and_then(|fields| fields.get(3).map(|root| (*root).to_owned())))
}

/// Whether something is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    Present,
    Absent,
    /// It could not be told, for example for want of permission.
    Unknown,
}

impl Presence {
    /// Whether there is something at a path.
    pub(crate) fn at(path: &Path) -> Self {
        Presence::of(fs::metadata(path).map(|_| ()))
    }

    fn of(found: io::Result<()>) -> Self {
        match found {
            Ok(()) => Presence::Present,
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Presence::Absent,
                _ => Presence::Unknown,
            },
        }
    }
}
