//! The process's terminal, and its session.

use crate::container::{Container, Layout};
use crate::process::script;
use linux_raw_sys::errno::ENOENT;
use nexcage_handover::{Failed, Kind, NO_PERSONALITY, ProcessBuf, Step, TaskBuf, flags};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;

const DEVPTS: &str = "mount -t tmpfs none root/dev; mkdir root/dev/.nexcage root/dev/pts; \
    mount -t devpts -o newinstance,gid=5,mode=620,ptmxmode=666 none root/dev/pts";

fn start() -> Container {
    Container::start(Layout { dev: DEVPTS, ..Layout::default() })
}

fn on_terminal(text: &str) -> ProcessBuf {
    let tty =
        TaskBuf::Node { path: c"/dev/tty".to_owned(), mode: 0o020_666, major: 5, minor: 0, uid: 0, gid: 0 };
    ProcessBuf { flags: flags::TERMINAL, tasks: vec![tty], ..script(text) }
}

fn only(mut rights: Vec<OwnedFd>) -> File {
    let master = rights.pop().unwrap();
    assert!(rights.is_empty());
    File::from(master)
}

/// What a process says on its terminal from *go* to its end.
fn shown(process: &ProcessBuf) -> String {
    let container = start();
    let mut call = container.offer(process);
    let mut master = only(call.hear_ready());
    let outcome = container.go(call);
    assert_eq!((outcome.status, outcome.failed, outcome.stdout), (0, None, vec![]));
    let mut text = Vec::new();
    // The end of a pty is an error.
    drop(master.read_to_end(&mut text));
    String::from_utf8(text).unwrap().replace('\r', "")
}

#[test]
fn it_is_stdio_the_controlling_terminal_and_the_console() {
    let text = shown(&on_terminal(
        "tty; readlink /proc/self/fd/1; readlink /proc/self/fd/2; cut -d' ' -f4-7 /proc/self/stat; echo x > /dev/tty; \
         echo y > /dev/console; stat -c '%n %a %u:%g' /dev/console /dev/pts/0; ls /proc/self/fd",
    ));
    assert_eq!(
        text,
        "/dev/pts/0\n/dev/pts/0\n/dev/pts/0\n1 1 1 34816\nx\ny\n\
         /dev/console 620 0:5\n/dev/pts/0 620 0:5\n0  1  2  3\n"
    );
}

#[test]
fn it_belongs_to_the_user() {
    let process =
        ProcessBuf { uid: 1000, gid: 1000, ..on_terminal("stat -c %u:%g /dev/pts/0; echo x > /dev/tty") };
    assert_eq!(shown(&process), "1000:5\nx\n");
}

#[test]
fn without_devpts_it_is_told() {
    let outcome = Container::start(Layout::default()).refuse(&on_terminal("echo ran"));
    assert_eq!((outcome.failed, outcome.status), (Some(Failed::at(Step::Terminal, ENOENT)), 125));
}

#[test]
fn a_shim_s_successor_gets_the_same_terminal() {
    let mut container = start();
    let mut call = container.offer(&on_terminal("read line; echo $line"));
    let first = only(call.hear_ready());
    container.shim.succeed();
    drop((call, first));
    let mut call = container.shim.accept();
    assert_eq!(call.hear(), Some((Kind::HelloHeld, vec![])));
    let mut master = only(call.hear_ready());
    master.write_all(b"typed\n").unwrap();
    assert_eq!(container.go(call).status, 0);
    let mut text = Vec::new();
    drop(master.read_to_end(&mut text));
    assert_eq!(String::from_utf8(text).unwrap(), "typed\r\ntyped\r\n");
}

#[test]
fn the_process_leads_a_session_without_a_terminal_too() {
    let text = start().run(&script("cut -d' ' -f4-7 /proc/self/stat")).text();
    assert_eq!(text, "0 1 1 0\n");
}

#[test]
fn the_execution_domain_is_set() {
    for (personality, expected) in [(NO_PERSONALITY, "00000000\n"), (0, "00000000\n"), (8, "00000008\n")] {
        let process = ProcessBuf { personality, ..script("cat /proc/self/personality") };
        assert_eq!(start().run(&process).text(), expected);
    }
}
