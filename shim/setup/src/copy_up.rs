//! `tmpcopyup`: a copy of what a tmpfs covers.
//!
//! The host's tree is in sight and others may change the image meanwhile: every file is reached by
//! its name in a directory that is open, and no symbolic link is followed.

use rustix::fs::{
    AtFlags, Dir, FileType, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid, chmodat, chownat, fstat,
    mkdirat, mknodat, openat, readlinkat, statat, symlinkat, utimensat,
};
use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

/// Copies what is in a directory into another, with owners, modes and times, and what the directory
/// itself has of them. Mounts below it are not entered.
pub(crate) fn copy(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> io::Result<()> {
    let (from, to) = (open_directory(from, c".")?, open_directory(to, c".")?);
    let top = fstat(&from)?;
    entries(&from, &to, top.st_dev)?;
    take_over(&top, to.as_fd(), c".")
}

fn open_directory(at: BorrowedFd<'_>, name: &CStr) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(at, name, flags, Mode::empty())?)
}

fn entries(from: &OwnedFd, to: &OwnedFd, device: u64) -> io::Result<()> {
    for entry in Dir::read_from(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let stat = statat(from, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if stat.st_dev == device {
            one(from, to, name, &stat)?;
        }
    }
    Ok(())
}

fn one(from: &OwnedFd, to: &OwnedFd, name: &CStr, stat: &Stat) -> io::Result<()> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => {
            mkdirat(to, name, Mode::RWXU)?;
            let from = open_directory(from.as_fd(), name)?;
            entries(&from, &open_directory(to.as_fd(), name)?, stat.st_dev)?;
        }
        FileType::Symlink => symlinkat(&readlinkat(from, name, vec![])?, to, name)?,
        FileType::RegularFile => contents(from, to, name)?,
        kind => mknodat(to, name, kind, Mode::from_raw_mode(stat.st_mode), stat.st_rdev)?,
    }
    take_over(stat, to.as_fd(), name)
}

/// A FIFO or a device that has come in the file's place is not waited for, and is an error.
fn contents(from: &OwnedFd, to: &OwnedFd, name: &CStr) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let mut from = File::from(openat(from, name, flags, Mode::empty())?);
    if !from.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut to = File::from(openat(to, name, flags, Mode::RUSR | Mode::WUSR)?);
    io::copy(&mut from, &mut to).map(drop)
}

fn take_over(stat: &Stat, directory: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
    let (uid, gid) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
    chownat(directory, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
        chmodat(directory, name, Mode::from_raw_mode(stat.st_mode), AtFlags::empty())?;
    }
    let nanoseconds = |number: u64| i64::try_from(number).unwrap_or_default();
    let times = Timestamps {
        last_access: Timespec { tv_sec: stat.st_atime, tv_nsec: nanoseconds(stat.st_atime_nsec) },
        last_modification: Timespec { tv_sec: stat.st_mtime, tv_nsec: nanoseconds(stat.st_mtime_nsec) },
    };
    Ok(utimensat(directory, name, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn a_copy_has_owners_modes_and_times_and_links_as_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::create_dir_all(from.join("a/b")).unwrap();
        fs::create_dir(&to).unwrap();
        fs::write(from.join("a/file"), "text").unwrap();
        fs::set_permissions(from.join("a/file"), fs::Permissions::from_mode(0o4751)).unwrap();
        symlink("/etc/passwd", from.join("a/b/link")).unwrap();
        std::os::unix::fs::lchown(from.join("a/b/link"), Some(7), Some(8)).unwrap();
        copy(File::open(&from).unwrap().as_fd(), File::open(&to).unwrap().as_fd()).unwrap();
        for name in ["", "a", "a/b", "a/file", "a/b/link"] {
            let [old, new] = [&from, &to].map(|top| fs::symlink_metadata(top.join(name)).unwrap());
            let facts = |m: &fs::Metadata| (m.mode(), m.uid(), m.gid(), m.mtime(), m.mtime_nsec());
            assert_eq!(facts(&new), facts(&old), "{name}");
        }
        assert_eq!(fs::read_to_string(to.join("a/file")).unwrap(), "text");
        assert_eq!(fs::read_link(to.join("a/b/link")).unwrap().to_str(), Some("/etc/passwd"));
    }

    #[test]
    fn nothing_of_the_host_is_copied_by_a_link_that_comes_meanwhile() {
        let dir = tempfile::tempdir().unwrap();
        let (from, outside) = (dir.path().join("from"), dir.path().join("outside"));
        fs::create_dir_all(from.join("swap")).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("secret"), "secret").unwrap();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let swap = from.join("swap");
                    drop(fs::remove_dir(&swap));
                    drop(symlink(&outside, &swap));
                    drop(fs::remove_file(&swap));
                    drop(symlink(outside.join("secret"), &swap));
                    drop(fs::remove_file(&swap));
                    drop(fs::write(&swap, ""));
                    drop(fs::remove_file(&swap));
                    drop(fs::create_dir(&swap));
                }
            });
            for index in 0..300 {
                let to = dir.path().join(format!("to{index}"));
                fs::create_dir(&to).unwrap();
                // Either outcome is fine as long as it is of this directory.
                drop(copy(File::open(&from).unwrap().as_fd(), File::open(&to).unwrap().as_fd()));
                let swap = to.join("swap");
                let is_link = fs::symlink_metadata(&swap).is_ok_and(|swap| swap.is_symlink());
                let is_secret = !is_link && fs::read_to_string(&swap).is_ok_and(|text| !text.is_empty());
                assert!(!is_secret && (is_link || !swap.join("secret").exists()));
                fs::remove_dir_all(&to).unwrap();
            }
            done.store(true, Ordering::Relaxed);
        });
    }
}
