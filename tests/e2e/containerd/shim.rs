//! What containerd gives a shim besides calls: a log, loggers, and a place among its processes.

use super::assert_clean;
use crate::text;
use nexcage_tests::{Containerd, Sandbox, await_that};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

/// A logger that writes what it reads to files, and what it is told.
fn logger(sandbox: &Sandbox) -> PathBuf {
    let path = sandbox.path().join("logger");
    let text = "#!/bin/sh\nexec 5>&-\ncat <&3 >\"$2.out\" &\ncat <&4 >\"$2.err\"\nwait\nsleep 0.2\n\
                echo $CONTAINER_NAMESPACE $CONTAINER_ID >\"$2.end\"\n";
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn a_logger_has_the_whole_log_when_the_container_is_deleted() {
    let sandbox = Sandbox::new();
    let containerd = Containerd::start(&sandbox);
    let (program, log) = (logger(&sandbox), sandbox.path().join("log"));
    let uri = format!("binary://{}?file={}", program.display(), log.display());
    let read = |end: &str| fs::read_to_string(log.with_extension(end)).unwrap_or_default();
    let script = "echo out; echo err >&2; exit 5";
    containerd.run("c", &["--rm", "--log-uri", &uri], &["/bin/sh", "-c", script]).assert().code(5);
    assert_eq!([read("out"), read("err")], ["out\n", "err\n"]);
    assert_eq!(read("end"), format!("{} c\n", sandbox.namespace()));
    let missing = containerd.run("d", &["--log-uri", "binary:///no/logger"], &["true"]).output();
    let told = text(&missing.stderr);
    assert!(!missing.status.success() && told.contains("start the logger /no/logger"), "{told}");
    containerd.ctr(["containers", "rm", "d"]).assert().code(0);
    assert_clean(&sandbox);
}

#[test]
fn a_logger_reads_what_an_exec_and_a_terminal_show() {
    let sandbox = Sandbox::new();
    let containerd = Containerd::start(&sandbox);
    let (program, log) = (logger(&sandbox), sandbox.path().join("log"));
    let uri = format!("binary://{}?file={}", program.display(), log.display());
    containerd.detach("c", "sleep 1000");
    let exec = ["tasks", "exec", "--exec-id", "e", "--log-uri", &uri, "c", "/bin/sh", "-c", "echo inside"];
    containerd.ctr(exec).assert().code(0);
    await_that("the logger is done", || log.with_extension("end").exists());
    assert_eq!(fs::read_to_string(log.with_extension("out")).unwrap(), "inside\n");
    containerd.task(["kill", "--signal", "KILL", "c"]);
    containerd.await_status("c", "STOPPED");
    containerd.task(["rm", "c"]);
    containerd.ctr(["containers", "rm", "c"]).assert().code(0);
    assert_clean(&sandbox);
}

#[test]
fn what_a_shim_has_to_say_is_in_containerds_log_and_it_is_killed_before_containerd() {
    let sandbox = Sandbox::new();
    let containerd = Containerd::start(&sandbox);
    containerd.detach("c", "sleep 1000");
    let score = |pid: i32| {
        let text = fs::read_to_string(format!("/proc/{pid}/oom_score_adj")).unwrap();
        text.trim().parse::<i32>().unwrap()
    };
    assert_eq!(score(containerd.shim("c")), (score(containerd.pid()) + 1).min(1000));
    let exec = ["tasks", "exec", "--exec-id", "e", "--cwd", "relative", "c", "true"];
    assert!(!containerd.ctr(exec).output().status.success());
    await_that("the finding is told", || {
        containerd.log().contains(r#"expected an absolute path, found "relative""#)
    });
    containerd.task(["kill", "--signal", "KILL", "c"]);
    containerd.await_status("c", "STOPPED");
    containerd.task(["rm", "c"]);
    containerd.ctr(["containers", "rm", "c"]).assert().code(0);
    assert_clean(&sandbox);
}
