//! What `nexcage` says of itself and of the machine: configuration, features, health, a bundle to begin
//! with.

use crate::lifecycle::{refused, waiting};
use crate::text;
use nexcage_tests::{Run, Sandbox};
use serde_json::{Value, json};
use std::fs;

fn json_of(run: Run) -> Value {
    let output = run.output();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_configuration_that_holds_is_shown_with_its_origins() {
    let sandbox = Sandbox::new();
    let list = json_of(sandbox.nexcage("config").args(["--format", "json"]));
    let entry = |key: &str| {
        let entry = list.as_array().unwrap().iter().find(|entry| entry["key"] == key);
        entry.unwrap_or_else(|| panic!("no {key}: {list}")).clone()
    };
    let file = sandbox.configuration().display().to_string();
    assert!(entry("/backend")["origin"].as_str().unwrap().starts_with(&file), "{list}");
    assert_eq!(
        (&entry("/root")["value"], &entry("/root")["origin"]),
        (&json!(sandbox.root()), &json!("--root"))
    );
    assert_eq!(entry("/timeoutSeconds")["origin"], "default");
    let table = text(&sandbox.nexcage("config").assert().code(0).get_output().stdout);
    assert!(table.starts_with("KEY") && table.contains("/timeoutSeconds"), "{table}");
    // By the environment, as for the shim.
    let run = sandbox.tool("nexcage").args(["config", "-f", "json"]);
    let list = json_of(run.env("NEXCAGE_CONFIG", sandbox.configuration()));
    assert!(list.to_string().contains(&file), "{list}");
}

#[test]
fn with_a_wrong_configuration_nothing_runs() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&waiting());
    let file = sandbox.path().join("wrong.json");
    let with = |words: &[&str]| {
        let run = sandbox.tool("nexcage").arg("--root").arg(sandbox.root()).arg("--config").arg(&file);
        run.args(words)
    };
    for (content, part) in [
        ("{\n  \"frobnicate\": 1\n}", "frobnicate"),
        ("{\n  \"backend\": \"docker\"\n}", "backend"),
        ("{\n  \"timeoutSeconds\": \"x\"\n}", "timeoutSeconds"),
        ("{\n  \"backend\": \"lxc\", \"backend\": \"lxc\"\n}", "backend"),
        ("{\n  7\n}", "wrong.json:2"),
    ] {
        fs::write(&file, content).unwrap();
        for verb in ["list", "config", "health"] {
            let message = refused(with(&[verb]), "NX-", 3);
            assert!(message.contains("wrong.json:2:") && message.contains(part), "{content}: {message}");
        }
        refused(with(&["state", "c"]), "NX-", 3);
        let run = with(&["run", "c", "--bundle"]).arg(bundle.path()).output();
        assert!(!run.status.success());
    }
    fs::remove_file(&file).unwrap();
    refused(with(&["list"]), "NX-", 3);
    sandbox.assert_nothing_left();
}

#[test]
fn the_working_directory_configures_nothing() {
    let sandbox = Sandbox::new();
    // Tools are started in the sandbox's directory, where its config.json is.
    let list = json_of(sandbox.tool("nexcage").args(["config", "-f", "json"]));
    assert!(!list.to_string().contains(&sandbox.path().display().to_string()), "{list}");
}

#[test]
fn features_are_the_specification_s_document() {
    let sandbox = Sandbox::new();
    let features = json_of(sandbox.nexcage("features"));
    for (pointer, expected) in [
        ("/ociVersionMin", json!("1.0.0")),
        ("/linux/seccomp/enabled", json!(true)),
        ("/linux/cgroup/v1", json!(true)),
        ("/linux/cgroup/v2", json!(true)),
    ] {
        assert_eq!(features.pointer(pointer), Some(&expected), "{pointer}: {features}");
    }
    assert!(features["ociVersionMax"].as_str().unwrap() >= "1.2.0");
    let has = |pointer: &str, names: &[&str]| {
        let list =
            features.pointer(pointer).and_then(Value::as_array).unwrap_or_else(|| panic!("no {pointer}"));
        for name in names {
            assert!(list.contains(&json!(name)), "{pointer} has no {name}");
        }
    };
    let hooks = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];
    has("/hooks", &hooks);
    has("/mountOptions", &["ro", "rw", "nosuid", "rbind", "rprivate"]);
    has("/linux/namespaces", &["cgroup", "ipc", "mount", "network", "pid", "user", "uts"]);
    has("/linux/capabilities", &["CAP_CHOWN", "CAP_SYS_ADMIN"]);
    has("/linux/seccomp/actions", &["SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_NOTIFY"]);
}

#[test]
fn the_bundle_to_begin_with_is_valid_and_runs() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&waiting());
    let spec = || sandbox.nexcage("spec").arg("--bundle").arg(bundle.path());
    let before = fs::read(bundle.config()).unwrap();
    refused(spec(), "NX-", 1);
    assert!(fs::read(bundle.config()).unwrap() == before, "it is not overwritten");
    fs::remove_file(bundle.config()).unwrap();
    spec().assert().code(0).stdout("").stderr("");
    sandbox.tool("bundle-validate").arg(bundle.path()).assert().code(0);
    let mut at = sandbox.making("run", &bundle).at_terminal(24, 80);
    at.type_in("exit 3\n");
    assert_eq!(at.wait().0, Some(3));
}

#[test]
fn health_is_what_this_machine_has() {
    let sandbox = Sandbox::new();
    let list = json_of(sandbox.nexcage("health").args(["--format", "json"]));
    let checks = list.as_array().unwrap();
    assert!(checks.len() >= 5, "{list}");
    for check in checks {
        assert!(["ok", "no"].contains(&check["state"].as_str().unwrap()), "{check}");
        assert!(check["check"].is_string() && check["detail"].is_string(), "{check}");
    }
    let table = text(&sandbox.nexcage("health").assert().code(0).get_output().stdout);
    assert_eq!(table.lines().count(), checks.len() + 1);
}

#[test]
fn what_is_not_there_is_refused_by_name() {
    let sandbox = Sandbox::new();
    for words in [&["checkpoint", "c"][..], &["restore", "c"]] {
        let message = refused(sandbox.tool("nexcage").args(words), "NX-UNSUPPORTED", 4);
        assert!(message.contains("checkpoint"), "{message}");
    }
    for words in [&["frobnicate"][..], &["state", "--frobnicate", "c"], &["list", "x"], &[]] {
        let output = sandbox.tool("nexcage").args(words).output();
        assert_eq!(output.status.code(), Some(2), "{words:?}");
    }
    let version = text(&sandbox.nexcage("version").assert().code(0).get_output().stdout);
    assert!(version.starts_with("nexcage "), "{version}");
}
