//! What `nexcage features` says is so: the renderer takes every word of it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use assert_cmd::Command;
use bundle_validate::Bundle;
use lxc_render_config::{CgroupChoice, CgroupVersion, Options, render};
use serde_json::{Value, json};
use std::fs;

fn features() -> Value {
    let output = Command::cargo_bin("nexcage").unwrap().arg("features").output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty());
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The strings of a list, which is not empty.
fn words(features: &Value, pointer: &str) -> Vec<String> {
    let list = features.pointer(pointer).and_then(Value::as_array).unwrap();
    assert!(!list.is_empty(), "{pointer}");
    list.iter().map(|word| word.as_str().unwrap().to_owned()).collect()
}

/// Renders the smallest bundle with this change to it, for each word.
#[track_caller]
fn accepts(words: &[String], change: impl Fn(&mut Value, &str)) {
    let bundle = tempfile::tempdir().unwrap();
    for name in ["dev", "proc", "etc"] {
        fs::create_dir_all(bundle.path().join("rootfs").join(name)).unwrap();
    }
    let options = Options { cgroup: CgroupChoice::Fixed(CgroupVersion::V2), ..Options::default() };
    for word in words {
        let mut config = json!({
            "ociVersion": "1.3.0",
            "root": {"path": "rootfs"},
            "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/", "args": ["sh"]},
            "mounts": [{"destination": "/dev", "type": "tmpfs", "source": "tmpfs"}],
            "linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}]}
        });
        change(&mut config, word);
        fs::write(bundle.path().join("config.json"), config.to_string()).unwrap();
        let rendered = render(&Bundle::open(bundle.path()).unwrap(), &options);
        assert!(rendered.is_ok(), "{word}: {:?}", rendered.err());
    }
}

#[test]
fn hooks_and_capabilities_are_taken() {
    let features = features();
    accepts(&words(&features, "/hooks"), |config, kind| {
        config["hooks"] = json!({kind: [{"path": "/bin/true"}]});
    });
    accepts(&words(&features, "/linux/capabilities"), |config, capability| {
        config["process"]["capabilities"] = json!({"bounding": [capability]});
    });
}

#[test]
fn namespaces_are_taken() {
    accepts(&words(&features(), "/linux/namespaces"), |config, kind| {
        let mut all = vec![json!({"type": "mount"}), json!({"type": "pid"})];
        if !["mount", "pid"].contains(&kind) {
            all.push(json!({"type": kind}));
        }
        config["linux"]["namespaces"] = Value::Array(all);
        if kind == "user" {
            let map = json!([{"containerID": 0, "hostID": 0, "size": 65536}]);
            config["linux"]["uidMappings"] = map.clone();
            config["linux"]["gidMappings"] = map;
        }
    });
}

#[test]
fn mount_options_are_taken() {
    accepts(&words(&features(), "/mountOptions"), |config, option| {
        let mount = if option.contains("idmap") {
            let map = json!([{"containerID": 0, "hostID": 1000, "size": 10}]);
            json!({"destination": "/etc", "type": "bind", "source": "/tmp", "options": ["bind", option],
                "uidMappings": map, "gidMappings": map})
        } else if option.contains("bind") {
            json!({"destination": "/etc", "type": "bind", "source": "/tmp", "options": [option]})
        } else if option == "remount" {
            json!({"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": [option]})
        } else {
            json!({"destination": "/etc", "type": "tmpfs", "source": "tmpfs", "options": [option]})
        };
        config["mounts"].as_array_mut().unwrap().push(mount);
    });
}

#[test]
fn seccomp_is_taken_word_by_word() {
    let features = features();
    let policy = |config: &mut Value, rule: Value| {
        config["linux"]["seccomp"] = json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]});
    };
    accepts(&words(&features, "/linux/seccomp/actions"), |config, action| {
        policy(config, json!({"names": ["getcwd"], "action": action}));
        if action == "SCMP_ACT_NOTIFY" {
            config["linux"]["seccomp"]["listenerPath"] = "/run/listener".into();
        }
    });
    accepts(&words(&features, "/linux/seccomp/operators"), |config, op| {
        let args = json!([{"index": 0, "value": 1, "valueTwo": 1, "op": op}]);
        policy(config, json!({"names": ["getcwd"], "action": "SCMP_ACT_ERRNO", "args": args}));
    });
    accepts(&words(&features, "/linux/seccomp/archs"), |config, arch| {
        policy(config, json!({"names": ["getcwd"], "action": "SCMP_ACT_ERRNO"}));
        config["linux"]["seccomp"]["architectures"] = json!([arch]);
    });
    accepts(&words(&features, "/linux/seccomp/supportedFlags"), |config, flag| {
        policy(config, json!({"names": ["getcwd"], "action": "SCMP_ACT_NOTIFY"}));
        config["linux"]["seccomp"]["listenerPath"] = "/run/listener".into();
        config["linux"]["seccomp"]["flags"] = json!([flag]);
    });
}

#[test]
fn the_document_is_the_specifications() {
    let features = features();
    let typed: oci_spec::runtime::Features = serde_json::from_value(features.clone()).unwrap();
    assert!(format!("{typed:?}").contains("1.3.0"));
    assert_eq!(features["ociVersionMax"], bundle_validate::SpecVersion::NEWEST.name());
}
