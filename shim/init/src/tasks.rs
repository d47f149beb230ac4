//! What is set up inside the container before *ready*, seen from its root directory.
//!
//! The image may hold any symbolic link, and a bind mount may lead to the host's files: paths are
//! walked name by name, and a link on the way is an error. The renderer has resolved them.

use crate::kernel::{self, Errno, Fd, Node};
use core::ffi::CStr;
use linux_raw_sys::errno::{EEXIST, ENOENT};
use nexcage_handover::{Failed, Step, Task, Tasks};
use nexcage_init::path::{PATH_MAX, join};

/// Carries out all tasks in their order.
pub(crate) fn carry_out(tasks: &Tasks<'_>) -> Result<(), Failed> {
    // Modes are exact.
    kernel::set_umask(0);
    for (task, index) in tasks.iter().zip(0..) {
        let (step, done) = match task {
            Task::Node { path, mode, major, minor, uid, gid } => {
                (Step::Node, make_node(path, Node { mode, major, minor }, uid, gid))
            }
            Task::Link { path, target } => (Step::Link, make_link(path, target)),
            Task::Propagation { path, flags } => (Step::Propagation, set_propagation(path, flags)),
        };
        done.map_err(|Errno(errno)| Failed { step, errno, task: Some(index) })?;
    }
    Ok(())
}

fn make_node(path: &CStr, node: Node, uid: u32, gid: u32) -> kernel::Result {
    let (directory, name) = walk(path, Missing::Make)?;
    match kernel::make_node_in(&directory, name, node) {
        Err(Errno(EEXIST)) if kernel::is_node_in(&directory, name, node)? => Ok(()),
        made => made.and_then(|()| kernel::own_in(&directory, name, uid, gid)),
    }
}

fn make_link(path: &CStr, target: &CStr) -> kernel::Result {
    let (directory, name) = walk(path, Missing::Make)?;
    kernel::make_link_in(&directory, name, target)
}

fn set_propagation(path: &CStr, flags: u32) -> kernel::Result {
    let (directory, name) = walk(path, Missing::Fail)?;
    if name.is_empty() {
        return kernel::set_propagation(&directory, flags);
    }
    kernel::set_propagation(&kernel::open_in(&directory, name)?, flags)
}

/// What becomes of a directory that is not there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    /// It is made, with mode 0755.
    Make,
    /// It is an error.
    Fail,
}

/// The directory of a file and the file's name in it, which is empty for the root directory.
fn walk(path: &CStr, missing: Missing) -> kernel::Result<(Fd, &CStr)> {
    let bytes = path.to_bytes_with_nul();
    let (parents, name) = bytes.split_at(bytes.iter().rposition(|&byte| byte == b'/').map_or(0, |at| at + 1));
    let mut directory = kernel::open_root()?;
    let mut buffer = [0; PATH_MAX];
    for part in parents.split(|&byte| byte == b'/').filter(|part| !part.is_empty()) {
        let part = join(b"", part, &mut buffer).ok_or(Errno(ENOENT))?;
        directory = match kernel::open_in(&directory, part) {
            Err(Errno(ENOENT)) if missing == Missing::Make => {
                kernel::make_directory_in(&directory, part, 0o755)?;
                kernel::open_in(&directory, part)?
            }
            opened => opened?,
        };
    }
    Ok((directory, CStr::from_bytes_with_nul(name).unwrap_or_default()))
}
