//! Descriptors are handed over, not relayed.

use crate::text;
use nexcage_tests::{Config, Sandbox, noise};
use std::io::Write as _;
use std::thread;

#[test]
fn stdout_and_stderr_are_apart() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::script("echo out; echo err >&2; echo out2"));
    sandbox.run(&bundle).assert().code(0).stdout("out\nout2\n").stderr("err\n");
}

#[test]
fn a_process_that_never_reads_stdin_ends_all_the_same() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::script("exit 3"));
    sandbox.run(&bundle).stdin(vec![b'x'; 1_000_000]).assert().code(3).stdout("").stderr("");
}

#[test]
fn a_reader_that_leaves_ends_the_writer() {
    let sandbox = Sandbox::new();
    // Not PID 1, `yes` dies by SIGPIPE: its default action is in place.
    let bundle = sandbox.bundle(&Config::script("yes; status=$?; echo $status >&2; exit $status"));
    let mut running = sandbox.run(&bundle).start();
    assert_eq!(running.line(), "y");
    drop(running.stdout.take());
    let output = running.wait();
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(141), "141\n"));
    // PID 1 does not die by it; it gets the error.
    let mut running = sandbox.run(&sandbox.bundle(&Config::new(["/bin/yes"]))).start();
    assert_eq!(running.line(), "y");
    drop(running.stdout.take());
    assert_eq!(running.wait().status.code(), Some(1));
}

#[test]
fn ten_megabytes_go_in_and_come_out() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::new(["/bin/cat"]));
    let output = sandbox.run(&bundle).stdin(noise()).output();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(output.stdout == noise(), "{} bytes came out, not the same", output.stdout.len());
    let sum = |bundle| sandbox.run(bundle).stdin(noise()).output().stdout;
    let inside = sum(&sandbox.bundle(&Config::new(["/bin/sha256sum"])));
    let outside = sandbox.command("sha256sum").stdin(noise()).output().stdout;
    assert_eq!(text(&inside), text(&outside));
}

#[test]
fn dev_stdout_and_its_kin_can_be_opened_again() {
    let sandbox = Sandbox::new();
    let script = "read line < /dev/stdin; echo out $line > /dev/stdout; echo err > /dev/stderr";
    for config in [Config::script(script), Config::script(script).user(1000, 1000)] {
        let run = sandbox.run(&sandbox.bundle(&config)).stdin("in\n");
        run.assert().code(0).stdout("out in\n").stderr("err\n");
    }
}

#[test]
fn the_shim_holds_no_end_of_stdout() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::script("echo up; exec >&-; read line; exit 5"));
    let mut running = sandbox.run(&bundle).start();
    assert_eq!(running.line(), "up");
    assert_eq!(running.line(), "", "end of file");
    assert!(running.is_running());
    running.write(b"go\n");
    assert_eq!(running.wait().status.code(), Some(5));
}

#[test]
fn the_shim_holds_no_end_of_stdin() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::script("exec <&-; echo closed; sleep 1000"));
    let mut running = sandbox.run(&bundle).start();
    assert_eq!(running.line(), "closed");
    let error = running.stdin.as_mut().unwrap().write_all(b"x").unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
    assert!(running.is_running());
    crate::inspect::kill(&sandbox, &running.id);
    assert_eq!(running.wait().status.code(), Some(137));
}

#[test]
fn writers_at_both_ends_do_not_wait_for_each_other() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::script("echo up; cat >/dev/null; head -c 300000 /dev/zero"));
    let mut running = sandbox.run(&bundle).start();
    assert_eq!(running.line(), "up");
    let mut stdin = running.stdin.take().unwrap();
    let writer = thread::spawn(move || stdin.write_all(&vec![0; 300_000]));
    let output = running.wait();
    writer.join().unwrap().unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 300_000));
}
