//! Terminals of containers that nobody accompanies: sent away, attached to, left, attached to again.

use super::{await_that, exit_status, refused};
use crate::text;
use nexcage_tests::{AtTerminal, Config, Container, Sandbox};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::termios::{Winsize, tcsetwinsize};
use serde_json::json;
use std::fs::File;
use std::io::{IoSliceMut, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

/// What leaves a terminal if nothing else is said.
const LEAVE: &str = "\x10\x11";

/// A process at a terminal.
pub(crate) fn at_terminal(script: &str) -> Config {
    Config::script(script).edit(|spec| {
        spec.process_mut().get_or_insert_default().set_terminal(Some(true));
    })
}

/// A socket to which a terminal's master can be sent.
pub(crate) struct ConsoleSocket {
    listener: UnixListener,
    pub(crate) path: PathBuf,
}

impl ConsoleSocket {
    pub(crate) fn new(sandbox: &Sandbox) -> Self {
        let path = sandbox.path().join("console.sock");
        drop(std::fs::remove_file(&path));
        ConsoleSocket { listener: UnixListener::bind(&path).unwrap(), path }
    }

    /// Waits for a master, and gives it with the bytes that came along.
    #[track_caller]
    pub(crate) fn receive(&self) -> (Master, Vec<u8>) {
        let (stream, _) = self.listener.accept().unwrap();
        let mut bytes = [0; 4096];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let received = recvmsg(&stream, &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC).unwrap();
        let mut descriptors: Vec<OwnedFd> = Vec::new();
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                descriptors.extend(rights);
            }
        }
        assert_eq!(descriptors.len(), 1);
        let master = Master { master: File::from(descriptors.remove(0)), shown: String::new() };
        (master, bytes[..received.bytes].to_vec())
    }
}

/// The master of a process's terminal.
pub(crate) struct Master {
    pub(crate) master: File,
    shown: String,
}

impl Master {
    /// Reads until `text` was shown.
    #[track_caller]
    pub(crate) fn until(&mut self, text: &str) {
        while !self.shown.contains(text) {
            let mut bytes = [0; 4096];
            let count = self.master.read(&mut bytes).unwrap_or(0);
            assert!(count > 0, "no {text:?} in {:?}", self.shown);
            self.shown.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
        self.shown.clear();
    }

    pub(crate) fn type_in(&mut self, text: &str) {
        self.master.write_all(text.as_bytes()).unwrap();
    }

    pub(crate) fn resize(&self, rows: u16, columns: u16) {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.master, size).unwrap();
    }
}

/// Shows the terminal's size at every change, and what is typed; a signal interrupts reading.
const SIZES: &str = "trap 'stty size' WINCH; stty size; tty; echo up; while :; do \
    if read line; then echo \"line: $line\"; [ \"$line\" = end ] && exit 5; else sleep 0.01; fi; done";

#[test]
fn its_master_is_sent_to_a_console_socket() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&at_terminal(SIZES));
    for verb in [&["create"][..], &["run", "-d"]] {
        let socket = ConsoleSocket::new(&sandbox);
        let run = sandbox.making(verb[0], &bundle).args(&verb[1..]).arg("--console-socket").arg(&socket.path);
        let container = sandbox.hold(run);
        let (mut master, name) = socket.receive();
        assert!(!name.is_empty(), "runc's receivers want a name");
        if verb[0] == "create" {
            container.start();
        }
        master.until("/dev/pts/0\r\nup\r\n");
        master.resize(33, 99);
        master.type_in("x\n");
        master.until("33 99\r\n");
        master.type_in("end\n");
        master.until("line: end\r\n");
        container.await_status("stopped");
        assert_eq!(exit_status(&sandbox, &container.id), json!(5));
        container.delete();
    }
}

#[test]
fn whoever_has_the_master_can_hang_up() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&at_terminal("trap 'exit 8' HUP; echo up; while :; do sleep 0.05; done"));
    let socket = ConsoleSocket::new(&sandbox);
    let run = sandbox.making("run", &bundle).arg("-d").arg("--console-socket").arg(&socket.path);
    let container = sandbox.hold(run);
    let (mut master, _) = socket.receive();
    master.until("up\r\n");
    drop(master);
    container.await_status("stopped");
    assert_eq!(exit_status(&sandbox, &container.id), json!(8));
    container.delete();
}

