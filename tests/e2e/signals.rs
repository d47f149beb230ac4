//! Signals: what the shim gets, the process gets; what the caller set, the process finds.

use crate::{EXIT_SOURCES, text};
use nexcage_tests::{Config, Run, Sandbox};
use rustix::process::Signal;

#[test]
fn sigterm_and_sigint_to_the_shim_reach_the_process_s_handlers() {
    let sandbox = Sandbox::new();
    let script = "trap 'exit 7' TERM; trap 'exit 9' INT; echo up; while :; do sleep 100 & wait; done";
    let bundle = sandbox.bundle(&Config::script(script));
    for source in EXIT_SOURCES {
        for (signal, status) in [(Signal::TERM, 7), (Signal::INT, 9)] {
            let mut running = sandbox.run(&bundle).args(["--exit-source", source]).start();
            assert_eq!(running.line(), "up");
            running.signal(signal);
            let output = running.wait();
            assert_eq!(output.status.code(), Some(status), "{source}: {}", text(&output.stderr));
        }
    }
}

#[test]
fn other_signals_are_forwarded_too() {
    let sandbox = Sandbox::new();
    let script = "trap 'echo usr1' USR1; trap 'echo hup' HUP; trap 'echo winch; exit 3' WINCH; \
                  echo up; while :; do sleep 100 & wait; done";
    let mut running = sandbox.run(&sandbox.bundle(&Config::script(script))).start();
    assert_eq!(running.line(), "up");
    running.signal(Signal::USR1);
    assert_eq!(running.line(), "usr1");
    running.signal(Signal::HUP);
    assert_eq!(running.line(), "hup");
    running.signal(Signal::WINCH);
    assert_eq!(running.line(), "winch");
    assert_eq!(running.wait().status.code(), Some(3));
}

/// The process's masks of blocked and ignored signals.
fn masks(run: Run) -> [String; 2] {
    let output = run.output();
    let status = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    ["SigBlk", "SigIgn"].map(|name| {
        let line = status.lines().find_map(|line| line.strip_prefix(&format!("{name}:\t")));
        line.unwrap().to_owned()
    })
}

#[test]
fn no_signal_is_blocked_or_ignored_but_those_of_the_caller() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::new(["/bin/cat", "/proc/self/status"]));
    let run = || sandbox.run(&bundle);
    assert_eq!(masks(run()), ["0000000000000000", "0000000000000000"]);
    // nohup: SIGHUP, bit 0.
    assert_eq!(masks(run().through(["nohup"])), ["0000000000000000", "0000000000000001"]);
    let ignoring = ["/bin/sh", "-c", "trap '' HUP QUIT PIPE; exec \"$@\"", "sh"];
    // SIGPIPE is not kept: it is ignored by accident in too many callers.
    assert_eq!(masks(run().through(ignoring)), ["0000000000000000", "0000000000000005"]);
    // SIGUSR1 and SIGUSR2, bits 9 and 11.
    let blocking = ["env", "--block-signal=USR1", "--block-signal=USR2"];
    assert_eq!(masks(run().through(blocking)), ["0000000000000a00", "0000000000000000"]);
}
