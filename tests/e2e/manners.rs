//! Manners that all tools share.

use crate::text;
use nexcage_tests::{Run, Sandbox};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

const TOOLS: [&str; 5] = ["bundle-validate", "lxc-render-config", "nexcage", "nexcage-shim", "state-inspect"];

#[test]
fn help_and_version_go_to_stdout() {
    let sandbox = Sandbox::new();
    for tool in TOOLS {
        let help = sandbox.tool(tool).arg("--help").output();
        let shown = text(&help.stdout);
        assert_eq!((help.status.code(), text(&help.stderr).as_str()), (Some(0), ""), "{tool}");
        assert!(shown.starts_with(&format!("{tool} - ")) && shown.contains("--log-format"), "{shown}");
        let shown = sandbox.tool(tool).arg("-V").assert().code(0).stderr("");
        check_version(tool, &text(&shown.get_output().stdout));
    }
}

/// Name, version, commit and specification: three lines that never change their form.
#[track_caller]
fn check_version(tool: &str, shown: &str) {
    let [version, commit, specification] = shown.lines().collect::<Vec<_>>()[..] else { panic!("{shown}") };
    assert_eq!(version, format!("{tool} version {}", env!("CARGO_PKG_VERSION")));
    assert!(commit.strip_prefix("commit: ").is_some_and(|commit| !commit.is_empty()), "{shown}");
    assert_eq!(specification, "spec: 1.3.0");
}

#[test]
fn what_is_not_called_by_people_has_its_version_too() {
    let sandbox = Sandbox::new();
    let shown = sandbox.tool("nexcage-setup").arg("--version").assert().code(0).stderr("");
    check_version("nexcage-setup", &text(&shown.get_output().stdout));
    let init = std::fs::read(sandbox.tool_path("nexcage-init")).unwrap();
    let version = format!("nexcage-init version {}\ncommit: ", env!("CARGO_PKG_VERSION"));
    assert!(init.windows(version.len()).any(|bytes| bytes == version.as_bytes()));
}

/// A usage error: status 2, nothing on stdout, one line that points to the help.
#[track_caller]
fn check_usage(run: Run) {
    let output = run.output();
    let message = text(&output.stderr);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(2), ""), "{message}");
    assert!(message.contains("NX-USAGE") && message.contains("--help"), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
}

#[test]
fn a_wrong_command_line_is_status_2() {
    let sandbox = Sandbox::new();
    let not_utf8 = OsStr::from_bytes(b"--\xff");
    for tool in TOOLS {
        check_usage(sandbox.tool(tool).arg("--no-such-option"));
        check_usage(sandbox.tool(tool).arg(not_utf8));
        check_usage(sandbox.tool(tool).args(["--log-format", "xml"]));
    }
    check_usage(sandbox.tool("bundle-validate"));
    check_usage(sandbox.tool("bundle-validate").args(["--format", "xml", "."]));
    check_usage(sandbox.tool("lxc-render-config").args(["a", "b"]));
    check_usage(sandbox.tool("lxc-render-config").args(["--cgroup", "v3", "."]));
    check_usage(sandbox.tool("nexcage-shim"));
    check_usage(sandbox.tool("nexcage-shim").arg("frobnicate"));
    check_usage(sandbox.tool("state-inspect").args(["--format", "yaml"]));
    check_usage(sandbox.tool("state-inspect").args(["--pointer", "id"]));
}

#[test]
fn a_wrong_command_line_of_run_is_no_status_of_a_container() {
    let sandbox = Sandbox::new();
    for args in [&[][..], &["--bundle", "."], &["--id", "x", "--timeout", "-1"], &["--id", "x", "extra"]] {
        check_usage(sandbox.tool("nexcage-shim").arg("run").args(args));
    }
}

#[test]
fn a_full_disk_is_an_error_and_a_closed_pipe_is_none() {
    let sandbox = Sandbox::new();
    for tool in TOOLS {
        let path = sandbox.tool(tool);
        let full = path.arg("--help").through(["/bin/sh", "-c", "exec \"$@\" >/dev/full", "sh"]);
        let output = full.output();
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(message.contains("NX-OUTPUT"), "{message}");
        let closed = ["/bin/bash", "-c", "set -o pipefail; \"$@\" | true", "bash"];
        sandbox.tool(tool).arg("--help").through(closed).assert().code(0).stderr("");
    }
}

#[test]
fn errors_are_json_lines_when_asked() {
    let sandbox = Sandbox::new();
    for args in [
        &["bundle-validate", "/no/bundle"][..],
        &["lxc-render-config", "/no/bundle"],
        &["nexcage-shim", "run", "--id", "x", "--bundle", "/no/bundle"],
        &["state-inspect", "nobody"],
    ] {
        let run = sandbox.tool(args[0]).args(["--log-format", "json"]).args(&args[1..]);
        let output = run.output();
        let message = text(&output.stderr);
        let last: serde_json::Value =
            serde_json::from_str(message.lines().last().unwrap_or_default()).unwrap();
        assert_eq!(last["level"], "error", "{message}");
        assert!(last["code"].as_str().unwrap().starts_with("NX-"), "{message}");
        assert!(last["msg"].is_string() && last["time"].is_string(), "{message}");
        assert!(output.stdout.is_empty());
    }
}