#[test]
fn a_console_socket_and_a_terminal_need_each_other_or_nobody() {
    let sandbox = Sandbox::new();
    let socket = ConsoleSocket::new(&sandbox);
    let plain = sandbox.bundle(&super::waiting());
    refused(sandbox.making("create", &plain).arg("--console-socket").arg(&socket.path), "NX-WRONG-STATE", 1);
    let bundle = sandbox.bundle(&at_terminal(SIZES));
    let nobody = sandbox.path().join("nobody.sock");
    refused(sandbox.making("create", &bundle).arg("--console-socket").arg(nobody), "NX-", 1);
    sandbox.assert_nothing_left();
}

fn attach(sandbox: &Sandbox, container: &Container<'_>, words: &[&str]) -> AtTerminal {
    sandbox.nexcage("attach").args(words).arg(&container.id).at_terminal(24, 80)
}

#[test]
fn it_is_attached_to_left_and_attached_to_again() {
    let sandbox = Sandbox::new();
    let container = sandbox.hold(sandbox.making("run", &sandbox.bundle(&at_terminal(SIZES))).arg("-d"));
    let mut at = attach(&sandbox, &container, &[]);
    // What was shown last before anybody looked is not lost.
    at.until("up\r\n");
    at.type_in("one\n");
    at.until("line: one\r\n");
    at.resize(50, 132);
    at.type_in("two\n");
    at.until("50 132\r\n");
    at.type_in(LEAVE);
    let (status, shown, modes) = at.wait();
    assert_eq!(status, Some(0), "{}", text(&shown));
    assert!(modes.local_modes.contains(rustix::termios::LocalModes::ECHO), "it is as it was");
    assert_eq!(container.status(), "running");
    let mut at = attach(&sandbox, &container, &[]);
    at.type_in("three\n");
    at.until("line: three\r\n");
    at.type_in("end\n");
    at.until("line: end\r\n");
    let (status, shown, _) = at.wait();
    assert_eq!(status, Some(5), "{}", text(&shown));
    container.await_status("stopped");
    container.delete();
}

#[test]
fn a_created_container_can_be_attached_to_before_its_process_begins() {
    let sandbox = Sandbox::new();
    let container = sandbox.hold(sandbox.making("create", &sandbox.bundle(&at_terminal(SIZES))));
    let mut at = attach(&sandbox, &container, &[]);
    std::thread::sleep(std::time::Duration::from_millis(200));
    container.start();
    // It has the size of who attached.
    at.until("24 80\r\n");
    at.until("up\r\n");
    at.type_in("end\n");
    assert_eq!(at.wait().0, Some(5));
    container.await_status("stopped");
    container.delete();
}

#[test]
fn the_keys_that_leave_can_be_chosen_and_are_the_process_s_otherwise() {
    let sandbox = Sandbox::new();
    let script = "stty -icanon -ixon -echo min 1; echo up; while :; do dd bs=1 count=1 2>/dev/null | od -An -tx1; done";
    let container = sandbox.hold(sandbox.making("run", &sandbox.bundle(&at_terminal(script))).arg("-d"));
    let mut at = attach(&sandbox, &container, &["--detach-keys", "ctrl-a,x"]);
    at.until("up\r\n");
    at.type_in("\x10");
    at.until("10\r\n");
    at.type_in("\x01y");
    at.until("01\r\n");
    at.until("79\r\n");
    at.type_in("\x01x");
    assert_eq!(at.wait().0, Some(0));
    let mut at = attach(&sandbox, &container, &["--detach-keys", ""]);
    // Once this is seen, the caller's terminal keeps no key to itself.
    at.type_in("\n");
    at.until("0a\r\n");
    at.type_in("\x10\x11");
    at.until("10\r\n");
    at.until("11\r\n");
    container.kill("KILL");
    assert_eq!(at.wait().0, Some(137));
    container.await_status("stopped");
    container.delete();
}

#[test]
fn who_attaches_later_takes_it_over() {
    let sandbox = Sandbox::new();
    let container = sandbox.hold(sandbox.making("run", &sandbox.bundle(&at_terminal(SIZES))).arg("-d"));
    let mut first = attach(&sandbox, &container, &[]);
    first.until("up\r\n");
    let mut second = attach(&sandbox, &container, &[]);
    assert_eq!(first.wait().0, Some(0));
    second.type_in("two\n");
    second.until("line: two\r\n");
    second.type_in("end\n");
    assert_eq!(second.wait().0, Some(5));
    container.await_status("stopped");
    container.delete();
}

