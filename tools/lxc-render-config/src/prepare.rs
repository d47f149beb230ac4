//! Mount points that have to be there before LXC starts.

use crate::{HostId, Rendered};
use rustix::fs::{
    AtFlags, CWD, Gid, Mode, OFlags, ResolveFlags, Uid, chownat, fchown, mkdirat, openat, openat2,
};
use rustix::io::Errno;
use std::io;
use std::os::fd::OwnedFd;

/// A mount point that is missing in a root file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MountPoint {
    /// A directory, relative to the root of the container, without symbolic links.
    Directory(String),
    /// An empty file.
    File(String),
}

/// Makes the missing mount points in the root file system, as runc does: directories with mode
/// 0755, files with mode 0644, owned by the container's root. What is there meanwhile is left alone. It never leaves the root file
/// system, whatever symbolic links appear in it.
///
/// # Errors
/// What the system says; what was made until then stays.
pub fn prepare_mount_points(rendered: &Rendered) -> io::Result<()> {
    if rendered.prepare.is_empty() {
        return Ok(());
    }
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = openat(CWD, &rendered.rootfs, flags, Mode::empty())?;
    let HostId { uid, gid } = rendered.host_root;
    let owner = (Uid::from_raw(uid), Gid::from_raw(gid));
    for point in &rendered.prepare {
        match point {
            MountPoint::Directory(path) => drop(directory(&root, path, owner)?),
            MountPoint::File(path) => file(&root, path, owner)?,
        }
    }
    Ok(())
}

type Owner = (Uid, Gid);

/// Makes a directory with its parents and opens it.
fn directory(root: &OwnedFd, path: &str, (uid, gid): Owner) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = |from: &OwnedFd, name: &str| {
        let inside = ResolveFlags::IN_ROOT | ResolveFlags::NO_SYMLINKS;
        openat2(from, name, flags, Mode::empty(), inside)
    };
    let mut current = open(root, ".")?;
    for name in path.split('/').filter(|name| !name.is_empty()) {
        match mkdirat(&current, name, Mode::from_raw_mode(0o755)) {
            Err(Errno::EXIST) => current = open(&current, name)?,
            Ok(()) => {
                current = open(&current, name)?;
                chownat(&current, "", Some(uid), Some(gid), AtFlags::EMPTY_PATH)?;
            }
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(current)
}

fn file(root: &OwnedFd, path: &str, owner: Owner) -> io::Result<()> {
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
    let parent = directory(root, parent, owner)?;
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat(&parent, name, flags, Mode::from_raw_mode(0o644)) {
        Ok(made) => Ok(fchown(&made, Some(owner.0), Some(owner.1))?),
        Err(Errno::EXIST) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    const OWNER: Owner = (Uid::ROOT, Gid::ROOT);

    #[test]
    fn mount_points_are_made_inside_the_root_only() {
        let dir = tempfile::tempdir().unwrap();
        let root_path = dir.path().join("root");
        fs::create_dir_all(root_path.join("a")).unwrap();
        symlink(dir.path(), root_path.join("out")).unwrap();
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        let root = openat(CWD, &root_path, flags, Mode::empty()).unwrap();
        directory(&root, "a/b/c", OWNER).unwrap();
        directory(&root, "a/b", OWNER).unwrap();
        file(&root, "etc/hosts", OWNER).unwrap();
        file(&root, "etc/hosts", OWNER).unwrap();
        assert!(root_path.join("a/b/c").is_dir() && root_path.join("etc/hosts").is_file());
        assert!(directory(&root, "out/x", OWNER).is_err());
        assert!(file(&root, "out/x", OWNER).is_err());
        assert!(!dir.path().join("x").exists());
    }
}
