//! What goes in and out: logs, execs, attaching.

use super::plain;
use nexcage_tests::{Cri, Failed, Sandbox, await_that};
use serde_json::json;
use std::time::{Duration, Instant};

#[test]
fn logs_execs_and_attached_streams_carry_what_they_ought_to() {
    let sandbox = Sandbox::new();
    let cri = Cri::start(&sandbox);
    let pod = cri.pod("streams", &plain());
    let said = pod.run("log", "echo out; echo err >&2; printf end; exit 3", &plain()).to_the_end();
    assert_eq!((said.stdout.as_str(), said.stderr.as_str(), said.status), ("out\nend", "err\n", 3));

    let shell = json!({ "stdin": true });
    let container = pod.run("shell", "while read line; do echo \"got $line\"; done", &shell);
    let said = container.exec("echo out; echo err >&2; exit 5");
    assert_eq!((said.stdout.as_str(), said.stderr.as_str(), said.status), ("out\n", "err\n", 5));
    let began = Instant::now();
    let slow = json!({ "container_id": container.id, "cmd": ["/bin/sleep", "77.7"], "timeout": 1 });
    let failed = cri.ask("RuntimeService/ExecSync", &slow).unwrap_err();
    assert_eq!(failed.code, "DEADLINE_EXCEEDED", "{failed:?}");
    assert!(began.elapsed() < Duration::from_secs(10));
    assert!(!container.exec("ps").stdout.contains("77.7"), "it still runs");
    let nothing = json!({ "container_id": container.id, "cmd": ["/bin/nothing"], "timeout": 5 });
    let Failed { error, .. } = cri.ask("RuntimeService/ExecSync", &nothing).unwrap_err();
    assert!(error.contains("NX-NO-PROGRAM"), "{error}");

    let exec = json!({ "cmd": ["/bin/head", "-n", "1"], "stdin": true, "stdout": true, "stderr": true });
    let url = container.call("Exec", &exec)["url"].take();
    let channels = cri.stream(&url, &[(0, "through\n")], None);
    assert_eq!(channels["1"], "through\n", "{channels}");
    assert!(channels["3"].as_str().unwrap().contains("Success"), "{channels}");
    let exec = json!({ "cmd": ["/bin/sh", "-c", "echo wrong >&2; exit 9"], "stdout": true, "stderr": true });
    let url = container.call("Exec", &exec)["url"].take();
    let channels = cri.stream(&url, &[], None);
    assert_eq!(channels["2"], "wrong\n", "{channels}");
    assert!(channels["3"].as_str().unwrap().contains("\"9\""), "{channels}");
    let exec = json!({ "cmd": ["/bin/sh"], "stdin": true, "stdout": true, "tty": true });
    let url = container.call("Exec", &exec)["url"].take();
    let size = "{\"Width\":97,\"Height\":31}";
    let typed = "until [ \"$(stty size)\" = '31 97' ]; do sleep 0.1; done; tty; exit\n";
    let channels = cri.stream(&url, &[(4, size), (0, typed)], None);
    assert!(channels["1"].as_str().unwrap().contains("/dev/pts/"), "{channels}");

    let attach = json!({ "stdin": true, "stdout": true, "stderr": true });
    let url = container.call("Attach", &attach)["url"].take();
    let channels = cri.stream(&url, &[(0, "this\n")], Some("got this\n"));
    assert_eq!(channels["1"], "got this\n", "{channels}");
    await_that("it is logged as well", || container.log("stdout") == "got this\n");
    container.call("ReopenContainerLog", &plain());
    let once = pod.run("once", "cat; exit 2", &json!({ "stdin": true, "stdin_once": true }));
    let url = once.call("Attach", &attach)["url"].take();
    assert_eq!(cri.stream(&url, &[(0, "said\n")], Some("said\n"))["1"], "said\n");
    // Nobody is there to type any more, and never will be.
    assert_eq!(once.to_the_end().status, 2);
    let terminal = pod.run("terminal", "tty; sleep 1000", &json!({ "stdin": true, "tty": true }));
    await_that("it has a terminal", || terminal.log("stdout").contains("/dev/pts/"));
    pod.remove();
    cri.assert_clean();
}
