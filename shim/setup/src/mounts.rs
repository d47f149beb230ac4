//! The steps of a plan, carried out below the container's root before pivot_root(2).

use crate::kernel::{self, Reach, flags};
use crate::plan::{Action, Attributes, Failure, Fresh, Step};
use crate::target::{Kind, find, find_or_make, path_of};
use crate::{cgroups, copy_up};
use rustix::fs::{FileType, fstat};
use rustix::mount::{MoveMountFlags, OpenTreeFlags, move_mount, open_tree};
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

/// What hides a file. It is the host's, as the container's own may not be there yet: mounted
/// read-only, so that nobody changes its mode, and written to all the same.
const NULL: &str = "/dev/null";

/// Carries a step out; `tree` is the detached mount of an [`Action::Bind`].
pub(crate) fn carry_out(root: BorrowedFd<'_>, step: &Step, tree: Option<OwnedFd>) -> Result<(), Failure> {
    let done = match (&step.action, tree) {
        (Action::Bind(_), Some(tree)) => attach(root, &step.target, tree.as_fd()),
        (Action::Bind(_), None) => Err(io::ErrorKind::InvalidInput.into()),
        (Action::Fresh(fresh), _) => self::fresh(root, &step.target, fresh),
        (Action::Cgroups { flags }, _) => cgroups::mount(root, &step.target, *flags),
        (Action::Remount(fresh), _) => remount(root, &step.target, fresh),
        (Action::Again, _) => again(root, &step.target, Reach::One, Attributes::default()),
        (Action::Seal, _) => seal(root, &step.target),
        (Action::ReadOnly, _) => again(root, &step.target, Reach::WithSubmounts, READ_ONLY),
        (Action::Mask, _) => mask(root, &step.target),
    };
    done.map_err(|error| failure(step, &error))
}

const READ_ONLY: Attributes = Attributes { set: flags::RDONLY, clear: 0 };

fn failure(step: &Step, error: &io::Error) -> Failure {
    let target = &step.target;
    let what = match &step.action {
        Action::Fresh(fresh) => format!("mount a file system of type {} on /{target}", fresh.fs_type),
        Action::Bind(bind) => format!("mount {} on /{target}", bind.source.display()),
        Action::Cgroups { .. } => format!("mount the cgroups on /{target}"),
        Action::Remount(_) => format!("remount /{target}"),
        Action::Again => format!("mount /{target} again"),
        Action::Seal | Action::ReadOnly => format!("make /{target} read-only"),
        Action::Mask => format!("mask /{target}"),
    };
    let what = match error.raw_os_error() {
        Some(_) => what,
        None => format!("{what}: {error}"),
    };
    Failure { pointer: step.pointer.clone(), what, errno: error.raw_os_error(), is_hook: false }
}

/// Mounts a detached mount.
fn attach(root: BorrowedFd<'_>, target: &str, tree: BorrowedFd<'_>) -> io::Result<()> {
    let is_directory = FileType::from_raw_mode(fstat(tree)?.st_mode) == FileType::Directory;
    let kind = if is_directory { Kind::Directory } else { Kind::File };
    let target = find_or_make(root, target, kind)?;
    move_onto(tree, target.as_fd())
}

fn move_onto(tree: BorrowedFd<'_>, target: BorrowedFd<'_>) -> io::Result<()> {
    let by_descriptors = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    Ok(move_mount(tree, "", target, "", by_descriptors)?)
}

/// Mounts a new file system by mount(2), which unlike fsconfig(2) takes options of any length.
pub(crate) fn fresh(root: BorrowedFd<'_>, path: &str, fresh: &Fresh) -> io::Result<()> {
    let covered = find_or_make(root, path, Kind::Directory)?;
    kernel::mount(&fresh.source, &path_of(&covered), &fresh.fs_type, fresh.flags, &fresh.data)?;
    if fresh.copy_up || !fresh.recursive.is_empty() {
        let mounted = find(root, path)?.ok_or(io::ErrorKind::NotFound)?;
        if fresh.copy_up {
            copy_up::copy(covered.as_fd(), mounted.as_fd())?;
        }
        if !fresh.recursive.is_empty() {
            kernel::set_attributes(mounted.as_fd(), Reach::WithSubmounts, fresh.recursive)?;
        }
    }
    Ok(())
}

fn remount(root: BorrowedFd<'_>, path: &str, fresh: &Fresh) -> io::Result<()> {
    let target = find(root, path)?.ok_or_else(|| io::Error::from_raw_os_error(libc::ENOENT))?;
    let flags = fresh.flags | flags::MS_REMOUNT;
    kernel::mount(&fresh.source, &path_of(&target), &fresh.fs_type, flags, &fresh.data)
}

/// Mounts what is at a path over itself, if anything is.
fn again(root: BorrowedFd<'_>, path: &str, reach: Reach, attributes: Attributes) -> io::Result<()> {
    let Some(target) = find(root, path)? else { return Ok(()) };
    let mut how =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    if reach == Reach::WithSubmounts {
        how |= OpenTreeFlags::AT_RECURSIVE;
    }
    let tree = open_tree(&target, "", how)?;
    if !attributes.is_empty() {
        kernel::set_attributes(tree.as_fd(), Reach::One, attributes)?;
    }
    move_onto(tree.as_fd(), target.as_fd())
}

fn seal(root: BorrowedFd<'_>, path: &str) -> io::Result<()> {
    let target = find(root, path)?.ok_or_else(|| io::Error::from_raw_os_error(libc::ENOENT))?;
    kernel::set_attributes(target.as_fd(), Reach::One, READ_ONLY)
}

fn mask(root: BorrowedFd<'_>, path: &str) -> io::Result<()> {
    let Some(target) = find(root, path)? else { return Ok(()) };
    if FileType::from_raw_mode(fstat(&target)?.st_mode) == FileType::Directory {
        return kernel::mount("tmpfs", &path_of(&target), "tmpfs", flags::MS_RDONLY, "");
    }
    let how = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let null = open_tree(rustix::fs::CWD, NULL, how)?;
    kernel::set_attributes(null.as_fd(), Reach::One, READ_ONLY)?;
    move_onto(null.as_fd(), target.as_fd())
}
