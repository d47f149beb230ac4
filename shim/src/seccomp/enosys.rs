//! ENOSYS for system calls that are newer than a policy.
//!
//! A C library tries a new system call and falls back if it does not exist; a policy of its time
//! would have it fail with EPERM instead. So, as under runc, a system call with a number above all
//! that the policy names fails with ENOSYS where the default action denies.

use libseccomp::{ScmpArch, ScmpSyscall};
use lxc_render_config::{Action, Seccomp};

const ENOSYS: u16 = 38;

// Instructions of linux/bpf_common.h, and what they load: offsets in struct seccomp_data.
const LOAD: u16 = 0x20;
const JUMP: u16 = 0x05;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_GREATER: u16 = 0x25;
const JUMP_IF_SET: u16 = 0x45;
const RETURN: u16 = 0x06;
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
/// `SECCOMP_RET_ERRNO`.
const RETURN_ERRNO: u32 = 0x0005_0000;

/// The bit of a system call's number that tells x32 from x86-64.
const X32: u32 = 1 << 30;

/// The instructions before the filter itself, into which they fall through.
pub(super) fn stub(policy: &Seccomp) -> Vec<u8> {
    if matches!(policy.default, Action::Allow | Action::Log | Action::Trace(_)) {
        return Vec::new();
    }
    let mut program = Vec::new();
    for architecture in policy.architectures.iter().filter_map(|name| name.parse().ok()) {
        let names = policy.rules.iter().flat_map(|rule| &rule.names);
        let numbers = names.filter_map(|name| ScmpSyscall::from_name_by_arch(name, architecture).ok());
        // What the architecture does not have libseccomp gives a number below zero.
        let last = numbers.filter_map(|call| u32::try_from(call.as_raw_syscall()).ok()).max();
        if let (Some(last), Some(audit)) = (last.filter(|last| *last > 0), audit(architecture)) {
            section(&mut program, architecture, audit, last);
        }
    }
    program
}

/// Falls through unless the number is above `last`.
fn section(program: &mut Vec<u8>, architecture: ScmpArch, audit: u32, last: u32) {
    let mode = match architecture {
        ScmpArch::X8664 => Some((2, 0)),
        ScmpArch::X32 => Some((0, 2)),
        _ => None,
    };
    put(program, LOAD, 0, 0, ARCHITECTURE);
    put(program, JUMP_IF_EQUAL, 0, if mode.is_some() { 4 } else { 3 }, audit);
    put(program, LOAD, 0, 0, NUMBER);
    if let Some((if_x32, otherwise)) = mode {
        put(program, JUMP_IF_SET, if_x32, otherwise, X32);
    }
    put(program, JUMP_IF_GREATER, 0, 1, last);
    put(program, RETURN, 0, 0, RETURN_ERRNO | u32::from(ENOSYS));
}

/// A filter of another architecture, which decides about its system calls alone.
pub(super) fn only_for(program: &mut Vec<u8>, audit: u32, filter: &[u8]) {
    put(program, LOAD, 0, 0, ARCHITECTURE);
    put(program, JUMP_IF_EQUAL, 1, 0, audit);
    put(program, JUMP, 0, 0, u32::try_from(filter.len() / super::INSTRUCTION_LEN).unwrap_or(u32::MAX));
    program.extend(filter);
}

/// A `struct sock_filter`.
fn put(program: &mut Vec<u8>, code: u16, if_true: u8, if_false: u8, constant: u32) {
    program.extend(code.to_ne_bytes());
    program.extend([if_true, if_false]);
    program.extend(constant.to_ne_bytes());
}

/// `AUDIT_ARCH_*` of the architectures that a machine of ours can execute.
pub(super) fn audit(architecture: ScmpArch) -> Option<u32> {
    match architecture {
        ScmpArch::X86 => Some(0x4000_0003),
        ScmpArch::X8664 | ScmpArch::X32 => Some(0xc000_003e),
        ScmpArch::Arm => Some(0x4000_0028),
        ScmpArch::Aarch64 => Some(0xc000_00b7),
        _ => None,
    }
}
