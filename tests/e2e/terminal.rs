//! A process with a terminal: at the caller's, and at none.

use crate::text;
use nexcage_tests::{AtTerminal, Bundle, Config, Sandbox, noise};
use oci_spec::runtime::BoxBuilder;
use rustix::termios::{LocalModes, OutputModes, Termios};
use std::io::Write as _;
use std::time::{Duration, Instant};

/// A process at a terminal.
fn on_terminal(config: Config) -> Config {
    config.edit(|spec| {
        spec.process_mut().get_or_insert_default().set_terminal(Some(true));
    })
}

fn script(text: &str) -> Config {
    on_terminal(Config::script(text))
}

/// The end of a run with the bytes that it showed.
#[track_caller]
fn check_shown(at: AtTerminal, expected: &str) {
    let (status, shown, _) = at.wait();
    assert_eq!((status, text(&shown).as_str()), (Some(0), expected));
}

fn run(sandbox: &Sandbox, bundle: &Bundle) -> AtTerminal {
    sandbox.run(bundle).at_terminal(24, 80)
}

#[test]
fn it_is_stdio_the_controlling_terminal_and_the_console_as_under_runc() {
    let sandbox = Sandbox::new();
    let look = "tty; readlink /proc/self/fd/0; readlink /proc/self/fd/1; readlink /proc/self/fd/2; \
        cut -d' ' -f5-7 /proc/self/stat; stat -c '%n %F %a %u:%g %t:%T' /dev/console /dev/pts/0; \
        stty -g; echo to tty > /dev/tty; echo to console > /dev/console; ls /dev/pts";
    for config in [script(look), script(look).user(1000, 1001)] {
        let bundle = sandbox.bundle(&config);
        let (status, ours, _) = run(&sandbox, &bundle).wait();
        let (_, theirs, _) = sandbox.runc(&bundle).at_terminal(24, 80).wait();
        assert_eq!((status, text(&ours)), (Some(0), text(&theirs)));
        assert!(text(&ours).contains("to tty\r\nto console\r\n"), "{}", text(&ours));
    }
}

#[test]
fn its_size_is_the_caller_s_and_follows_it() {
    let sandbox = Sandbox::new();
    let bundle =
        sandbox.bundle(&script("trap 'stty size; exit 0' WINCH; stty size; while :; do sleep 0.1; done"));
    let mut at = sandbox.run(&bundle).at_terminal(31, 97);
    at.until("31 97\r\n");
    at.resize(50, 132);
    at.until("50 132\r\n");
    check_shown(at, "");
}

#[test]
fn its_size_is_the_bundle_s_if_that_has_one() {
    let sandbox = Sandbox::new();
    let sized = |config: Config| {
        let size = BoxBuilder::default().height(11_u64).width(22_u64).build().unwrap();
        config.edit(|spec| {
            spec.process_mut().get_or_insert_default().set_console_size(Some(size));
        })
    };
    let bundle = sandbox.bundle(&sized(script("stty size; read line; stty size")));
    let mut at = run(&sandbox, &bundle);
    at.until("11 22\r\n");
    at.resize(50, 132);
    // The new size is there at the latest when the next line is.
    std::thread::sleep(Duration::from_millis(200));
    at.type_in("\n");
    check_shown(at, "\r\n50 132\r\n");
    sandbox.run(&bundle).assert().code(0).stdout("11 22\n11 22\n");
    // Without a terminal it says nothing.
    let bundle = sandbox.bundle(&sized(Config::script("echo up")));
    sandbox.run(&bundle).assert().code(0).stdout("up\n");
}

#[test]
fn keys_are_the_process_s_own() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&script(
        "trap 'echo got INT' INT; echo up; until read line; do :; done; echo \"line: $line\"; cat; echo cat $?; exit 7",
    ));
    let mut at = run(&sandbox, &bundle);
    at.until("up\r\n");
    at.type_in("\x03");
    at.until("got INT\r\n");
    at.type_in("hello\n");
    at.until("line: hello\r\n");
    at.type_in("echoed\n");
    at.until("echoed\r\nechoed\r\n");
    at.type_in("\x04");
    at.until("cat 0\r\n");
    assert_eq!(at.wait().0, Some(7));
}

#[test]
fn a_shell_has_job_control() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&on_terminal(Config::new(["/bin/sh", "-i"])));
    let mut at = run(&sandbox, &bundle);
    at.until("# ");
    at.type_in("sleep 1000\n");
    at.until("sleep 1000\r\n");
    std::thread::sleep(Duration::from_millis(300));
    at.type_in("\x1a");
    at.until("Stopped");
    at.until("# ");
    at.type_in("fg\n");
    at.until("fg\r\n");
    std::thread::sleep(Duration::from_millis(300));
    at.type_in("\x03");
    at.until("# ");
    at.type_in("echo status $?\n");
    at.until("status 130\r\n");
    at.until("# ");
    at.type_in("\x04");
    assert_eq!(at.wait().0, Some(0));
}

/// The modes that raw mode changes.
fn cooked(modes: &Termios) -> (bool, bool, bool) {
    let local = modes.local_modes;
    let newline = OutputModes::OPOST | OutputModes::ONLCR;
    (
        local.contains(LocalModes::ICANON),
        local.contains(LocalModes::ECHO),
        modes.output_modes.contains(newline),
    )
}

