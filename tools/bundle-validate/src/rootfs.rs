//! The files of a bundle's root file system, looked up as the container will: `/` is its root, no
//! link leads out of it (openat2, RESOLVE_IN_ROOT).

use crate::Bundle;
use rustix::fs::{
    Dir, DirEntry, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, openat, openat2, readlinkat,
};
use rustix::io::Errno;
use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;

/// The directory at `root.path`.
#[derive(Debug)]
pub(crate) struct Rootfs {
    root: OwnedFd,
}

/// What is at a path.
#[derive(Debug)]
pub(crate) enum Found {
    /// A file of any type.
    File(Stat),
    /// Nothing, and no link either.
    Nothing,
    /// A link that leads to nothing, and its target.
    Dangling(String),
    /// It could not be told, for example for want of permission.
    Unknown,
}

impl Rootfs {
    /// Opens the root file system of a bundle, if its directory is known and there is one. One that
    /// is empty is not there yet: engines mount it over this directory before they start a runtime.
    pub(crate) fn of(bundle: &Bundle) -> Option<Self> {
        let path = bundle.document().root().at("/root/path")?.as_str()?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = openat(bundle.handle()?, path, flags, Mode::empty()).ok()?;
        let rootfs = Rootfs { root };
        (!rootfs.is_empty()).then_some(rootfs)
    }

    fn is_empty(&self) -> bool {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let entries = openat(&self.root, ".", flags, Mode::empty()).and_then(Dir::new);
        let name = |entry: DirEntry| entry.file_name().to_bytes().to_owned();
        let own = |name: Vec<u8>| matches!(name.as_slice(), b"." | b"..");
        entries.is_ok_and(|entries| entries.flatten().map(name).all(own))
    }

    fn open(&self, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let mut tries = 0;
        loop {
            match openat2(&self.root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
                // Something was renamed in the meantime: the kernel asks to try again.
                Err(Errno::AGAIN) if tries < 8 => tries += 1,
                result => return result,
            }
        }
    }

    /// What is at a path, links followed.
    pub(crate) fn find(&self, path: &str) -> Found {
        match self.open(path, OFlags::PATH).and_then(fstat) {
            Ok(stat) => Found::File(stat),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => self.link(path),
            Err(_) => Found::Unknown,
        }
    }

    /// What is at a path itself, a link not followed.
    pub(crate) fn entry(&self, path: &str) -> Option<Stat> {
        self.open(path, OFlags::PATH | OFlags::NOFOLLOW).and_then(fstat).ok()
    }

    fn link(&self, path: &str) -> Found {
        let target = self
            .open(path, OFlags::PATH | OFlags::NOFOLLOW)
            .and_then(|link| readlinkat(link, "", Vec::new()));
        match target {
            Ok(target) => Found::Dangling(target.to_string_lossy().into_owned()),
            Err(_) => Found::Nothing,
        }
    }

    /// The first bytes of a regular file; nothing of any other file.
    pub(crate) fn head(&self, path: &str) -> Vec<u8> {
        const MOST: u64 = 256;
        let mut head = vec![];
        // Not blocking: what was a file may be a FIFO by now.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let Ok(file) = self.open(path, flags) else { return head };
        if fstat(&file).is_ok_and(|stat| is_regular(&stat)) {
            // What cannot be read is judged by what could.
            drop(File::from(file).take(MOST).read_to_end(&mut head));
        }
        head
    }
}

/// Whether a file is a regular one.
pub(crate) fn is_regular(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn rootfs(root: &std::path::Path) -> Rootfs {
        fs::write(root.join("config.json"), r#"{"root": {"path": "rootfs"}}"#).unwrap();
        Rootfs::of(&Bundle::open(root).unwrap()).unwrap()
    }

    #[test]
    fn links_are_followed_inside_and_never_lead_out() {
        let bundle = tempfile::tempdir().unwrap();
        let root = bundle.path().join("rootfs");
        fs::create_dir_all(root.join("usr/bin")).unwrap();
        fs::write(root.join("usr/bin/tool"), "#!x").unwrap();
        fs::write(bundle.path().join("outside"), "").unwrap();
        for (target, name) in [
            ("/usr/bin", "bin"),
            ("../outside", "up"),
            ("/proc/self/exe", "magic"),
            ("loop", "loop"),
            ("/etc/missing", "dangling"),
        ] {
            symlink(target, root.join(name)).unwrap();
        }
        let rootfs = rootfs(bundle.path());
        assert!(matches!(rootfs.find("/bin/tool"), Found::File(stat) if is_regular(&stat)));
        assert!(matches!(rootfs.find("../../bin/tool"), Found::File(_)));
        assert_eq!(rootfs.head("/bin/tool"), b"#!x");
        assert_eq!(rootfs.head("/bin"), b"");
        for name in ["/up", "/loop", "/dangling", "/magic"] {
            assert!(matches!(rootfs.find(name), Found::Dangling(_)), "{name}");
        }
        assert!(matches!(rootfs.find("/bin/other"), Found::Nothing));
        assert!(matches!(rootfs.find("/bin/tool/x"), Found::Nothing));
        assert!(rootfs.entry("/bin").is_some_and(|stat| !is_regular(&stat)));
    }

    #[test]
    fn an_empty_directory_is_no_image_yet() {
        let bundle = tempfile::tempdir().unwrap();
        fs::create_dir(bundle.path().join("rootfs")).unwrap();
        fs::write(bundle.path().join("config.json"), r#"{"root": {"path": "rootfs"}}"#).unwrap();
        assert!(Rootfs::of(&Bundle::open(bundle.path()).unwrap()).is_none());
    }
}
