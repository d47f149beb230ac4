//! The scheduler and I/O priority of another process.
#![allow(unsafe_code)] // System calls that no library wraps.

use lxc_render_config::Scheduler;
use rustix::process::Pid;
use std::io;
use std::mem::size_of;

/// `struct sched_attr` in its first published size, 48 bytes (linux/sched/types.h).
#[repr(C)]
#[derive(Debug)]
struct Attributes {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    runtime: u64,
    deadline: u64,
    period: u64,
}

/// sched_setattr(2).
pub(crate) fn set_scheduler(pid: Pid, scheduler: &Scheduler) -> io::Result<()> {
    #[expect(clippy::cast_possible_truncation, reason = "the value is 48")]
    let attributes = Attributes {
        size: size_of::<Attributes>() as u32,
        policy: scheduler.policy,
        flags: scheduler.flags,
        nice: scheduler.nice,
        priority: scheduler.priority,
        runtime: scheduler.runtime,
        deadline: scheduler.deadline,
        period: scheduler.period,
    };
    // SAFETY: the kernel reads the attributes, whose size they say themselves.
    done(unsafe { libc::syscall(libc::SYS_sched_setattr, pid.as_raw_pid(), &raw const attributes, 0_u32) })
}

/// ioprio_set(2) for one process.
pub(crate) fn set_io_priority(pid: Pid, priority: u16) -> io::Result<()> {
    const WHO_PROCESS: libc::c_int = 1;
    let priority = libc::c_int::from(priority);
    // SAFETY: touches no memory.
    done(unsafe { libc::syscall(libc::SYS_ioprio_set, WHO_PROCESS, pid.as_raw_pid(), priority) })
}

fn done(result: libc::c_long) -> io::Result<()> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
