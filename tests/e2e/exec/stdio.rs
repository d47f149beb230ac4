//! What an executed process has open: the caller's stdio, and nothing else.

use super::started;
use crate::lifecycle::{await_that, waiting};
use crate::text;
use nexcage_tests::{Sandbox, noise};

#[test]
fn ten_megabytes_go_in_and_come_out() {
    let sandbox = Sandbox::new();
    let container = started(&sandbox, &waiting());
    let output = container.exec(["/bin/cat"]).stdin(noise()).output();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), noise().len()));
    assert!(output.stdout == noise(), "the bytes are not the same");
    container.remove();
}

#[test]
fn stdout_and_stderr_are_two_and_end_of_file_is_one() {
    let sandbox = Sandbox::new();
    let container = started(&sandbox, &waiting());
    container.shell("cat; echo err >&2").stdin("in").assert().code(0).stdout("in").stderr("err\n");
    container.remove();
}

#[test]
fn nothing_of_the_host_is_open_or_around() {
    let sandbox = Sandbox::new();
    let container = started(&sandbox, &waiting());
    let leaking = ["/bin/sh", "-c", "exec 7</etc 9</etc/passwd; exec \"$@\"", "sh"];
    let script = "ls /proc/$$/fd; readlink /proc/$$/cwd; readlink /proc/$$/root; tr '\\0' ' ' < /proc/$$/cmdline; exit 0";
    let output = container.shell(script).through(leaking).output();
    let expected = format!("0\n1\n2\n/\n/\n/bin/sh -c {script} ");
    assert_eq!(text(&output.stdout), expected, "{}", text(&output.stderr));
    // Nor in the container's own process, or in anything that can be seen through /proc.
    container.shell("ls /proc/1/fd").assert().code(0).stdout("0\n1\n2\n");
    let output = container.shell("ls /proc | grep -E '^[0-9]+$' | wc -l").output();
    let count: u32 = text(&output.stdout).trim().parse().unwrap();
    assert!(count <= 5, "{count} processes");
    container.remove();
}

#[test]
fn descriptors_are_preserved_as_for_a_container() {
    let sandbox = Sandbox::new();
    let container = started(&sandbox, &waiting());
    let more = ["/bin/sh", "-c", "echo three > in3; echo four > in4; exec 3<in3 4<in4 5</etc \"$@\"", "sh"];
    let run = sandbox.nexcage("exec").args(["--preserve-fds", "2", &container.id, "/bin/sh", "-c"]);
    let run = run.arg("cat <&3; cat <&4; ls /proc/$$/fd; exit 0").through(more);
    run.assert().code(0).stdout("three\nfour\n0\n1\n2\n3\n4\n").stderr("");
    let listening =
        "echo three > in3; exec 3<in3; LISTEN_PID=$$ LISTEN_FDS=1; export LISTEN_PID LISTEN_FDS; exec \"$@\"";
    let run = container.shell("cat <&3; echo $LISTEN_FDS").through(["/bin/sh", "-c", listening, "sh"]);
    run.assert().code(0).stdout("three\n1\n");
    container.remove();
}

#[test]
fn a_client_that_leaves_does_not_end_the_process() {
    let sandbox = Sandbox::new();
    let container = started(&sandbox, &waiting());
    let mut executed = container.shell("echo $$; exec sleep 1000").start();
    let pid = executed.line();
    executed.signal(rustix::process::Signal::KILL);
    await_that("the client is gone", || !executed.is_running());
    container
        .shell(&format!("grep State /proc/{pid}/status | cut -f2 | cut -c1"))
        .assert()
        .code(0)
        .stdout("S\n");
    container.shell(&format!("kill -KILL {pid}")).assert().code(0);
    container.shell("exit 3").assert().code(3);
    container.remove();
}
