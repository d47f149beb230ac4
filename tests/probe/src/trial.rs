//! System calls tried in a process of their own, which a filter may kill.

use crate::facts::Facts;
use crate::kernel::{self, error_name};
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;
use std::time::Duration;

/// Of the thread that tries: what the call gave.
static RESULT: AtomicI64 = AtomicI64::new(PENDING);
const PENDING: i64 = i64::MIN;

const CALLS: &[(&str, i64)] = &[
    ("acct", libc::SYS_acct),
    ("add_key", libc::SYS_add_key),
    ("bpf", libc::SYS_bpf),
    ("chroot", libc::SYS_chroot),
    ("clock_settime", libc::SYS_clock_settime),
    ("close", libc::SYS_close),
    ("getcpu", libc::SYS_getcpu),
    ("getpgid", libc::SYS_getpgid),
    ("getpid", libc::SYS_getpid),
    ("getppid", libc::SYS_getppid),
    ("getpriority", libc::SYS_getpriority),
    ("getsid", libc::SYS_getsid),
    ("getuid", libc::SYS_getuid),
    ("io_uring_setup", libc::SYS_io_uring_setup),
    ("ioctl", libc::SYS_ioctl),
    ("kexec_load", libc::SYS_kexec_load),
    ("keyctl", libc::SYS_keyctl),
    ("lseek", libc::SYS_lseek),
    ("mount", libc::SYS_mount),
    ("open_by_handle_at", libc::SYS_open_by_handle_at),
    ("perf_event_open", libc::SYS_perf_event_open),
    ("personality", libc::SYS_personality),
    ("pivot_root", libc::SYS_pivot_root),
    ("prctl", libc::SYS_prctl),
    ("ptrace", libc::SYS_ptrace),
    ("sched_yield", libc::SYS_sched_yield),
    ("sethostname", libc::SYS_sethostname),
    ("setpriority", libc::SYS_setpriority),
    ("socket", libc::SYS_socket),
    ("swapoff", libc::SYS_swapoff),
    ("sync", libc::SYS_sync),
    ("syslog", libc::SYS_syslog),
    ("umount2", libc::SYS_umount2),
    ("uname", libc::SYS_uname),
    ("unshare", libc::SYS_unshare),
    ("userfaultfd", libc::SYS_userfaultfd),
    ("vhangup", libc::SYS_vhangup),
];

/// `NAME` or `NAME:ARG,ARG`: the call is made in a second thread of a child, so that it shows whether
/// a filter ends the call, the thread or the process. A word of a bundle: `number` tells equal ones apart.
pub(crate) fn call(facts: &mut Facts, number: usize, what: &str) {
    let (name, arguments) = what.split_once(':').unwrap_or((what, ""));
    let fact = format!("try.{number}.{what}");
    let Some((_, call)) = CALLS.iter().find(|(known, _)| *known == name) else {
        return facts.say(&fact, "the probe does not know this call");
    };
    let mut values = [0; 6];
    for (value, text) in values.iter_mut().zip(arguments.split(',')) {
        *value = integer(text);
    }
    facts.flush(1);
    match kernel::fork() {
        Err(errno) => facts.say(&fact, format!("fork: {}", error_name(errno))),
        Ok(None) => {
            facts.say(&fact, attempt(*call, values));
            facts.flush(1);
            kernel::leave(0);
        }
        Ok(Some(pid)) => match kernel::wait(pid) & 0x7f {
            0 => {}
            signal => facts.say(&fact, format!("process killed by {signal}")),
        },
    }
}

/// Hexadecimal or decimal.
fn integer(text: &str) -> i64 {
    let value = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok().map(|value| value as i64),
        None => text.parse::<i64>().ok().or_else(|| text.parse::<u64>().ok().map(|value| value as i64)),
    };
    value.unwrap_or(0)
}

fn attempt(call: i64, arguments: [i64; 6]) -> String {
    kernel::catch_bad_calls();
    let tried = thread::Builder::new().spawn(move || {
        let result = kernel::call(call, arguments).unwrap_or_else(|errno| -i64::from(errno) - 1_000_000);
        RESULT.store(result, Ordering::Release);
    });
    if let Err(error) = tried {
        return format!("no thread: {error}");
    }
    for _ in 0..1000 {
        let result = RESULT.load(Ordering::Acquire);
        if let Some(data) = kernel::trapped() {
            return format!("trapped with {data}");
        }
        if result != PENDING {
            return shown(call, result);
        }
        thread::sleep(Duration::from_millis(1));
    }
    "thread killed".to_owned()
}

fn shown(call: i64, result: i64) -> String {
    match result {
        // Pids and descriptors are not facts.
        0.. if call == libc::SYS_personality => result.to_string(),
        0.. => "done".to_owned(),
        _ => error_name(i32::try_from(-(result + 1_000_000)).unwrap_or(0)),
    }
}
