//! The seccomp filter and the labels.

use crate::container::{Container, Layout, Outcome};
use crate::process::{command, field, script};
use linux_raw_sys::errno::{EINVAL, ENOENT, EPERM};
use linux_raw_sys::general::{__NR_capset, __NR_getppid, __NR_munmap, __NR_sendto};
use nexcage_handover::{Failed, ProcessBuf, SeccompBuf, Step, flags};

const LOAD: u16 = 0x20;
const JUMP_IF_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;
const ALLOW: u32 = 0x7fff_0000;
const ERRNO: u32 = 0x0005_0000;
const KILL_PROCESS: u32 = 0x8000_0000;

/// A filter that allows everything but some system calls.
fn all_but(numbers: &[u32], action: u32) -> SeccompBuf {
    let mut program = Vec::new();
    let mut put = |code: u16, if_true: u8, if_false: u8, constant: u32| {
        program.extend(code.to_ne_bytes());
        program.extend([if_true, if_false]);
        program.extend(constant.to_ne_bytes());
    };
    put(LOAD, 0, 0, 0);
    for number in numbers {
        put(JUMP_IF_EQUAL, 0, 1, *number);
        put(RETURN, 0, 0, action);
    }
    put(RETURN, 0, 0, ALLOW);
    SeccompBuf { flags: 0, program }
}

fn run(process: &ProcessBuf) -> Outcome {
    Container::start(Layout::default()).run(process)
}

#[test]
fn a_filter_is_loaded_with_and_without_no_new_privileges() {
    for flags in [0, flags::NO_NEW_PRIVILEGES] {
        for uid in [0, 1000] {
            let mut process = command(&["cat", "/proc/self/status"]);
            (process.flags, process.uid) = (flags, uid);
            process.seccomp = all_but(&[__NR_getppid], ERRNO | 1);
            let status = run(&process).text();
            assert_eq!((field(&status, "Seccomp"), field(&status, "Seccomp_filters")), ("2", "1"));
        }
    }
}

#[test]
fn no_filter_is_loaded_unless_there_is_one() {
    let status = run(&command(&["cat", "/proc/self/status"])).text();
    assert_eq!(field(&status, "Seccomp"), "0");
}

#[test]
fn a_filter_comes_before_the_capabilities_without_no_new_privileges() {
    let mut process = script("echo ran");
    process.seccomp = all_but(&[__NR_capset], ERRNO | 5);
    assert_eq!(run(&process).failed, Some(Failed::at(Step::CapabilitySets, 5)));
    process.flags = flags::NO_NEW_PRIVILEGES;
    assert_eq!(run(&process).text(), "ran\n");
}

#[test]
fn after_the_filter_there_is_nothing_but_exec_and_the_failure_s_report() {
    let mut process = command(&["/missing"]);
    process.flags = flags::NO_NEW_PRIVILEGES;
    process.seccomp = all_but(&[__NR_munmap, __NR_sendto], KILL_PROCESS);
    let outcome = run(&process);
    assert_eq!((outcome.failed, outcome.status), (Some(Failed::at(Step::Exec, ENOENT)), 127));
}

#[test]
fn a_filter_that_cannot_be_loaded_is_told() {
    let mut process = command(&["cat"]);
    process.seccomp = SeccompBuf { flags: 0, program: vec![0xff; 8] };
    assert_eq!(run(&process).failed, Some(Failed::at(Step::Seccomp, EINVAL)));
    process.seccomp = all_but(&[], ALLOW);
    let layout = Layout { start: "/usr/bin/setpriv --bounding-set -sys_admin", ..Layout::default() };
    let outcome = Container::start(layout).run(&process);
    // The mount cannot be left without the capability either.
    assert!(outcome.failed.is_some_and(|failed| failed.errno == EPERM), "{outcome:?}");
}

#[test]
fn labels_need_what_enforces_them_and_the_proc_of_the_kernel() {
    let check = |image, errno| {
        for (apparmor, selinux) in [(c"a", c""), (c"", c"b")] {
            let mut process = command(&["cat"]);
            (process.apparmor, process.selinux) = (apparmor.to_owned(), selinux.to_owned());
            let outcome = Container::start(Layout { image, ..Layout::default() }).run(&process);
            assert_eq!((outcome.failed, outcome.status), (Some(Failed::at(Step::Label, errno)), 125));
        }
    };
    check("", EINVAL);
    check("umount root/proc", ENOENT);
    check("umount root/proc; mkdir -p root/proc/self/attr; touch root/proc/self/attr/exec", ENOENT);
}
