//! CTs' configurations as files of pmxcfs, and the rules by which several may work on them.

use crate::error::Error;
use crate::wait::Deadline;
use nexcage_configuration::Pct;
use rustix::fs::{FlockOperation, flock};
use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long Proxmox waits for a CT's lock, and how often it is tried.
const LOCKED: Duration = Duration::from_secs(10);
const TRY: Duration = Duration::from_millis(20);

/// The name of the file that a CT's configuration includes. Its VMID tells a CT from its copies, which
/// include the original's.
pub(crate) fn include_name(vmid: u32) -> String {
    format!("{vmid}.conf")
}

pub(crate) fn conf_path(paths: &Pct, vmid: u32) -> PathBuf {
    paths.conf_directory.join(format!("{vmid}.conf"))
}

/// The ids of a cluster's CTs and VMs, by pmxcfs's list of them. It only saves tries: what is taken
/// meanwhile is seen at the creation.
pub(super) fn taken(list: &Path) -> HashSet<u32> {
    let list: Option<serde_json::Value> =
        fs::read(list).ok().and_then(|text| serde_json::from_slice(&text).ok());
    let ids = list.as_ref().and_then(|list| list.get("ids")?.as_object());
    ids.into_iter().flat_map(|ids| ids.keys()).filter_map(|id| id.parse().ok()).collect()
}

/// Changes the configuration of a CT that exists, as `pct set` does: under Proxmox's lock of it, so that
/// nobody's change is lost, and by a file that takes its place, so that nobody reads half of it.
pub(super) fn change(
    paths: &Pct,
    vmid: u32,
    new: impl FnOnce(&str) -> Result<String, Error>,
) -> Result<(), Error> {
    let path = conf_path(paths, vmid);
    let _lock = lock(paths, vmid)?;
    let text = fs::read_to_string(&path).map_err(Error::system(format!("read {}", path.display())))?;
    let text = new(&text)?;
    let beside = beside(paths, vmid);
    let write = || {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o640).open(&beside)?;
        io::Write::write_all(&mut file, text.as_bytes())?;
        fs::rename(&beside, &path)
    };
    write().map_err(|error| {
        drop(fs::remove_file(&beside));
        pmxcfs(format!("write {}", path.display()))(error)
    })
}

/// Removes the configuration of a CT under Proxmox's lock of it: who changes it at the same time has done so
/// before, or finds none.
pub(super) fn remove(paths: &Pct, vmid: u32) -> Result<(), Error> {
    let path = conf_path(paths, vmid);
    let _lock = lock(paths, vmid)?;
    match fs::remove_file(&path) {
        Err(error) if !is_gone(&error) => Err(pmxcfs(format!("remove {}", path.display()))(error)),
        _ => Ok(()),
    }
}

/// A name that pmxcfs and Proxmox take for no CT's.
pub(super) fn beside(paths: &Pct, vmid: u32) -> PathBuf {
    paths.conf_directory.join(format!("{vmid}.conf.tmp.nexcage"))
}

fn lock(paths: &Pct, vmid: u32) -> Result<File, Error> {
    let path = paths.lock_directory.join(format!("pve-config-{vmid}.lock"));
    let open = || {
        fs::create_dir_all(&paths.lock_directory)?;
        File::options().create(true).append(true).open(&path)
    };
    let file = open().map_err(Error::system(format!("open {}", path.display())))?;
    let deadline = Deadline::after(LOCKED);
    while flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        if deadline.is_over() {
            return Err(Error::CtLocked { vmid });
        }
        std::thread::sleep(TRY);
    }
    Ok(file)
}

/// What went wrong in pmxcfs, which is read-only when the cluster has no quorum.
pub(super) fn pmxcfs(doing: String) -> impl FnOnce(io::Error) -> Error {
    move |source| match source.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            Error::NoQuorum { doing, source }
        }
        _ => Error::System { doing, source },
    }
}

pub(super) fn remove_file(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if !is_gone(&error) => Err(Error::system(format!("remove {}", path.display()))(error)),
        _ => Ok(()),
    }
}

pub(super) fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