#[test]
fn the_caller_s_terminal_is_raw_meanwhile_and_put_back_at_every_end() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&script("echo up; read line; echo down"));
    let mut at = run(&sandbox, &bundle);
    at.until("up\r\n");
    assert_eq!(cooked(&at.modes()), (false, false, true));
    at.type_in("\n");
    let (status, _, left) = at.wait();
    assert_eq!((status, cooked(&left)), (Some(0), (true, true, true)));
    // A process that is killed.
    let mut at = run(&sandbox, &bundle);
    at.until("up\r\n");
    crate::inspect::kill(&sandbox, &at.id);
    let (status, _, left) = at.wait();
    assert_eq!((status, cooked(&left)), (Some(137), (true, true, true)));
    // A program that is not there.
    let bundle = sandbox.bundle(&on_terminal(Config::new(["/bin/nothing"])));
    let (status, shown, left) = run(&sandbox, &bundle).wait();
    assert_eq!((status, cooked(&left)), (Some(127), (true, true, true)), "{}", text(&shown));
}

#[test]
fn bytes_are_shown_as_they_are() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&script("printf '\\033[31mred\\033[0m \\000\\001\\377\\n'"));
    let (status, shown, _) = run(&sandbox, &bundle).wait();
    assert_eq!((status, shown.as_slice()), (Some(0), b"\x1b[31mred\x1b[0m \0\x01\xff\r\n".as_slice()));
}

#[test]
fn without_a_terminal_at_the_caller_it_is_relayed_all_the_same() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&script("tty; stty -echo; echo up; cat; echo end"));
    sandbox.run(&bundle).stdin("").assert().code(0).stdout("/dev/pts/0\nup\nend\n").stderr("");
    let mut running = sandbox.run(&bundle).start();
    assert_eq!((running.line().as_str(), running.line().as_str()), ("/dev/pts/0", "up"));
    // The end of the input ends the line too that has none.
    running.write(b"one\ntwo");
    assert_eq!(running.line(), "one");
    let output = running.wait();
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(0), "twoend\n"));
}

#[test]
fn ten_megabytes_go_in_and_come_out() {
    let sandbox = Sandbox::new();
    let length = noise().len();
    let bundle =
        sandbox.bundle(&script(&format!("stty raw -echo; echo up; head -c {length}; sleep 0.2; echo end")));
    let mut running = sandbox.run(&bundle).start();
    assert_eq!(running.line(), "up");
    let mut stdin = running.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(&noise()));
    let output = running.wait();
    writer.join().unwrap().unwrap();
    let expected = [noise().as_slice(), b"end\n"].concat();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), expected.len()));
    assert!(output.stdout == expected, "the bytes are not the same");
}

#[test]
fn the_last_output_is_never_lost() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&script("head -c 65536 /dev/zero | tr '\\0' x"));
    for _ in 0..5 {
        let output = sandbox.run(&bundle).output();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 65536));
    }
}

#[test]
fn a_slow_reader_loses_nothing_and_holds_up_no_signal() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&script(
        "trap 'got=1' USR1; echo up; yes | head -c 1000000; while [ -z \"$got\" ]; do sleep 0.05; done; \
         echo done > /root/signalled; exit 4",
    ));
    let mut running = sandbox.run(&bundle).start();
    assert_eq!(running.line(), "up");
    std::thread::sleep(Duration::from_millis(300));
    running.signal(rustix::process::Signal::USR1);
    assert!(running.is_running());
    let output = running.wait();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(4), 1_000_000));
}

#[test]
fn a_reader_that_leaves_hangs_up() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&script("while echo y; do :; done; exit 9"));
    let mut running = sandbox.run(&bundle).start();
    assert_eq!(running.line(), "y");
    drop(running.stdout.take());
    assert_eq!(running.wait().status.code(), Some(9));
}

#[test]
fn signals_to_the_shim_reach_the_process() {
    let sandbox = Sandbox::new();
    let bundle =
        sandbox.bundle(&script("trap 'echo got TERM; exit 3' TERM; echo up; while :; do sleep 0.05; done"));
    let mut running = sandbox.run(&bundle).start();
    assert_eq!(running.line(), "up");
    running.signal(rustix::process::Signal::TERM);
    let output = running.wait();
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(3), "got TERM\n"));
}

#[test]
fn a_process_that_closes_its_terminal_for_a_moment_keeps_it() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&script(
        "exec 3</etc/passwd 0<&3 1>/dev/null 2>/dev/null; sleep 0.3; exec >/dev/tty; echo back",
    ));
    let start = Instant::now();
    sandbox.run(&bundle).assert().code(0).stdout("back\n");
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn without_devpts_there_is_no_terminal() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&script("echo ran").without_mount("/dev/pts"));
    let output = sandbox.run(&bundle).output();
    let message = text(&output.stderr);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(125), ""));
    assert!(message.contains("cannot open a terminal") && message.contains("devpts"), "{message}");
}

#[test]
fn a_mapped_root_has_a_terminal_too() {
    let sandbox = Sandbox::new();
    let config = script("tty; echo x > /dev/tty; stat -c %u /dev/pts/0; ls -l /dev/console | cut -c1")
        .mapped_to(100_000);
    for config in [config.clone(), config.user(1000, 1000)] {
        let bundle = sandbox.bundle(&config);
        sandbox.command("chown").args(["-Rh", "100000:100000"]).arg(bundle.rootfs()).assert().code(0);
        let output = sandbox.run(&bundle).output();
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert!(text(&output.stdout).starts_with("/dev/pts/0\nx\n"), "{}", text(&output.stdout));
    }
}
