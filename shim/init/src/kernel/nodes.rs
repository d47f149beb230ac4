//! Files that are made one name at a time, below a directory that was opened: no symbolic link is
//! ever followed on the way.

use super::{Errno, Fd, Result, call, path, signed};
use core::ffi::CStr;
use core::mem::size_of;
use linux_raw_sys::errno::EEXIST;
use linux_raw_sys::general::{
    __NR_fchownat, __NR_mkdirat, __NR_mknodat, __NR_mount_setattr, __NR_openat, __NR_symlinkat,
    AT_EMPTY_PATH, AT_FDCWD, AT_RECURSIVE, AT_SYMLINK_NOFOLLOW, MS_REC, O_CLOEXEC, O_NOFOLLOW, O_PATH,
    S_IFBLK, S_IFCHR, S_IFMT, mount_attr,
};

/// What mknod(2) makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Node {
    /// Type and permission bits.
    pub(crate) mode: u32,
    /// Major number.
    pub(crate) major: u32,
    /// Minor number.
    pub(crate) minor: u32,
}

/// Opens the root directory as a place.
pub(crate) fn open_root() -> Result<Fd> {
    open_place(signed(AT_FDCWD), c"/")
}

/// Opens `name` in a directory as a place, a symbolic link as itself.
pub(crate) fn open_in(directory: &Fd, name: &CStr) -> Result<Fd> {
    open_place(directory.argument(), name)
}

fn open_place(directory: usize, name: &CStr) -> Result<Fd> {
    let flags = (O_PATH | O_NOFOLLOW | O_CLOEXEC) as usize;
    // SAFETY: the kernel reads the name.
    unsafe { call(__NR_openat, [directory, path(name), flags, 0]) }.map(Fd::from_result)
}

/// Makes a directory; the mask applies to `mode`. One that is there already is fine.
pub(crate) fn make_directory_in(directory: &Fd, name: &CStr, mode: u32) -> Result {
    // SAFETY: the kernel reads the name.
    match unsafe { call(__NR_mkdirat, [directory.argument(), path(name), mode as usize]) } {
        Err(Errno(EEXIST)) => Ok(()),
        result => result.map(drop),
    }
}

/// Makes a node; the mask applies to its mode.
pub(crate) fn make_node_in(directory: &Fd, name: &CStr, node: Node) -> Result {
    let arguments = [directory.argument(), path(name), node.mode as usize, device(node)];
    // SAFETY: the kernel reads the name.
    unsafe { call(__NR_mknodat, arguments) }.map(drop)
}

/// A device number as mknod(2) takes it (`new_encode_dev`).
fn device(Node { major, minor, .. }: Node) -> usize {
    ((minor & 0xff) | (major & 0xfff) << 8 | (minor & !0xff) << 12) as usize
}

/// Whether `name` is a node of the same kind and, if that is a device, the same numbers.
pub(crate) fn is_node_in(directory: &Fd, name: &CStr, node: Node) -> Result<bool> {
    let file = open_in(directory, name)?;
    let found = super::files::status(file.argument(), c"")?;
    let kind = node.mode & S_IFMT;
    let same_numbers = (found.stx_rdev_major, found.stx_rdev_minor) == (node.major, node.minor);
    let is_device = kind == S_IFCHR || kind == S_IFBLK;
    Ok(u32::from(found.stx_mode) & S_IFMT == kind && (same_numbers || !is_device))
}

/// Gives `name`, which is no symbolic link that would be followed, to a user and a group.
pub(crate) fn own_in(directory: &Fd, name: &CStr, uid: u32, gid: u32) -> Result {
    let flags = AT_SYMLINK_NOFOLLOW as usize;
    let arguments = [directory.argument(), path(name), uid as usize, gid as usize, flags];
    // SAFETY: the kernel reads the name.
    unsafe { call(__NR_fchownat, arguments) }.map(drop)
}

/// Makes a symbolic link. Whatever is there already is left alone.
pub(crate) fn make_link_in(directory: &Fd, name: &CStr, target: &CStr) -> Result {
    // SAFETY: the kernel reads the name and the target.
    match unsafe { call(__NR_symlinkat, [path(target), directory.argument(), path(name)]) } {
        Err(Errno(EEXIST)) => Ok(()),
        result => result.map(drop),
    }
}

/// Sets the propagation of the mount whose root `place` is, and with `MS_REC` of all below it.
pub(crate) fn set_propagation(place: &Fd, flags: u32) -> Result {
    let recursive = if flags & MS_REC == 0 { 0 } else { AT_RECURSIVE };
    let attributes =
        mount_attr { attr_set: 0, attr_clr: 0, propagation: u64::from(flags & !MS_REC), userns_fd: 0 };
    let arguments = [
        place.argument(),
        path(c""),
        (AT_EMPTY_PATH | recursive) as usize,
        super::address(&raw const attributes),
        size_of::<mount_attr>(),
    ];
    // SAFETY: the kernel reads the attributes, whose size is said.
    unsafe { call(__NR_mount_setattr, arguments) }.map(drop)
}
