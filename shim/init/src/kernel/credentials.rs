//! Users, groups and capabilities.

use super::{Errno, Result, address, call};
use linux_raw_sys::errno::{EINVAL, EPERM};
use linux_raw_sys::general::{
    __NR_capset, __NR_prctl, __NR_setgroups, __NR_setresgid, __NR_setresuid, __user_cap_data_struct,
    __user_cap_header_struct, _LINUX_CAPABILITY_VERSION_3,
};
use linux_raw_sys::prctl::{
    PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, PR_CAP_AMBIENT_RAISE, PR_CAPBSET_DROP, PR_CAPBSET_READ,
    PR_SET_DUMPABLE, PR_SET_KEEPCAPS, PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG,
};
use nexcage_handover::Capabilities;

/// Sets the supplementary groups. Having none where the user namespace denies setgroups(2) is fine.
pub(crate) fn set_groups(groups: &[u32]) -> Result {
    // SAFETY: the kernel reads as many numbers as there are.
    match unsafe { call(__NR_setgroups, [groups.len(), address(groups.as_ptr())]) } {
        Err(Errno(EPERM)) if groups.is_empty() => Ok(()),
        result => result.map(drop),
    }
}

/// Sets the real, effective and saved group id.
pub(crate) fn set_group(gid: u32) -> Result {
    let gid = valid_id(gid)?;
    // SAFETY: touches no memory.
    unsafe { call(__NR_setresgid, [gid; 3]) }.map(drop)
}

/// Sets the real, effective and saved user id and keeps the permitted capabilities.
pub(crate) fn set_user(uid: u32) -> Result {
    let uid = valid_id(uid)?;
    prctl(PR_SET_KEEPCAPS, 1, 0)?;
    // SAFETY: touches no memory.
    unsafe { call(__NR_setresuid, [uid; 3]) }?;
    prctl(PR_SET_KEEPCAPS, 0, 0).map(drop)
}

/// To the kernel, -1 means "leave as it is": root would stay root.
fn valid_id(id: u32) -> Result<usize> {
    if id == u32::MAX { Err(Errno(EINVAL)) } else { Ok(id as usize) }
}

/// Drops every capability from the bounding set that is not in `kept`.
pub(crate) fn limit_bounding_set(kept: u64) -> Result {
    for number in 0..u64::BITS {
        match prctl(PR_CAPBSET_READ, number, 0) {
            // The kernel knows no more.
            Err(Errno(EINVAL)) => break,
            Ok(0) => {}
            Ok(_) if kept & 1 << number != 0 => {}
            Ok(_) => prctl(PR_CAPBSET_DROP, number, 0).map(drop)?,
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Sets the effective, permitted and inheritable set.
pub(crate) fn set_capabilities(sets: &Capabilities) -> Result {
    let header = __user_cap_header_struct { version: _LINUX_CAPABILITY_VERSION_3, pid: 0 };
    let data = [0, 32].map(|first| __user_cap_data_struct {
        effective: word(sets.effective, first),
        permitted: word(sets.permitted, first),
        inheritable: word(sets.inheritable, first),
    });
    // SAFETY: version 3 of the call reads a header and two parts of data.
    unsafe { call(__NR_capset, [address(&raw const header), address(data.as_ptr())]) }.map(drop)
}

/// The 32 bits of a set that begin with number `first`.
#[expect(clippy::cast_possible_truncation, reason = "the other half has its own word")]
fn word(set: u64, first: u32) -> u32 {
    (set >> first) as u32
}

/// Sets the ambient set.
pub(crate) fn set_ambient(set: u64) -> Result {
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0)?;
    for number in (0..u64::BITS).filter(|number| set & 1 << number != 0) {
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number)?;
    }
    Ok(())
}

/// Gives up gaining privileges by exec, for good.
pub(crate) fn set_no_new_privileges() -> Result {
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0).map(drop)
}

/// Keeps everybody but the host's root out of this process's memory and files (ptrace(2)), until exec
/// or the next change of user.
pub(crate) fn hide() -> Result {
    prctl(PR_SET_DUMPABLE, 0, 0).map(drop)
}

/// Gives up the signal that the parent's death would send.
pub(crate) fn clear_parent_death_signal() -> Result {
    prctl(PR_SET_PDEATHSIG, 0, 0).map(drop)
}

/// A prctl(2) operation that takes two numbers at most.
fn prctl(operation: u32, argument: u32, second: u32) -> Result<usize> {
    // The unused arguments must be 0 for some operations.
    let arguments = [operation as usize, argument as usize, second as usize, 0, 0];
    // SAFETY: none of the operations used above touches memory.
    unsafe { call(__NR_prctl, arguments) }
}
