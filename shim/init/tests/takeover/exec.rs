//! What the process is: its program, arguments, environment, descriptors, signals and place.

use crate::container::{Container, Layout, Outcome};
use crate::process::{command, field, script, strings};
use linux_raw_sys::errno::{E2BIG, EACCES, ENOENT, ENOEXEC, ENOTDIR, EROFS};
use nexcage_handover::{Capabilities, Failed, ProcessBuf, Step};
use std::ffi::CString;
use std::fs::File;

fn run(process: &ProcessBuf) -> Outcome {
    Container::start(Layout::default()).run(process)
}

fn run_in(image: &'static str, process: &ProcessBuf) -> Outcome {
    Container::start(Layout { image, ..Layout::default() }).run(process)
}

#[track_caller]
fn check_failure(outcome: &Outcome, step: Step, errno: u32, status: i32) {
    let failed = Failed::at(step, errno);
    assert_eq!((outcome.failed, outcome.status), (Some(failed), status), "{outcome:?}");
    assert_eq!((outcome.stdout.as_slice(), outcome.stderr.as_str()), (&b""[..], ""), "nothing is printed");
}

#[test]
fn arguments_and_environment_arrive_byte_for_byte() {
    let odd: Vec<u8> = (1..=255).collect();
    let mut process = command(&["/bin/cat", "/proc/self/cmdline", "/proc/self/environ"]);
    process.args.extend(strings(["--"]));
    // cat takes them for files that are missing, after it has printed what counts.
    process.args.extend(strings([&b""[..], b" a\tb ", b"'\"\\\n", "\u{1f980}".as_bytes(), &odd]));
    process.args.extend((0..1000).map(|index| CString::new(format!("/missing/{index}")).unwrap()));
    process.env.extend(strings([&b"A=\n"[..], b"=", b"no equals sign", b"A=twice", &odd]));
    let expected: Vec<u8> = process
        .args
        .iter()
        .chain(&process.env)
        .flat_map(|string| string.as_bytes_with_nul().to_vec())
        .collect();
    let outcome = run(&process);
    assert_eq!(outcome.failed, None);
    assert!(outcome.stdout == expected, "{outcome:?}");
}

#[test]
fn two_megabytes_arrive() {
    let mut process = script("wc -c < /proc/1/environ; true");
    let big = |index| CString::new(format!("V{index}={}", "x".repeat(100_000))).unwrap();
    process.env.extend((0..18).map(big));
    let len: usize = process.env.iter().map(|entry| entry.as_bytes_with_nul().len()).sum();
    assert_eq!(run(&process).text(), format!("{len}\n"));
}

#[test]
fn the_exit_status_is_the_processes_own() {
    assert_eq!(run(&script("exit 42")).status, 42);
}

#[test]
fn stdio_is_what_the_shim_gave() {
    let mut container = Container::start(Layout::default());
    container.give_stdin("in\n");
    let outcome = container.run(&script("cat; echo err >&2"));
    assert_eq!(
        (outcome.status, outcome.stdout.as_slice(), outcome.stderr.as_str()),
        (0, &b"in\n"[..], "err\n")
    );
}

#[test]
fn no_other_descriptor_is_left() {
    let layout = Layout { image: "exec 3</ 9</dev/null", ..Layout::default() };
    let outcome = Container::start(layout).run(&script("ls /proc/1/fd; true"));
    assert_eq!(outcome.text(), "0\n1\n2\n");
}

#[test]
fn closed_standard_descriptors_at_the_start_do_no_harm() {
    let layout = Layout { image: "exec <&- >&- 2>&-", ..Layout::default() };
    let mut container = Container::start(layout);
    container.give_stdin("in\n");
    assert_eq!(container.run(&script("cat; ls /proc/1/fd; true")).text(), "in\n0\n1\n2\n");
}

#[test]
fn signals_are_as_the_caller_has_them() {
    let (hup, pipe, usr1, rt) = (1 << 0, 1 << 12, 1 << 9, 1 << 63);
    for (ignored, blocked) in [(0, 0), (hup | pipe | rt, usr1 | rt)] {
        let mut process = command(&["cat", "/proc/self/status"]);
        (process.ignored_signals, process.blocked_signals) = (ignored, blocked);
        let layout = Layout { image: "trap '' PIPE TERM CHLD", ..Layout::default() };
        let status = Container::start(layout).run(&process).text();
        let masks =
            ["SigIgn", "SigBlk", "SigCgt"].map(|name| u64::from_str_radix(field(&status, name), 16).unwrap());
        assert_eq!(masks, [ignored, blocked, 0]);
    }
}

#[test]
fn its_own_mounts_and_mount_point_are_gone() {
    let outcome = run(&script("cat /proc/self/mountinfo; ls -a /dev"));
    let text = outcome.text();
    assert!(text.contains(" /proc "), "{text}");
    assert!(!text.contains("nexcage"), "{text}");
}

