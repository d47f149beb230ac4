//! Detached mounts, made by the host's root for nexcage-setup to put into a container.

use crate::kernel::{self, Reach, flags};
use crate::plan::{Bind, IdMap};
use rustix::fs::CWD;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, OpenTreeFlags, fsconfig_create, fsmount, fsopen, open_tree,
};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The word by which nexcage-setup holds a user namespace.
pub(crate) const USERS: &str = "@users";

/// Why a detached mount cannot be made.
#[derive(Debug)]
pub struct Error {
    /// What could not be done, to follow "cannot".
    pub what: String,
    /// The system's reason.
    pub source: io::Error,
}

/// Makes the detached mount of a bind mount with all its attributes. `setup` is nexcage-setup's own
/// path.
///
/// # Errors
/// The source cannot be reached, or its file system refuses what is asked for.
pub fn detached(bind: &Bind, setup: &Path) -> Result<OwnedFd, Error> {
    let source = bind.source.display();
    let failed = |what: String| move |source: io::Error| Error { what, source };
    let reach = if bind.with_submounts { Reach::WithSubmounts } else { Reach::One };
    let mut how = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    if reach == Reach::WithSubmounts {
        how |= OpenTreeFlags::AT_RECURSIVE;
    }
    let tree = match &bind.network {
        None => open_tree(CWD, &bind.source, how).map_err(io::Error::from),
        Some(network) => sysfs(network),
    };
    let tree = tree.map_err(failed(format!("open {source}")))?;
    if !bind.peers {
        kernel::set_propagation(tree.as_fd(), reach, flags::MS_SLAVE)
            .map_err(failed(format!("separate the mount of {source} from the host's")))?;
    }
    for (reach, attributes) in [(Reach::One, bind.top), (Reach::WithSubmounts, bind.recursive)] {
        if !attributes.is_empty() {
            kernel::set_attributes(tree.as_fd(), reach, attributes)
                .map_err(failed(format!("set the attributes of the mount of {source}")))?;
        }
    }
    if let Some(map) = &bind.id_map {
        let reach = if map.recursive { Reach::WithSubmounts } else { Reach::One };
        users(map, setup)
            .and_then(|users| kernel::map_owners(tree.as_fd(), reach, users.as_fd()))
            .map_err(failed(format!("map the owners in the mount of {source}")))?;
    }
    Ok(tree)
}

/// A new sysfs of another network namespace. It is made by this thread, which goes there and back: what a
/// sysfs shows depends on who mounts it.
fn sysfs(network: &Path) -> io::Result<OwnedFd> {
    let (own, other) = (File::open("/proc/thread-self/ns/net")?, File::open(network)?);
    move_into_link_name_space(other.as_fd(), Some(LinkNameSpaceType::Network))?;
    let mounted = fsopen("sysfs", FsOpenFlags::FSOPEN_CLOEXEC).and_then(|context| {
        fsconfig_create(context.as_fd())?;
        fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())
    });
    move_into_link_name_space(own.as_fd(), Some(LinkNameSpaceType::Network))?;
    Ok(mounted?)
}

/// Makes the detached mount of what is at a path, without what is mounted below it, and with the owners
/// that it has in a user namespace.
///
/// # Errors
/// The path cannot be reached, or its file system has no ID-mapped mounts.
pub fn with_owners(path: &Path, users: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let how = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let tree = open_tree(CWD, path, how)?;
    kernel::map_owners(tree.as_fd(), Reach::One, users)?;
    Ok(tree)
}

/// A new user namespace with these ids. `setup` is nexcage-setup's own path.
///
/// # Errors
/// The ids are none, or the kernel has no more user namespaces to give.
pub fn users(map: &IdMap, setup: &Path) -> io::Result<OwnedFd> {
    let mut holder = Command::new(setup)
        .arg(USERS)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let users = mapped(&mut holder, map);
    // Its stdin ends, and so does it; what is open keeps the namespace.
    drop(holder.stdin.take());
    holder.wait()?;
    users
}

/// The namespace of a process that says when it is in a new one.
fn mapped(holder: &mut Child, map: &IdMap) -> io::Result<OwnedFd> {
    let stdout = holder.stdout.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
    stdout.read_exact(&mut [0])?;
    let process = format!("/proc/{}", holder.id());
    fs::write(format!("{process}/uid_map"), &map.users)?;
    fs::write(format!("{process}/gid_map"), &map.groups)?;
    File::open(format!("{process}/ns/user")).map(OwnedFd::from)
}
