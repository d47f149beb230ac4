//! What only system calls tell of the process.

use crate::facts::Facts;
use crate::files::text;
use crate::kernel::{address, call};
use std::ffi::CStr;
use std::fs;

/// `PR_GET_SPECULATION_CTRL` of linux/prctl.h, which the libc crate has for x86-64 alone.
const GET_SPECULATION_CTRL: i64 = 52;

pub(crate) fn look(facts: &mut Facts) {
    place(facts);
    names(facts);
    namespaces(facts);
    schedule(facts);
    controls(facts);
    keyring(facts);
    clocks(facts);
}

/// Of a pid that another call gave: what it is to this process.
fn relation(other: Result<i64, i32>, own: i64) -> String {
    match other {
        Ok(0) => "outside".to_owned(),
        Ok(other) if other == own => "itself".to_owned(),
        Ok(_) => "another".to_owned(),
        Err(errno) => crate::kernel::error_name(errno),
    }
}

fn place(facts: &mut Facts) {
    let own = call(libc::SYS_getpid, [0; 6]).unwrap_or(0);
    facts.say("process.is_init", own == 1);
    facts.say("process.parent", relation(call(libc::SYS_getppid, [0; 6]), own));
    facts.say("process.session", relation(call(libc::SYS_getsid, [0; 6]), own));
    facts.say("process.group", relation(call(libc::SYS_getpgid, [0; 6]), own));
    let cwd = std::env::current_dir().map_err(|error| error.raw_os_error().unwrap_or(0));
    facts.outcome("process.cwd", cwd.map(|path| path.display().to_string()));
    let exe = fs::read_link("/proc/self/exe").map_err(|error| error.raw_os_error().unwrap_or(0));
    facts.outcome("process.exe", exe.map(|path| path.display().to_string()));
    let seen = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = seen.filter(|entry| entry.file_name().to_string_lossy().parse::<u32>().is_ok()).count();
    // In the host's pid namespace the number means nothing.
    facts.say("process.sees", if own == 1 { pids.to_string() } else { "many".to_owned() });
}

/// The names of uname(2), and the loopback interface.
fn names(facts: &mut Facts) {
    let mut buffer = [0_u8; 6 * 65];
    let _ = call(libc::SYS_uname, [address(&mut buffer), 0, 0, 0, 0, 0]);
    for (name, field) in [("hostname", 1), ("machine", 4), ("domainname", 5)] {
        let value = CStr::from_bytes_until_nul(&buffer[field * 65..]).unwrap_or_default();
        facts.bytes(&format!("name.{name}"), value.to_bytes());
    }
    let route = text("/proc/self/net/if_inet6");
    facts.say("net.lo", if route.contains(" lo") { "up" } else { "down" });
}

fn namespaces(facts: &mut Facts) {
    let kinds = [
        "cgroup",
        "ipc",
        "mnt",
        "net",
        "pid",
        "pid_for_children",
        "time",
        "time_for_children",
        "user",
        "uts",
    ];
    for kind in kinds {
        let link = fs::read_link(format!("/proc/self/ns/{kind}"));
        let link = link.map_err(|error| error.raw_os_error().unwrap_or(0));
        facts.outcome(&format!("ns.{kind}"), link.map(|path| path.display().to_string()));
    }
}

fn schedule(facts: &mut Facts) {
    // struct sched_attr, its first version: u32 size, policy; u64 flags; i32 nice; u32 priority;
    // u64 runtime, deadline, period.
    let mut attributes = [0_u32; 12];
    attributes[0] = 48;
    let outcome = call(libc::SYS_sched_getattr, [0, address(&mut attributes), 48, 0, 0, 0]);
    facts.outcome("sched.read", outcome);
    let long = |at: usize| u64::from(attributes[at]) | u64::from(attributes[at + 1]) << 32;
    facts.say("sched.policy", attributes[1]);
    facts.say("sched.flags", long(2));
    facts.say("sched.nice", attributes[4] as i32);
    facts.say("sched.priority", attributes[5]);
    // Of the fair policies the first is the length of a slice, which kernels since 6.12 report.
    for (name, at) in [("runtime", 6), ("deadline", 8), ("period", 10)] {
        facts.say(&format!("sched.{name}"), long(at));
    }
    facts.outcome(
        "ioprio",
        call(libc::SYS_ioprio_get, [1, 0, 0, 0, 0, 0])
            .map(|value| format!("class {} level {}", value >> 13, value & 0x1fff)),
    );
    facts.outcome("personality", call(libc::SYS_personality, [0xffff_ffff, 0, 0, 0, 0, 0]));
}

/// prctl(2).
fn controls(facts: &mut Facts) {
    for (name, option) in [
        ("securebits", libc::PR_GET_SECUREBITS),
        ("keep_capabilities", libc::PR_GET_KEEPCAPS),
        ("dumpable", libc::PR_GET_DUMPABLE),
        ("no_new_privileges", libc::PR_GET_NO_NEW_PRIVS),
        ("huge_pages_disabled", libc::PR_GET_THP_DISABLE),
        ("memory_merge", 68),
        ("machine_check", libc::PR_MCE_KILL_GET),
    ] {
        facts.outcome(&format!("prctl.{name}"), call(libc::SYS_prctl, [option.into(), 0, 0, 0, 0, 0]));
    }
    for (name, option) in [
        ("parent_death_signal", libc::PR_GET_PDEATHSIG),
        ("child_subreaper", libc::PR_GET_CHILD_SUBREAPER),
        ("time_stamp_counter", libc::PR_GET_TSC),
    ] {
        let mut value = 0_i32;
        let outcome = call(libc::SYS_prctl, [option.into(), address(&mut value), 0, 0, 0, 0]);
        facts.outcome(&format!("prctl.{name}"), outcome.map(|_| value));
    }
    for (name, which) in [("store_bypass", 0), ("indirect_branch", 1), ("l1d_flush", 2)] {
        facts.outcome(
            &format!("speculation.{name}"),
            call(libc::SYS_prctl, [GET_SPECULATION_CTRL, which, 0, 0, 0, 0]),
        );
    }
}

/// The session keyring: whether there is one, and how it is called.
fn keyring(facts: &mut Facts) {
    let (get_id, describe, session) = (0, 6, -3);
    let id = call(libc::SYS_keyctl, [get_id, session, 0, 0, 0, 0]);
    let described = id.and_then(|id| {
        let mut buffer = [0_u8; 256];
        call(libc::SYS_keyctl, [describe, id, address(&mut buffer), 256, 0, 0])?;
        Ok(CStr::from_bytes_until_nul(&buffer).unwrap_or_default().to_string_lossy().into_owned())
    });
    facts.outcome("keyring.session", described);
}

/// Seconds; the host subtracts its own.
fn clocks(facts: &mut Facts) {
    for (name, clock) in [("monotonic", libc::CLOCK_MONOTONIC), ("boottime", libc::CLOCK_BOOTTIME)] {
        let mut time = [0_i64; 2];
        let outcome = call(libc::SYS_clock_gettime, [clock.into(), address(&mut time), 0, 0, 0, 0]);
        facts.outcome(&format!("clock.{name}"), outcome.map(|_| time[0]));
    }
}