#[test]
fn a_directory_of_the_image_survives() {
    let layout = Layout { dev: "mkdir root/dev/.nexcage", ..Layout::default() };
    let text = Container::start(layout).run(&script("cat /proc/mounts; ls -a /dev/.nexcage")).text();
    assert!(text.ends_with("\n.\n..\n"), "{text}");
    assert!(!text.contains("nexcage"), "{text}");
}

#[test]
fn the_working_directory_is_entered_and_made_if_missing() {
    let mut process = script("pwd; stat -c %a:%u /tmp/a /tmp/a/b; umask");
    process.cwd = c"/tmp/a//b/".to_owned();
    (process.uid, process.umask) = (1000, 0o077);
    assert_eq!(run(&process).text(), "/tmp/a/b\n755:0\n755:0\n0077\n");
}

#[test]
fn a_working_directory_that_only_its_user_may_enter_is_entered() {
    let layout = Layout {
        image: "mkdir -m 700 root/tmp/own; chown 1000 root/tmp/own; mkdir -m 711 root/tmp/own/sub",
        start: "/usr/bin/setpriv --bounding-set -dac_override,-dac_read_search",
        ..Layout::default()
    };
    let mut process = command(&["/bin/busybox", "pwd"]);
    process.cwd = c"/tmp/own/sub".to_owned();
    process.capabilities = Capabilities::default();
    let refused = Container::start(layout).run(&process);
    check_failure(&refused, Step::EnterCwd, EACCES, 125);
    process.uid = 1000;
    assert_eq!(Container::start(layout).run(&process).text(), "/tmp/own/sub\n");
}

#[test]
fn a_working_directory_that_cannot_be_is_told() {
    let mut process = command(&["cat"]);
    process.cwd = c"/bin/busybox".to_owned();
    check_failure(&run(&process), Step::EnterCwd, ENOTDIR, 125);
    process.cwd = c"/ro/a".to_owned();
    let image = "mkdir root/ro; mount -t tmpfs -o ro none root/ro";
    check_failure(&run_in(image, &process), Step::MakeCwd, EROFS, 125);
}

#[test]
fn a_working_directory_outside_the_root_is_refused() {
    let mut container = Container::start(Layout::default());
    container.stdio[0] = File::open("/").unwrap();
    let mut process = command(&["cat"]);
    process.cwd = c"/proc/self/fd/0".to_owned();
    check_failure(&container.run(&process), Step::EnterCwd, ENOENT, 125);
}

#[test]
fn what_cannot_be_executed_is_told_with_its_errno() {
    let image =
        "touch root/tmp/plain; mkdir root/tmp/directory; echo hello > root/tmp/text; chmod +x root/tmp/text";
    for (program, errno, status) in [
        ("/missing", ENOENT, 127),
        ("missing", ENOENT, 127),
        ("", ENOENT, 127),
        ("/tmp/plain/x", ENOTDIR, 127),
        ("/tmp/plain", EACCES, 126),
        ("plain", EACCES, 126),
        ("/tmp/directory", EACCES, 126),
        ("directory", EACCES, 126),
        ("text", ENOEXEC, 126),
    ] {
        let mut process = command(&[program]);
        process.env = strings(["PATH=/bin:/tmp"]);
        let outcome = run_in(image, &process);
        check_failure(&outcome, Step::Exec, errno, status);
    }
}

#[test]
fn an_argument_that_exec_refuses_is_told() {
    let mut process = command(&["cat"]);
    process.args.push(CString::new("x".repeat(200_000)).unwrap());
    check_failure(&run(&process), Step::Exec, E2BIG, 126);
}

#[test]
fn the_program_is_found_by_the_processes_own_path() {
    let image = "cp root/bin/busybox root/tmp/cat; mkdir root/cat root/empty";
    let mut process = command(&["cat", "/proc/self/comm"]);
    for (path, cwd, found) in
        [("PATH=/missing:/:/bin", c"/", true), ("PATH=", c"/tmp", false), ("PATH=/empty:", c"/tmp", true)]
    {
        (process.cwd, process.env) = (cwd.to_owned(), strings([path]));
        let outcome = run_in(image, &process);
        if found {
            assert_eq!(outcome.text(), "cat\n");
        } else {
            check_failure(&outcome, Step::Exec, ENOENT, 127);
        }
    }
    process.env = vec![];
    check_failure(&run(&process), Step::Exec, ENOENT, 127);
}

#[test]
fn the_death_of_the_starter_is_no_longer_its_own() {
    let mut container = Container::start(Layout::default());
    let call = container.hold(&script("sleep 0.05; echo survived"));
    assert_eq!(container.go_on(call), None);
    container.kill_starter();
    container.await_stdout("survived\n");
}
