//! `tmpcopyup`: a copy of what a tmpfs covers.

use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, Timespec, Timestamps, Uid, chmodat, chownat, mknodat, utimensat,
};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;

/// Copies what is in a directory into another, with owners, modes and times, and what the directory
/// itself has of them. Mounts below it are not entered.
pub(crate) fn copy(from: &str, to: &str) -> io::Result<()> {
    let (from, to) = (Path::new(from), Path::new(to));
    let top = fs::metadata(from)?;
    entries(from, to, top.dev())?;
    take_over(&top, to)
}

fn entries(from: &Path, to: &Path, device: u64) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.dev() == device {
            one(&entry.path(), &to.join(entry.file_name()), &metadata)?;
        }
    }
    Ok(())
}

fn one(from: &Path, to: &Path, metadata: &Metadata) -> io::Result<()> {
    let kind = metadata.file_type();
    if kind.is_dir() {
        fs::create_dir(to)?;
        entries(from, to, metadata.dev())?;
    } else if kind.is_symlink() {
        symlink(fs::read_link(from)?, to)?;
    } else if kind.is_file() {
        fs::copy(from, to)?;
    } else {
        let mode = metadata.mode();
        mknodat(CWD, to, FileType::from_raw_mode(mode), Mode::from_raw_mode(mode), metadata.rdev())?;
    }
    take_over(metadata, to)
}

fn take_over(metadata: &Metadata, to: &Path) -> io::Result<()> {
    let (uid, gid) = (Uid::from_raw(metadata.uid()), Gid::from_raw(metadata.gid()));
    // The directory that is copied into is reached by a link to a descriptor.
    let link = metadata.file_type().is_symlink();
    let follow = if link { AtFlags::SYMLINK_NOFOLLOW } else { AtFlags::empty() };
    chownat(CWD, to, Some(uid), Some(gid), follow)?;
    if !link {
        chmodat(CWD, to, Mode::from_raw_mode(metadata.mode()), AtFlags::empty())?;
    }
    let time = |seconds: i64, nanoseconds: i64| Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    let times = Timestamps {
        last_access: time(metadata.atime(), metadata.atime_nsec()),
        last_modification: time(metadata.mtime(), metadata.mtime_nsec()),
    };
    Ok(utimensat(CWD, to, &times, follow)?)
}
