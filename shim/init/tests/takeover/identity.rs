//! Who the process is: user, groups, umask, capabilities, HOME.

use crate::container::{Container, Layout, Outcome};
use crate::process::{command, every_capability, field, script, strings};
use linux_raw_sys::errno::{EINVAL, EPERM};
use nexcage_handover::{Capabilities, Failed, ProcessBuf, Step, flags};

const CAP_CHOWN: u64 = 1;
const CAP_NET_BIND_SERVICE: u64 = 1 << 10;
const CAP_BPF: u64 = 1 << 39;

fn run(process: &ProcessBuf) -> Outcome {
    Container::start(Layout::default()).run(process)
}

fn status_of(process: &mut ProcessBuf) -> String {
    process.args = strings(["cat", "/proc/self/status"]);
    run(process).text()
}

/// The sets of a process in the kernel's order.
fn sets(status: &str) -> [u64; 5] {
    ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]
        .map(|name| u64::from_str_radix(field(status, name), 16).unwrap())
}

#[test]
fn user_groups_and_umask_are_set() {
    let mut process = script("cat /proc/self/status; touch /tmp/file; stat -c 'mode: %a' /tmp/file");
    (process.uid, process.gid, process.umask) = (1000, 1001, 0o027);
    process.groups = vec![7, 4_294_967_294, 5];
    let layout = Layout { image: "chmod 777 root/tmp", ..Layout::default() };
    let text = Container::start(layout).run(&process).text();
    assert_eq!(field(&text, "Uid"), "1000\t1000\t1000\t1000");
    assert_eq!(field(&text, "Gid"), "1001\t1001\t1001\t1001");
    assert_eq!(field(&text, "Groups"), "5 7 4294967294");
    assert_eq!((field(&text, "Umask"), field(&text, "mode")), ("0027", "640"));
}

#[test]
fn the_groups_of_the_starter_are_dropped() {
    let layout = Layout { start: "/usr/bin/setpriv --groups 4,24", ..Layout::default() };
    let text = Container::start(layout).run(&command(&["cat", "/proc/self/status"])).text();
    assert_eq!(field(&text, "Groups"), "");
}

#[test]
fn an_id_that_means_no_change_is_refused() {
    let mut process = command(&["cat"]);
    process.uid = u32::MAX;
    let outcome = run(&process);
    assert_eq!((outcome.failed, outcome.status), (Some(Failed::at(Step::User, EINVAL)), 125));
    (process.uid, process.gid) = (0, u32::MAX);
    assert_eq!(run(&process).failed, Some(Failed::at(Step::Groups, EINVAL)));
}

#[test]
fn root_gets_its_bounding_set() {
    let kept = CAP_CHOWN | CAP_NET_BIND_SERVICE | CAP_BPF;
    let mut process = command(&[]);
    process.capabilities =
        Capabilities { bounding: kept, effective: kept, permitted: kept, ..Capabilities::default() };
    assert_eq!(sets(&status_of(&mut process)), [0, kept, kept, kept, 0]);
}

#[test]
fn a_user_keeps_what_is_ambient() {
    let (ambient, bounding) = (CAP_NET_BIND_SERVICE | CAP_BPF, CAP_CHOWN | CAP_NET_BIND_SERVICE | CAP_BPF);
    let mut process = command(&[]);
    process.uid = 1000;
    process.capabilities =
        Capabilities { bounding, effective: bounding, permitted: bounding, inheritable: ambient, ambient };
    assert_eq!(sets(&status_of(&mut process)), [ambient, ambient, ambient, bounding, ambient]);
    process.flags = flags::NO_NEW_PRIVILEGES;
    assert_eq!(sets(&status_of(&mut process)), [ambient, ambient, ambient, bounding, ambient]);
}

#[test]
fn a_user_without_ambient_capabilities_has_none_and_inherits_what_is_said() {
    let all = every_capability();
    let mut process = command(&[]);
    process.uid = 1000;
    process.capabilities =
        Capabilities { bounding: all, effective: all, permitted: all, inheritable: CAP_CHOWN, ambient: 0 };
    assert_eq!(sets(&status_of(&mut process)), [CAP_CHOWN, 0, 0, all, 0]);
}

#[test]
fn a_process_without_capabilities_has_none() {
    let mut process = command(&[]);
    process.capabilities = Capabilities::default();
    assert_eq!(sets(&status_of(&mut process)), [0; 5]);
}

#[test]
fn capabilities_that_cannot_be_are_told() {
    let mut process = command(&["cat"]);
    process.capabilities.ambient = CAP_CHOWN;
    assert_eq!(run(&process).failed, Some(Failed::at(Step::Ambient, EPERM)));
    let layout = Layout { start: "/usr/bin/setpriv --bounding-set -chown", ..Layout::default() };
    let outcome = Container::start(layout).run(&command(&["cat"]));
    assert_eq!(outcome.failed, Some(Failed::at(Step::CapabilitySets, EPERM)));
}

#[test]
fn no_new_privileges_is_set_if_asked_for() {
    let mut process = command(&[]);
    assert_eq!(field(&status_of(&mut process), "NoNewPrivs"), "0");
    process.flags = flags::NO_NEW_PRIVILEGES;
    assert_eq!(field(&status_of(&mut process), "NoNewPrivs"), "1");
}

#[test]
fn home_comes_from_the_containers_passwd() {
    let image = "printf 'root:x:0:0::/root:\nme:x:1000:1000::/home/me:/bin/sh' > root/etc/passwd";
    let check = |image, uid, env: &[&str], expected: &[&str]| {
        let mut process = command(&["/bin/cat", "/proc/self/environ"]);
        (process.uid, process.env) = (uid, strings(env.iter().copied()));
        let text = Container::start(Layout { image, ..Layout::default() }).run(&process).text();
        assert_eq!(text.split_terminator('\0').collect::<Vec<_>>(), expected);
    };
    check(image, 1000, &[], &["HOME=/home/me"]);
    check(image, 0, &["A=1", "HOME=", "B=2"], &["A=1", "HOME=/root", "B=2"]);
    check(image, 1000, &["HOME=/x", "A=1"], &["HOME=/x", "A=1"]);
    check(image, 5, &["A=1"], &["A=1", "HOME=/"]);
    check("", 0, &["A=1"], &["A=1", "HOME=/"]);
    check("mkfifo root/etc/passwd", 0, &["A=1"], &["A=1", "HOME=/"]);
}

#[test]
fn home_is_read_before_the_user_changes() {
    let image = "echo me:x:1000:1000::/home/me: > root/etc/passwd; chmod 600 root/etc/passwd";
    let mut process = script("echo $HOME");
    (process.uid, process.env) = (1000, strings(["PATH=/bin"]));
    assert_eq!(Container::start(Layout { image, ..Layout::default() }).run(&process).text(), "/home/me\n");
}
