//! `pct destroy`

use super::{Session, check_lock};
use crate::command_line::Call;
use crate::conf::{Conf, Volume, mount_points};
use crate::failure::Failure;
use crate::vmid::Vmid;
use std::path::Path;
use std::{fs, io};

pub(super) fn run(session: &Session<'_>, call: &Call) -> Result<(), Failure> {
    let vmid = call.vmid()?;
    let conf = session.store().load(vmid)?;
    if conf.main.is_set("protection") {
        return Err(Failure::died(format!("can't remove CT {vmid} - protection mode enabled")));
    }
    check_lock(&conf.main, &[])?;
    let container = session.container(vmid);
    if container.is_running() && !call.is_set("force") {
        return Err(Failure::died(format!("unable to destroy CT {vmid} - container is running")));
    }
    session.task(|| {
        let _lock = session.store().lock(vmid)?;
        if container.is_running() {
            session.console.warn(&format!("forced to stop CT {vmid} before destroying!\n"));
            container.kill()?;
            container.wait_stopped(None)?;
        }
        remove_volumes(session, &conf)?;
        if call.is_set("destroy-unreferenced-disks") {
            remove_unreferenced(session, vmid)?;
        }
        if call.is_set("purge") {
            session.console.warn(&format!("purging CT {vmid} from related configurations..\n"));
        }
        remove_files(session, vmid)?;
        Ok(fs::remove_file(session.settings.conf_file(vmid))?)
    })
}

/// Deletes what is on a storage; directories of the host are not Proxmox's.
pub(super) fn remove_volumes(session: &Session<'_>, conf: &Conf) -> Result<(), Failure> {
    let points = if conf.main.get("rootfs").is_some() { mount_points(&conf.main)? } else { Vec::new() };
    for (_, point) in points {
        if let Volume::Stored { .. } = point.volume {
            let path = point.volume.path(session.settings)?;
            fs::remove_dir_all(&path)?;
            // `images/VMID`, unless another volume is in it.
            drop(path.parent().map(fs::remove_dir));
        }
    }
    Ok(())
}

/// Deletes the CT's volumes that no configuration has.
fn remove_unreferenced(session: &Session<'_>, vmid: Vmid) -> io::Result<()> {
    let images = session.settings.storage.join("images");
    gone(fs::remove_dir_all(images.join(vmid.to_string())))?;
    gone(fs::remove_dir_all(images.join(format!("vm-{vmid}-disk-0"))))
}

/// LXC's files and ours; `passthrough` stays, as on a node.
fn remove_files(session: &Session<'_>, vmid: Vmid) -> io::Result<()> {
    let home = session.settings.lxc_home(vmid);
    for name in ["config", "rules.seccomp", "reboot"] {
        gone(fs::remove_file(home.join(name)))?;
    }
    for directory in [home.join("rootfs"), home.clone()] {
        remove_if_empty(&directory)?;
    }
    for kind in ["starting", "ended", "unit", "stderr"] {
        gone(fs::remove_file(session.settings.run_file(vmid, kind)))?;
    }
    Ok(())
}

fn remove_if_empty(directory: &Path) -> io::Result<()> {
    match fs::remove_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
        result => gone(result),
    }
}

fn gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}
