//! A further process in a container that runs.

use crate::container::Outcome;
use crate::process::{command, field, script, strings};
use crate::running::{Root, Running, await_some, pidfd, send_join, spawn_joiner, wait};
use linux_raw_sys::errno::{ENOENT, ESRCH};
use linux_raw_sys::general::CLONE_NEWPID;
use nexcage_handover::{Capabilities, Failed, Kind, ProcessBuf, Step, flags};
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;

const ROOTS: [Root; 2] = [Root::Host, Root::Mapped];

#[track_caller]
fn check_failure(outcome: &Outcome, failed: Failed, status: i32) {
    assert_eq!((outcome.failed, outcome.status), (Some(failed), status), "{outcome:?}");
    assert_eq!((outcome.stdout.as_slice(), outcome.stderr.as_str()), (&b""[..], ""), "nothing is printed");
}

#[test]
fn it_is_what_was_asked_for() {
    for root in ROOTS {
        let mut process = script("cat /proc/self/status /proc/$$/environ; pwd; echo $0 $1; cat /proc/1/comm");
        process.args.extend(strings(["zero", "one"]));
        process.env = strings(["PATH=/bin", "A=b c"]);
        process.cwd = c"/tmp".to_owned();
        (process.uid, process.gid, process.umask, process.groups) = (1000, 1001, 0o027, vec![5, 7]);
        (process.ignored_signals, process.blocked_signals) = (1 << 12, 1 << 9);
        process.flags = flags::NO_NEW_PRIVILEGES;
        process.capabilities =
            Capabilities { bounding: 3, effective: 1, permitted: 1, inheritable: 1, ambient: 1 };
        let text =
            Running::start(root, "echo me:x:1000:1000::/home/me: > root/etc/passwd").run(&process).text();
        for (name, expected) in [
            ("Uid", "1000\t1000\t1000\t1000"),
            ("Gid", "1001\t1001\t1001\t1001"),
            ("Groups", "5 7"),
            ("Umask", "0027"),
            ("CapBnd", "0000000000000003"),
            ("CapEff", "0000000000000001"),
            ("CapAmb", "0000000000000001"),
            ("SigIgn", "0000000000001000"),
            ("SigBlk", "0000000000000200"),
            ("NoNewPrivs", "1"),
        ] {
            assert_eq!(field(&text, name), expected, "{name}");
        }
        assert!(text.ends_with("PATH=/bin\0A=b c\0HOME=/home/me\0/tmp\nzero one\nsleep\n"), "{text}");
    }
}

#[test]
fn it_is_in_every_namespace_of_the_container() {
    for root in ROOTS {
        let text = Running::start(root, "").run(&script(
            "for name in ipc mnt net pid user uts; do
                [ $(readlink /proc/self/ns/$name) = $(readlink /proc/1/ns/$name) ] || echo another $name
            done; cat /proc/self/uid_map",
        ));
        let mapped = if root == Root::Mapped { "0 100000 65536" } else { "0 0 4294967295" };
        assert_eq!(text.text().split_whitespace().collect::<Vec<_>>().join(" "), mapped);
    }
}

#[test]
fn its_end_is_its_parents_to_see() {
    let running = Running::start(Root::Host, "");
    assert_eq!(running.run(&script("exit 42")).status, 42);
    assert_eq!(running.run(&script("kill -9 $$")).status, 128 + 9);
}

#[test]
fn its_stdio_is_what_the_shim_gave_and_nothing_else_is_open() {
    for root in ROOTS {
        let outcome = Running::start(root, "").run(&script("ls /proc/$$/fd; echo err >&2"));
        assert_eq!(
            (outcome.status, outcome.stdout, outcome.stderr),
            (0, b"0\n1\n2\n".to_vec(), "err\n".into())
        );
    }
}

#[test]
fn orphans_go_to_the_containers_init() {
    let running = Running::start(Root::Host, "mknod root/dev/null c 1 3");
    let orphan =
        "sh -c 'while [ -e /proc/'$$' ]; do sleep 0.01; done; exec cut -d\" \" -f4 /proc/self/stat' &";
    assert_eq!(running.run(&script(orphan)).status, 0);
    await_some("the orphan's parent", || (fs_len(&running.stdio[1]) != 0).then_some(()));
    assert_eq!(crate::container::content(&running.stdio[1]), b"1\n");
}

fn fs_len(file: &File) -> u64 {
    file.metadata().unwrap().len()
}

#[test]
fn a_missing_program_is_told() {
    let outcome = Running::start(Root::Host, "").run(&command(&["missing"]));
    check_failure(&outcome, Failed::at(Step::Exec, ENOENT), 127);
}

