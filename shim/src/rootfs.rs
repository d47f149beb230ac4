//! The mounts of which an engine wants the root file system made: an overlay of an image's layers,
//! or a bind of some directory.

mod options;
mod owners;

use crate::error::Error;
use crate::setup;
use nexcage_record::ContainerDir;
use nexcage_setup::plan::IdMap;
use nexcage_task_api::task::Mount;
use options::Options;
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, mount_remount, unmount,
};
use std::ffi::{CString, OsStr};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

/// Holds the mount point, from before the first mount on.
const FILE: &str = "rootfs";

/// Makes the mounts on the root file system of a bundle, the first one first. What of them there is
/// [`unmount_all`] finds, whoever calls it. An overlay whose layers belong to the host's root, and of whose
/// owners its engine says nothing, is seen by `map`.
pub(crate) fn mount_all(
    dir: &ContainerDir,
    rootfs: &Path,
    mounts: &[Mount],
    map: Option<&IdMap>,
) -> Result<(), Error> {
    if mounts.is_empty() {
        return Ok(());
    }
    let rootfs = fs::canonicalize(rootfs).map_err(Error::system(format!("find {}", rootfs.display())))?;
    let file = dir.path().join(FILE);
    fs::write(&file, rootfs.as_os_str().as_bytes())
        .map_err(Error::system(format!("write {}", file.display())))?;
    for one in mounts {
        let target = target(&rootfs, &one.target);
        let what = format!("mount {} ({}) on {}", one.source, one.kind, target.display());
        let failed = Error::system(what);
        let options = Options::parse(&one.options).and_then(|options| match map {
            Some(map) if one.kind == owners::OVERLAY => owners::shift(options, map),
            _ => Ok(options),
        });
        let mounted = match options {
            Ok(options) if options.owners.is_some() => {
                owners::mount(&setup::program()?, one, options, &target)
            }
            options => options.and_then(|options| mount_as_is(one, options, &target)),
        };
        mounted.map_err(failed)?;
    }
    Ok(())
}

/// The place below the root that a mount names; nothing leads out of it.
fn target(rootfs: &Path, named: &str) -> PathBuf {
    let parts = Path::new(named).components().filter(|part| matches!(part, Component::Normal(_)));
    rootfs.join(parts.collect::<PathBuf>())
}

fn mount_as_is(one: &Mount, mut options: Options, target: &Path) -> io::Result<()> {
    // Only this process, a worker, stands there.
    if let Some(directory) = options.shorten() {
        std::env::set_current_dir(directory)?;
    }
    let data = CString::new(options.data()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let data = Some(data.as_c_str()).filter(|data| !data.is_empty());
    let source = OsStr::new(&one.source);
    mount(source, target, OsStr::new(&one.kind), options.flags, data)?;
    // A bind takes its flags from its source, whatever was asked for.
    if options.flags.contains(MountFlags::BIND) && !(options.flags - BINDING).is_empty() {
        mount_remount(target, options.flags, "")?;
    }
    if options.propagation != MountPropagationFlags::empty() {
        mount_change(target, options.propagation)?;
    }
    Ok(())
}

const BINDING: MountFlags = MountFlags::BIND.union(MountFlags::REC);

/// Takes back what [`mount_all`] and a backend have mounted for a container, whether all of it or not. Can be
/// repeated.
pub(crate) fn unmount_all(dir: &ContainerDir) -> Result<(), Error> {
    unmount_from(&dir.image())?;
    let file = dir.path().join(FILE);
    let rootfs = match fs::read(&file) {
        Ok(rootfs) => PathBuf::from(OsStr::from_bytes(&rootfs)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::system(format!("read {}", file.display()))(error)),
    };
    unmount_from(&rootfs)?;
    fs::remove_file(&file).map_err(Error::system(format!("remove {}", file.display())))
}

/// Unmounts whatever is on a directory, with what is below that.
pub(crate) fn unmount_from(rootfs: &Path) -> Result<(), Error> {
    loop {
        match unmount(rootfs, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW) {
            Ok(()) => {}
            // No mount point, or nothing at all, any more.
            Err(Errno::INVAL | Errno::NOENT) => return Ok(()),
            Err(errno) => {
                return Err(Error::system(format!("unmount {}", rootfs.display()))(errno.into()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_stays_below_the_root() {
        let target = |named| target(Path::new("/r"), named);
        assert_eq!(target(""), Path::new("/r"));
        assert_eq!(target("/a/../../b"), Path::new("/r/a/b"));
    }
}
