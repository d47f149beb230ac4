//! Mount points below the container's root, whatever symbolic links are in it or appear meanwhile.

use rustix::fs::{Mode, OFlags, ResolveFlags, mkdirat, openat, openat2};
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};

/// What to make where nothing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Directory,
    File,
}

/// How often a path may change between looking and making.
const ATTEMPTS: u32 = 16;

/// Opens a path inside `root`; `None` if nothing is there.
pub(crate) fn find(root: BorrowedFd<'_>, path: &str) -> io::Result<Option<OwnedFd>> {
    match open(root, path, OFlags::empty()) {
        Ok(found) => Ok(Some(found)),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// Opens a path inside `root`; what is missing of it is made, directories with mode 0755 and a file
/// with mode 0644.
pub(crate) fn find_or_make(root: BorrowedFd<'_>, path: &str, kind: Kind) -> io::Result<OwnedFd> {
    for _ in 0..ATTEMPTS {
        match open(root, path, OFlags::empty()) {
            Err(Errno::NOENT) => make(root, path, kind)?,
            // The kernel saw a rename under a `..`.
            Err(Errno::AGAIN) => {}
            found => return Ok(found?),
        }
    }
    // A symbolic link that leads nowhere, or somebody who is faster.
    Err(Errno::LOOP.into())
}

fn make(root: BorrowedFd<'_>, path: &str, kind: Kind) -> io::Result<()> {
    let (parent, name) = path.trim_end_matches('/').rsplit_once('/').unwrap_or(("", path));
    let parent = find_or_make(root, if parent.is_empty() { "." } else { parent }, Kind::Directory)?;
    let made = match kind {
        Kind::Directory => mkdirat(&parent, name, Mode::from_raw_mode(0o755)),
        Kind::File => {
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            openat(&parent, name, flags, Mode::from_raw_mode(0o644)).map(drop)
        }
    };
    match made {
        Err(Errno::EXIST) => Ok(()),
        other => Ok(other?),
    }
}

fn open(root: BorrowedFd<'_>, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::PATH | OFlags::CLOEXEC;
    let inside = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    openat2(root, path, flags, Mode::empty(), inside)
}

/// The path by which a system call that takes only paths reaches a descriptor.
pub(crate) fn path_of(fd: &impl AsFd) -> String {
    format!("/proc/self/fd/{}", fd.as_fd().as_raw_fd())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::os::unix::fs::symlink;
    use std::path::Path;
    use std::sync::atomic::{AtomicBool, Ordering};

    fn root(path: &Path) -> File {
        fs::create_dir_all(path.join("root/a")).unwrap();
        fs::create_dir(path.join("outside")).unwrap();
        File::open(path.join("root")).unwrap()
    }

    fn entries(path: &Path) -> usize {
        fs::read_dir(path).unwrap().count()
    }

    #[test]
    fn links_and_dots_stay_inside() {
        let dir = tempfile::tempdir().unwrap();
        let root_fd = root(dir.path());
        let (root, outside) = (dir.path().join("root"), dir.path().join("outside"));
        symlink(&outside, root.join("absolute")).unwrap();
        symlink("../outside", root.join("relative")).unwrap();
        symlink("a", root.join("fine")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        let make = |path: &str, kind| find_or_make(root_fd.as_fd(), path, kind);
        make("fine/b/c", Kind::Directory).unwrap();
        assert!(root.join("a/b/c").is_dir());
        make("../../x", Kind::Directory).unwrap();
        make("deep/er/file", Kind::File).unwrap();
        assert!(root.join("x").is_dir() && root.join("deep/er/file").is_file());
        for path in ["absolute/y", "relative/y", "loop/y", "loop"] {
            assert!(make(path, Kind::Directory).is_err(), "{path}");
        }
        assert!(find(root_fd.as_fd(), "nothing/here").unwrap().is_none());
        assert_eq!(entries(&outside), 0);
    }

    #[test]
    fn a_link_that_comes_and_goes_leads_nowhere_outside() {
        let dir = tempfile::tempdir().unwrap();
        let root_fd = root(dir.path());
        let (root, outside) = (dir.path().join("root"), dir.path().join("outside"));
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let swap = root.join("swap");
                    drop(fs::remove_dir_all(&swap));
                    drop(symlink(&outside, &swap));
                    drop(fs::remove_file(&swap));
                    drop(symlink("../outside", &swap));
                    drop(fs::remove_file(&swap));
                    drop(fs::create_dir(&swap));
                }
            });
            for index in 0..3000 {
                // Either outcome is fine as long as it stays inside.
                drop(find_or_make(root_fd.as_fd(), &format!("swap/x{index}"), Kind::Directory));
            }
            done.store(true, Ordering::Relaxed);
        });
        assert_eq!(entries(&outside), 0);
    }
}
