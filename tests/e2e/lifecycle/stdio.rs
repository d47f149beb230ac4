//! A container's stdio is exactly the caller's, and nobody holds it but the process.

use super::{await_that, exit_status, waiting};
use nexcage_tests::{Config, Sandbox};
use serde_json::json;
use std::fs::{self, File};
use std::io::Write as _;
use std::process::Stdio;

#[test]
fn pipes_end_with_the_process_although_the_shim_lives() {
    let sandbox = Sandbox::new();
    let mut container = sandbox.start(&sandbox.bundle(&Config::script("cat; echo err >&2; exit 3")));
    container.write(b"in\n");
    drop(container.pipes.stdin.take());
    // They return only at the end of file.
    assert_eq!((container.rest().as_str(), container.complaints().as_str()), ("in\n", "err\n"));
    container.await_status("stopped");
    assert_eq!(exit_status(&sandbox, &container.id), json!(3));
    container.delete();
}

#[test]
fn a_pipe_that_the_process_closes_is_closed() {
    let sandbox = Sandbox::new();
    let script = "exec >&-; read line; echo still >&2; read line";
    let mut container = sandbox.start(&sandbox.bundle(&Config::script(script)));
    assert_eq!(container.rest(), "");
    assert_eq!(container.status(), "running");
    container.remove();
}

#[test]
fn a_writer_without_a_reader_is_told_and_the_shim_lives() {
    let sandbox = Sandbox::new();
    let script = "echo up; read line; /bin/busybox yes; echo $? > /root/status; read line; exit 4";
    let bundle = sandbox.bundle(&Config::script(script));
    let mut container = sandbox.start(&bundle);
    assert_eq!(container.line(), "up");
    drop(container.pipes.stdout.take());
    container.write(b"go\n");
    let status = bundle.rootfs().join("root/status");
    await_that("the writer ends", || fs::read_to_string(&status).is_ok_and(|text| text.ends_with('\n')));
    // By SIGPIPE, or by EPIPE where a program ignores the signal.
    let status = fs::read_to_string(&status).unwrap();
    assert!(["141\n", "1\n"].contains(&status.as_str()), "{status}");
    assert_eq!(container.status(), "running");
    container.write(b"go\n");
    container.await_status("stopped");
    assert_eq!(exit_status(&sandbox, &container.id), json!(4));
    container.delete();
}

#[test]
fn files_are_the_caller_s_with_their_offsets() {
    let sandbox = Sandbox::new();
    let path = |name: &str| sandbox.path().join(name);
    fs::write(path("in"), "one\ntwo\n").unwrap();
    let mut out = File::create(path("out")).unwrap();
    out.write_all(b"before ").unwrap();
    let err = File::options().create(true).append(true).open(path("err")).unwrap();
    let bundle = sandbox.bundle(&Config::script("cat; echo err >&2; stat -L -c %F /proc/self/fd/1"));
    let mut run = sandbox.making_as("c", "run", &bundle).arg("-d");
    let stdio = [File::open(path("in")).unwrap(), out, err].map(Stdio::from);
    assert!(run.with_stdio(stdio).success());
    await_that("it has stopped", || {
        let state = sandbox.nexcage("state").arg("c").output().stdout;
        String::from_utf8_lossy(&state).contains("\"stopped\"")
    });
    assert_eq!(fs::read_to_string(path("out")).unwrap(), "before one\ntwo\nregular file\n");
    assert_eq!(fs::read_to_string(path("err")).unwrap(), "err\n");
    sandbox.nexcage("delete").arg("c").assert().code(0);
}

#[test]
fn ten_megabytes_go_in_and_come_out() {
    let sandbox = Sandbox::new();
    let mut container = sandbox.start(&sandbox.bundle(&Config::new(["/bin/cat"])));
    let noise = nexcage_tests::noise();
    let mut stdin = container.pipes.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(&nexcage_tests::noise()));
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(container.pipes.stdout.as_mut().unwrap(), &mut bytes).unwrap();
    writer.join().unwrap().unwrap();
    assert_eq!(bytes.len(), noise.len());
    assert!(bytes == noise, "the bytes are not the same");
    container.await_status("stopped");
    container.delete();
}

/// Descriptors beyond stdio at the caller: 3 reads `three`, 4 `four`, 5 `five`.
const MORE: [&str; 4] = [
    "/bin/sh",
    "-c",
    "echo three > in3; echo four > in4; echo five > in5; exec 3<in3 4<in4 5<in5 \"$@\"",
    "sh",
];

/// What 3 and on have to say, then the shell's descriptors, of which it has none of its own.
const LOOK: &str = "for n in 3 4 5; do [ -e /proc/self/fd/$n ] && cat <&$n; done; ls /proc/$$/fd; exit 0";

#[test]
fn only_the_descriptors_that_are_to_be_preserved_reach_the_process() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::new(["/bin/sh", "-c", LOOK]));
    for (count, expected) in [
        ("0", "0\n1\n2\n"),
        ("2", "three\nfour\n0\n1\n2\n3\n4\n"),
        ("3", "three\nfour\nfive\n0\n1\n2\n3\n4\n5\n"),
    ] {
        let run = |verb: &str| sandbox.making(verb, &bundle).args(["--preserve-fds", count]);
        run("run").through(MORE).assert().code(0).stdout(expected).stderr("");
        let mut container = sandbox.hold(run("run").arg("-d").through(MORE));
        assert_eq!(container.rest(), expected, "detached");
        container.await_status("stopped");
        container.delete();
        let mut container = sandbox.hold(run("create").through(MORE));
        container.start();
        assert_eq!(container.rest(), expected, "created");
        container.await_status("stopped");
        container.delete();
    }
}

#[test]
fn descriptors_that_are_not_there_cannot_be_preserved() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&waiting());
    let output = sandbox.making("create", &bundle).args(["--preserve-fds", "3"]).output();
    assert!(!output.status.success());
    sandbox.assert_nothing_left();
}

#[test]
fn listening_sockets_are_handed_on() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::new([
        "/bin/sh",
        "-c",
        &format!("{} echo $LISTEN_FDS $LISTEN_PID", LOOK.trim_end_matches("exit 0")),
    ]));
    let script =
        "echo three > in3; exec 3<in3; LISTEN_PID=$$ LISTEN_FDS=1; export LISTEN_PID LISTEN_FDS; exec \"$@\"";
    let listening = ["/bin/sh", "-c", script, "sh"];
    let expected = "three\n0\n1\n2\n3\n1 1\n";
    sandbox.making("run", &bundle).through(listening).assert().code(0).stdout(expected).stderr("");
    let mut container = sandbox.hold(sandbox.making("create", &bundle).through(listening));
    container.start();
    assert_eq!(container.rest(), expected);
    container.await_status("stopped");
    container.delete();
    // What is meant for another process is not.
    let script = script.replace("LISTEN_PID=$$", "LISTEN_PID=1");
    let other = ["/bin/sh", "-c", &script, "sh"];
    sandbox.making("run", &bundle).through(other).assert().code(0).stdout("0\n1\n2\n\n").stderr("");
}
