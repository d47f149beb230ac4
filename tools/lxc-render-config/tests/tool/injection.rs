//! No string of config.json changes anything but its own line.

use crate::bundle::{self, set};
use lxc_render_config::CgroupVersion::V1;
use lxc_render_config::{LxcConfig, RenderError};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

/// A document with a string in every place where one can stand.
fn full() -> Value {
    let mut config = bundle::engine();
    for (pointer, value) in [
        ("/domainname", json!("x")),
        ("/annotations", json!({"a.b": "c"})),
        ("/process/env", json!(["A=b"])),
        ("/process/capabilities", json!({"bounding": ["CAP_CHOWN"]})),
        ("/process/rlimits", json!([{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}])),
        ("/linux/cgroupsPath", json!("a/b")),
        ("/linux/sysctl", json!({"net.ipv4.ip_forward": "1"})),
        ("/linux/rootfsPropagation", json!("slave")),
        ("/linux/resources/cpu", json!({"cpus": "0", "mems": "0"})),
        ("/linux/resources/devices", json!([{"allow": true, "type": "c", "access": "rwm"}])),
        ("/linux/devices", json!([{"path": "/dev/a", "type": "c", "major": 1, "minor": 3}])),
        ("/mounts/6", json!({"destination": "/m", "type": "bind", "source": "rootfs", "options": ["ro"]})),
        ("/linux/namespaces/1", json!({"type": "network", "path": "/proc/1/ns/net"})),
    ] {
        set(&mut config, pointer, value);
    }
    config
}

/// The pointers of all strings.
fn strings(value: &Value, pointer: &str, found: &mut Vec<String>) {
    match value {
        Value::String(_) => found.push(pointer.to_owned()),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(i, v)| strings(v, &format!("{pointer}/{i}"), found));
        }
        Value::Object(map) => map.iter().for_each(|(k, v)| strings(v, &format!("{pointer}/{k}"), found)),
        _ => {}
    }
}

fn hostile() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "\n",
        "\r",
        "\0",
        "\t",
        " ",
        "#",
        "=",
        "'",
        "\"",
        "\\",
        "/",
        "..",
        "lxc.",
        "lxc.hook.pre-start = x",
        "$(x)",
        "`",
        ";",
        ",",
        "create=dir",
        "\u{1b}",
        "\u{85}",
        "\u{2028}",
        "a",
        "é",
        "%s",
        "dir:",
        ":",
    ]);
    prop::collection::vec(part, 1..6).prop_map(|parts| parts.concat())
}

fn keys(config: &LxcConfig) -> BTreeSet<String> {
    config.lines().map(|(key, _)| key.to_owned()).collect()
}

fn pointers() -> Vec<String> {
    let mut found = vec![];
    strings(&full(), "", &mut found);
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_hostile_string_is_refused_or_inert(pointer in prop::sample::select(pointers()), text in hostile()) {
        let dir = bundle::make(&full());
        // Which keys there may be does not depend on any string.
        let known = keys(&bundle::render_in(dir.path(), V1).unwrap().config);
        let mut config = full();
        set(&mut config, &pointer, text.clone().into());
        bundle::write(dir.path(), &config);
        match bundle::render_in(dir.path(), V1) {
            Err(RenderError::Refused(refusals)) => prop_assert!(!refusals.is_empty()),
            Err(RenderError::Rootfs { .. }) => prop_assert_eq!(&pointer, "/root/path"),
            Err(error) => prop_assert!(false, "{}", error),
            Ok(rendered) => {
                let read = LxcConfig::parse(&rendered.config.text()).unwrap();
                prop_assert_eq!(&read, &rendered.config);
                let mut unknown = keys(&read);
                unknown.retain(|key| !known.contains(key) && !key.starts_with("lxc.namespace."));
                prop_assert!(unknown.iter().all(|key| key.starts_with("lxc.rootfs.options")), "{unknown:?}");
                prop_assert!(!rendered.config.text().bytes().any(|byte| byte < b' ' && byte != b'\n'));
            }
        }
    }
}

/// LXC itself reads the same values. One run of lxc-info for many: each reads one key.
#[test]
fn lxc_reads_what_was_rendered() {
    let dir = bundle::make(&full());
    let lxc_path = tempfile::tempdir().unwrap();
    let container = lxc_path.path().join("c");
    fs::create_dir(&container).unwrap();
    for text in ["plain", " 'a' ", "\"q\"", "#x", "a=b", "'", "\\040", "lxc.a = b", "é\u{2028}$(x)", "a b"] {
        let mut config = full();
        for pointer in
            ["/hostname", "/domainname", "/mounts/1/source", "/mounts/6/destination", "/linux/cgroupsPath"]
        {
            set(&mut config, pointer, text.into());
        }
        bundle::write(dir.path(), &config);
        let rendered = bundle::render_in(dir.path(), V1).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        fs::write(container.join("config"), rendered.config.text()).unwrap();
        for key in ["lxc.uts.name", "lxc.hook.pre-mount", "lxc.mount.entry", "lxc.cgroup.dir.container"] {
            let output = Command::new("lxc-info")
                .args(["-P", lxc_path.path().to_str().unwrap(), "-n", "c", "-c", key])
                .output()
                .unwrap_or_else(|error| panic!("this test needs lxc-info: {error}"));
            let stdout = String::from_utf8(output.stdout).unwrap();
            let values: Vec<&str> = rendered.config.values(key).collect();
            // A list ends with an empty line.
            assert_eq!(stdout.trim_end_matches('\n'), format!("{key} = {}", values.join("\n")), "{text:?}");
        }
    }
}
