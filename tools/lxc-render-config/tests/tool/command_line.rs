//! The manners of the command line.

use crate::bundle;
use assert_cmd::Command;
use std::fs::{self, File};
use std::process::{Output, Stdio};

fn tool() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lxc-render-config"));
    command.env_remove("NEXCAGE_LOG");
    command
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn help_lists_every_option_and_status() {
    let output = tool().arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && output.stderr.is_empty());
    for option in lxc_render_config::command::TOOL.all_options() {
        assert!(help.contains(&format!("--{}", option.long)), "{help}");
    }
    for (status, meaning) in lxc_render_config::command::TOOL.statuses {
        assert!(help.contains(status) && help.contains(meaning.split(' ').next().unwrap()), "{help}");
    }
}

#[test]
fn a_usage_error_is_status_2_with_an_empty_stdout() {
    for args in [&["--nonsense"][..], &["--cgroup", "v3"], &["a", "b"]] {
        let output = tool().args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty() && stderr(&output).contains("NX-USAGE"));
    }
}

#[test]
fn a_bundle_is_rendered_from_a_directory_a_file_and_the_working_directory() {
    let dir = bundle::make(&bundle::engine());
    let by_directory = tool().arg(dir.path()).output().unwrap();
    let by_file = tool().arg(dir.path().join("config.json")).output().unwrap();
    let by_default = tool().current_dir(dir.path()).output().unwrap();
    assert!(by_directory.status.success(), "{}", stderr(&by_directory));
    assert!(by_directory.stdout.starts_with(b"# "));
    assert_eq!(by_directory.stdout, by_file.stdout);
    assert_eq!(by_directory.stdout, by_default.stdout);
}

#[test]
fn standard_input_needs_absolute_paths() {
    let dir = bundle::make(&bundle::minimal());
    let mut config = bundle::minimal();
    let output = tool().arg("-").write_stdin(config.to_string()).output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    assert!(stderr(&output).contains("/root/path") && output.stdout.is_empty(), "{}", stderr(&output));
    config["root"]["path"] = dir.path().join("rootfs").to_str().unwrap().into();
    let output = tool().arg("-").write_stdin(config.to_string()).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(output.stdout, tool().arg(dir.path()).output().unwrap().stdout);
}

#[test]
fn refusals_come_all_at_once_with_pointer_and_place() {
    let dir = bundle::make(&bundle::minimal());
    let text = r#"{"ociVersion": "1.3.0", "root": {"path": "rootfs"},
 "process": {"terminal": true, "user": {"uid": 0, "gid": 0}, "cwd": "/", "args": ["sh"]},
 "linux": {"namespaces": [{"type": "mount"}],
  "seccomp": {"defaultAction": "SCMP_ACT_ALLOW"}}}"#;
    fs::write(dir.path().join("config.json"), text).unwrap();
    let output = tool().arg(dir.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    assert!(output.stdout.is_empty());
    let message = stderr(&output);
    assert_eq!(message.lines().count(), 1, "{message}");
    for part in ["NX-REFUSED", "2 fields", "2:26: /process/terminal: ", "4:14: /linux/seccomp: "] {
        assert!(message.contains(part), "{part} missing from {message}");
    }
}

#[test]
fn an_invalid_or_unreadable_bundle_is_not_rendered() {
    let dir = bundle::make(&bundle::minimal());
    fs::write(dir.path().join("config.json"), r#"{"ociVersion": 1}"#).unwrap();
    let output = tool().arg(dir.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty() && stderr(&output).contains("/ociVersion"), "{}", stderr(&output));
    fs::write(dir.path().join("config.json"), "{").unwrap();
    assert_eq!(tool().arg(dir.path()).output().unwrap().status.code(), Some(3));
    assert_eq!(tool().arg("/nonexistent").output().unwrap().status.code(), Some(3));
}

#[test]
fn unknown_properties_are_warned_of_and_ignored() {
    let mut config = bundle::minimal();
    let dir = bundle::make(&config);
    let plain = tool().arg(dir.path()).output().unwrap();
    config["linux"]["novelty"] = true.into();
    bundle::write(dir.path(), &config);
    let output = tool().arg(dir.path()).output().unwrap();
    assert!(output.status.success() && output.stdout == plain.stdout);
    assert!(stderr(&output).contains("/linux/novelty"), "{}", stderr(&output));
}

#[test]
fn stdout_that_fails_is_an_error_and_stdout_that_is_closed_is_none() {
    let dir = bundle::make(&bundle::minimal());
    let program = env!("CARGO_BIN_EXE_lxc-render-config");
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = std::process::Command::new(program).arg(dir.path()).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("NX-OUTPUT"));
    let mut child =
        std::process::Command::new(program).arg(dir.path()).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