#[test]
fn a_missing_working_directory_is_told_and_not_made() {
    let running = Running::start(Root::Host, "");
    let process = ProcessBuf { cwd: c"/tmp/missing".to_owned(), ..script("echo ran") };
    check_failure(&running.run(&process), Failed::at(Step::EnterCwd, ENOENT), 125);
    assert_eq!(running.run(&script("ls /tmp; true")).text(), "");
}

#[test]
fn a_terminal_is_the_containers_but_not_its_console() {
    let image =
        "mkdir root/dev/pts; mount -t devpts -o newinstance,gid=5,mode=620,ptmxmode=666 none root/dev/pts;
        mknod root/dev/tty c 5 0";
    let running = Running::start(Root::Host, image);
    let text = "tty; [ $(cut -d' ' -f6 /proc/$$/stat) = $$ ] && echo leads; echo x > /dev/tty; ls /dev";
    let process = ProcessBuf { flags: flags::TERMINAL, ..script(text) };
    let mut inside = running.join();
    inside.call.send_process(&process, &running.stdio());
    let mut master = File::from(inside.call.hear_ready().pop().unwrap());
    let outcome = running.go(inside);
    assert_eq!((outcome.status, outcome.failed, outcome.stdout), (0, None, vec![]));
    let mut shown = Vec::new();
    // The end of a pty is an error.
    drop(master.read_to_end(&mut shown));
    assert_eq!(String::from_utf8(shown).unwrap().replace('\r', ""), "/dev/pts/0\nleads\nx\npts  tty\n");
}

#[test]
fn while_it_is_held_the_container_finds_nothing_in_it() {
    for root in ROOTS {
        let running = Running::start(root, "");
        let inside = running.enter();
        let proc = format!("/proc/{}", inside.pid);
        let exe = fs::read_link(format!("{proc}/exe")).unwrap();
        assert_eq!(exe.to_str(), Some("/memfd:nexcage-init (deleted)"));
        let descriptors: Vec<_> = fs::read_dir(format!("{proc}/fd")).unwrap().collect();
        assert_eq!(descriptors.len(), 1, "{descriptors:?}");
        // Even its own user is no owner of what cannot be dumped.
        assert_eq!(fs::metadata(format!("{proc}/environ")).unwrap().uid(), 0);
        let place = |name: &str| {
            let place = fs::metadata(format!("{proc}/{name}/.")).unwrap();
            (place.dev(), place.ino())
        };
        let root = fs::metadata(format!("/proc/{}/root/.", running.init)).unwrap();
        assert_eq!([place("root"), place("cwd")], [(root.dev(), root.ino()); 2]);
        drop(inside.call);
        assert_eq!(wait(inside.pid), 125);
    }
}

#[test]
fn a_lost_connection_is_the_end() {
    let running = Running::start(Root::Host, "");
    let (mut joiner, call) = spawn_joiner();
    drop(call);
    assert_eq!(joiner.wait().unwrap().code(), Some(125));
    for last in [Kind::Hello, Kind::Process] {
        let mut inside = running.join();
        if last == Kind::Process {
            inside.call.send_process(&script("echo ran"), &running.stdio());
            assert_eq!(inside.call.hear(), Some((Kind::Ready, vec![])));
        }
        drop(inside.call);
        assert_eq!(wait(inside.pid), 125);
    }
    assert_eq!(fs_len(&running.stdio[1]), 0);
}

#[test]
fn what_is_not_join_is_refused() {
    let (mut joiner, mut call) = spawn_joiner();
    call.send(Kind::Go, &[]);
    assert_eq!(call.hear_failure(), Some(Failed::at(Step::Receive, 0)));
    assert_eq!(joiner.wait().unwrap().code(), Some(125));
    let running = Running::start(Root::Host, "");
    let mut inside = running.enter();
    inside.call.send(Kind::Ready, &[]);
    assert_eq!(inside.call.hear_failure(), Some(Failed::at(Step::Receive, 0)));
    assert_eq!(wait(inside.pid), 125);
}

#[test]
fn a_container_that_has_ended_cannot_be_joined() {
    let mut running = Running::start(Root::Host, "");
    let init = pidfd(running.init);
    running.kill();
    let (mut joiner, mut call) = spawn_joiner();
    send_join(&mut call, CLONE_NEWPID, &init);
    assert_eq!(call.hear_failure(), Some(Failed::at(Step::Join, ESRCH)));
    assert_eq!(joiner.wait().unwrap().code(), Some(125));
}

#[test]
fn a_process_that_cannot_be_set_up_is_refused() {
    let process = ProcessBuf { flags: flags::TERMINAL, ..script("echo ran") };
    let outcome = Running::start(Root::Host, "").refuse(&process);
    check_failure(&outcome, Failed::at(Step::Terminal, ENOENT), 125);
}