#[test]
fn a_client_that_is_killed_leaves_the_process_alone() {
    let sandbox = Sandbox::new();
    let container = sandbox.hold(sandbox.making("run", &sandbox.bundle(&at_terminal(SIZES))).arg("-d"));
    let mut at = attach(&sandbox, &container, &[]);
    at.until("up\r\n");
    let client = format!("--namespace {} .* attach", sandbox.namespace());
    sandbox.command("pkill").args(["-KILL", "-f", "--", &client]).assert().code(0);
    drop(at.wait());
    assert_eq!(container.status(), "running");
    let mut at = attach(&sandbox, &container, &[]);
    at.type_in("end\n");
    assert_eq!(at.wait().0, Some(5));
    container.await_status("stopped");
    container.delete();
}

#[test]
fn what_has_no_terminal_cannot_be_attached_to() {
    let sandbox = Sandbox::new();
    let container = sandbox.start(&sandbox.bundle(&super::waiting()));
    let message = refused(container.verb("attach"), "NX-", 125);
    assert!(message.contains("terminal"), "{message}");
    container.remove();
}

#[test]
fn an_executed_process_has_the_caller_s_terminal() {
    let sandbox = Sandbox::new();
    let mut container = sandbox.start(&sandbox.bundle(&super::waiting()));
    assert_eq!(container.line(), "up");
    let exec = |script: &str| {
        let run = sandbox.nexcage("exec").arg("-t").args([&container.id, "/bin/sh", "-c", script]);
        run.at_terminal(31, 97)
    };
    let mut at =
        exec("tty; stty size; trap 'stty size; exit 4' WINCH; echo ready; while :; do sleep 0.05; done");
    at.until("/dev/pts/");
    at.until("31 97\r\n");
    at.until("ready\r\n");
    at.resize(50, 132);
    at.until("50 132\r\n");
    assert_eq!(at.wait().0, Some(4));
    let mut at = exec("trap 'echo INT; exit 9' INT; echo ready; while :; do sleep 0.05; done");
    at.until("ready\r\n");
    at.type_in("\x03");
    at.until("INT\r\n");
    assert_eq!(at.wait().0, Some(9));
    // The last words are not lost, where the caller's own terminal does not lose them.
    for _ in 0..3 {
        let script = "head -c 65536 /dev/zero | tr '\\0' x";
        let run = sandbox.nexcage("exec").arg("-t").args([&container.id, "/bin/sh", "-c", script]);
        let output = run.output();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 65536));
    }
    container.remove();
}

#[test]
fn an_executed_process_is_left_and_attached_to_by_its_name() {
    let sandbox = Sandbox::new();
    let mut container = sandbox.start(&sandbox.bundle(&super::waiting()));
    assert_eq!(container.line(), "up");
    let run = sandbox.nexcage("exec").arg("-t").args([&container.id, "/bin/sh", "-c", SIZES]);
    let mut at = run.at_terminal(24, 80);
    at.until("up\r\n");
    at.type_in(LEAVE);
    let (status, shown, _) = at.wait();
    let words = text(&shown);
    assert_eq!(status, Some(0), "{words}");
    let name = words.split("--exec-id ").nth(1).and_then(|rest| rest.split_whitespace().next());
    let name = name.unwrap_or_else(|| panic!("no name: {words}"));
    let mut at = attach(&sandbox, &container, &["--exec-id", name]);
    at.type_in("end\n");
    at.until("line: end\r\n");
    assert_eq!(at.wait().0, Some(5));
    assert_eq!(container.status(), "running");
    container.remove();
}

#[test]
fn an_executed_process_s_master_is_sent_away_too() {
    let sandbox = Sandbox::new();
    let mut container = sandbox.start(&sandbox.bundle(&super::waiting()));
    assert_eq!(container.line(), "up");
    let socket = ConsoleSocket::new(&sandbox);
    let exec = |words: &[&str]| sandbox.nexcage("exec").args(words);
    let run = exec(&["-d", "-t", "--console-socket"]).arg(&socket.path);
    run.args([&container.id, "/bin/sh", "-c", SIZES]).assert().code(0);
    let (mut master, _) = socket.receive();
    master.until("up\r\n");
    master.type_in("end\n");
    master.until("line: end\r\n");
    let count = || {
        let pids = container.verb("ps").args(["-eo", "pid"]).output().stdout;
        text(&pids).lines().count()
    };
    await_that("only the container's own process is left", || count() == 2);
    // A terminal needs somebody.
    refused(exec(&["-d", "-t"]).args([&container.id, "/bin/true"]), "NX-WRONG-STATE", 125);
    container.remove();
}
