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
    let text = r#"{"ociVersion": "1.3.0", "root": {"path": "rootfs"}, "hostname": "x",
 "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/", "args": ["sh"]},
 "linux": {"namespaces": [{"type": "mount"}],
  "memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0"}}}"#;
    fs::write(dir.path().join("config.json"), text).unwrap();
    let output = tool().arg(dir.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    assert!(output.stdout.is_empty());
    let message = stderr(&output);
    assert_eq!(message.lines().count(), 1, "{message}");
    for part in ["NX-REFUSED", "2 fields", "1:65: /hostname: ", "4:19: /linux/memoryPolicy: "] {
        assert!(message.contains(part), "{part} missing from {message}");
    }
}

#[test]
fn a_loss_that_is_allowed_is_warned_of() {
    let mut config = bundle::minimal();
    let dir = bundle::make(&config);
    let plain = tool().arg(dir.path()).output().unwrap();
    config["linux"]["intelRdt"] = serde_json::json!({"closID": "a"});
    bundle::write(dir.path(), &config);
    let refused = tool().arg(dir.path()).output().unwrap();
    assert_eq!((refused.status.code(), refused.stdout.len()), (Some(4), 0));
    let allowed = tool().args(["--allow-loss", "/linux/intelRdt"]).arg(dir.path()).output().unwrap();
    assert!(allowed.status.success() && allowed.stdout == plain.stdout, "{}", stderr(&allowed));
    assert!(stderr(&allowed).contains("/linux/intelRdt"), "{}", stderr(&allowed));
}

#[test]
fn what_is_more_than_the_text_is_named_in_a_comment() {
    let dir = bundle::make(&bundle::engine());
    let said = |dir: &std::path::Path| {
        let output = tool().args(["--cgroup", "v1"]).arg(dir).output().unwrap();
        // It is so of every bundle: nothing to be warned of.
        assert_eq!(stderr(&output), "");
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().take_while(|line| line.starts_with('#')).last().unwrap().to_owned()
    };
    let always = "/linux/devices, /linux/maskedPaths, /linux/readonlyPaths, /linux/rootfsPropagation, /mounts, /process";
    assert_eq!(said(dir.path()), format!("# {always}"));
    let mut config = bundle::minimal();
    config["hooks"] = serde_json::json!({"poststop": [{"path": "/bin/true"}]});
    config["linux"]["seccomp"] = serde_json::json!({"defaultAction": "SCMP_ACT_ALLOW"});
    bundle::write(dir.path(), &config);
    let fields = "/hooks, /linux/devices, /linux/rootfsPropagation, /linux/seccomp, /process";
    assert_eq!(said(dir.path()), format!("# {fields}"));
}

#[test]
fn the_report_names_every_value_and_the_status_tells_of_refusals() {
    let mut config = bundle::minimal();
    config["linux"]["intelRdt"] = serde_json::json!({"closID": "a"});
    config["linux"]["novelty"] = 1.into();
    let dir = bundle::make(&config);
    let text = tool().args(["--report", "text"]).arg(dir.path()).output().unwrap();
    assert_eq!(text.status.code(), Some(4));
    let lines = String::from_utf8(text.stdout).unwrap();
    for part in [
        ": /process/args/0: exact, by nexcage-init",
        ": /linux/intelRdt: refused (security-relevant): ",
        ": /linux/novelty: ignored",
    ] {
        assert!(lines.contains(part), "{part} missing from\n{lines}");
    }
    let json = tool().args(["--report", "json", "--allow-loss", "/linux"]).arg(dir.path()).output().unwrap();
    assert!(json.status.success(), "{}", stderr(&json));
    let objects: Vec<serde_json::Value> =
        json.stdout.split(|b| *b == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    assert_eq!(objects.len(), lines.lines().count());
    let rdt = objects.iter().find(|object| object["pointer"] == "/linux/intelRdt").unwrap();
    assert_eq!((rdt["became"].as_str(), rdt["security"].as_bool()), (Some("refused"), Some(true)));
}

#[test]
fn a_field_is_explained_from_the_table() {
    let explain = |args: &[&str]| tool().arg("--explain").args(args).output().unwrap();
    let one = String::from_utf8(explain(&["/linux/intelRdt"]).stdout).unwrap();
    assert!(one.starts_with("/linux/intelRdt\n    refused"), "{one}");
    for spelling in ["process.rlimits", "/process/rlimits", "/process/rlimits/0/type"] {
        let text = String::from_utf8(explain(&[spelling]).stdout).unwrap();
        assert!(text.contains("/process/rlimits/*/type\n    exact, by nexcage-shim"), "{text}");
    }
    let all = explain(&["--report", "json"]).stdout;
    assert_eq!(all.iter().filter(|b| **b == b'\n').count(), nexcage_mapping::TABLE.len());
    let unknown = explain(&["linux.intelRDT"]);
    assert_eq!((unknown.status.code(), unknown.stdout.len()), (Some(2), 0));
}

#[test]
fn a_ct_has_a_configuration_and_a_file_that_it_includes() {
    let dir = bundle::make(&bundle::engine());
    let include = dir.path().join("lxc.conf");
    std::os::unix::fs::symlink("victim", &include).unwrap();
    let output =
        tool().args(["--target", "pve", "--include"]).arg(&include).arg(dir.path()).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let conf = String::from_utf8(output.stdout).unwrap();
    let last = format!("lxc.include: {}", include.display());
    assert!(conf.contains("\narch: ") && conf.trim_end().ends_with(&last), "{conf}");
    assert!(conf.lines().all(|line| line.starts_with('#') || line.contains(": ")), "{conf}");
    assert!(conf.contains("\nhostname: c1\n"), "{conf}");
    let included = fs::read_to_string(&include).unwrap();
    assert!(included.contains("lxc.init.cmd") && !included.contains("lxc.rootfs.path"), "{included}");
    assert!(!dir.path().join("victim").exists());
    let full =
        tool().args(["--target", "pve", "--include", "/nonexistent/x"]).arg(dir.path()).output().unwrap();
    assert_eq!((full.status.code(), full.stdout.len()), (Some(1), 0));
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
