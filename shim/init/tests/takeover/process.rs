//! The processes that the tests hand over.

use nexcage_handover::{Capabilities, NO_PERSONALITY, ProcessBuf, SeccompBuf};
use std::ffi::CString;
use std::fs;

pub(crate) fn strings<S: Into<Vec<u8>>>(list: impl IntoIterator<Item = S>) -> Vec<CString> {
    list.into_iter().map(|string| CString::new(string).unwrap()).collect()
}

/// A process of root with every capability, and with a PATH and a HOME.
pub(crate) fn command(args: &[&str]) -> ProcessBuf {
    let all = every_capability();
    ProcessBuf {
        flags: 0,
        uid: 0,
        gid: 0,
        umask: 0o022,
        personality: NO_PERSONALITY,
        ignored_signals: 0,
        blocked_signals: 0,
        capabilities: Capabilities {
            bounding: all,
            effective: all,
            permitted: all,
            inheritable: 0,
            ambient: 0,
        },
        groups: vec![],
        cwd: c"/".to_owned(),
        args: strings(args.iter().copied()),
        env: strings(["PATH=/bin", "HOME=/root"]),
        apparmor: CString::default(),
        selinux: CString::default(),
        seccomp: SeccompBuf::default(),
        tasks: vec![],
    }
}

/// The same with a shell script.
pub(crate) fn script(text: &str) -> ProcessBuf {
    command(&["sh", "-c", text])
}

/// The capabilities that these tests have themselves.
pub(crate) fn every_capability() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    u64::from_str_radix(field(&status, "CapBnd"), 16).unwrap()
}

/// A field of /proc/PID/status.
pub(crate) fn field<'a>(status: &'a str, name: &str) -> &'a str {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {name} in {status}")).trim()
}
