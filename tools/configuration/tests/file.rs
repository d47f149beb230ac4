//! What a file says and what is said of a wrong one.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use nexcage_cli::{Code, Diagnose as _, causes};
use nexcage_configuration::{
    Backend, Configuration, Error, ExitSource, KEYS, Origin, Pct, Setting, Version, Vmids,
    WithoutUserNamespace, seconds,
};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

fn parse(text: &str) -> Result<Configuration, Error> {
    Configuration::parse(Path::new("/f"), text.into())
}

fn values(configuration: &Configuration) -> Vec<(&'static str, Value)> {
    configuration.effective().into_iter().map(|(pointer, value, _)| (pointer, value)).collect()
}

#[test]
fn an_empty_object_is_the_default_and_the_table_says_what_that_is() {
    let configuration = parse("{}").unwrap();
    assert_eq!(values(&configuration), values(&Configuration::default()));
    assert!(configuration.effective().iter().all(|(_, _, origin)| origin == "default"));
    let table =
        |default: Option<&str>| default.map_or(Value::Null, |text| serde_json::from_str(text).unwrap());
    let defaults: Vec<_> = KEYS.iter().map(|key| (key.pointer, table(key.default))).collect();
    assert_eq!(values(&configuration), defaults);
}

#[test]
fn the_packaged_file_says_what_holds_without_it() {
    let text = include_str!("../../../packaging/config.json");
    let configuration = parse(text).unwrap();
    assert_eq!(values(&configuration), values(&Configuration::default()));
    // And it has every key that has a default.
    for (key, (pointer, origin)) in KEYS.iter().zip(configuration.origins()) {
        assert_eq!(key.default.is_some(), matches!(origin, Origin::File { .. }), "{pointer}");
    }
}

#[test]
fn a_key_changes_only_itself_and_knows_its_place() {
    for (text, pointer, value, origin) in [
        ("{\"backend\": \"pct\"}", "/backend", json!("pct"), "/f:1:13"),
        ("{\n \"root\": \"/srv/ä\"}", "/root", json!("/srv/ä"), "/f:2:10"),
        ("{\"timeoutSeconds\": 0.25}", "/timeoutSeconds", json!(0.25), "/f:1:20"),
        ("{\"timeoutSeconds\": 6e1}", "/timeoutSeconds", json!(60), "/f:1:20"),
        ("{\"exitSource\": \"proc-events\"}", "/exitSource", json!("proc-events"), "/f:1:16"),
        ("{\"init\": \"/opt/init\"}", "/init", json!("/opt/init"), "/f:1:10"),
        ("{\"pct\": {\"program\": \"/bin/pct\"}}", "/pct/program", json!("/bin/pct"), "/f:1:21"),
        ("{\"pct\": {\"confDirectory\": \"/c\"}}", "/pct/confDirectory", json!("/c"), "/f:1:27"),
        ("{\"pct\": {\"lxcDirectory\": \"/l\"}}", "/pct/lxcDirectory", json!("/l"), "/f:1:26"),
        (
            "{\"pct\": {\"withoutUserNamespace\": \"refused\"}}",
            "/pct/withoutUserNamespace",
            json!("refused"),
            "/f:1:34",
        ),
        ("{\"pct\": {\"version\": \"6.1.5\"}}", "/pct/version", json!("6.1.5"), "/f:1:21"),
        ("{\"pct\": {\"lockDirectory\": \"/k\"}}", "/pct/lockDirectory", json!("/k"), "/f:1:27"),
        ("{\"pct\": {\"diskTimeoutSeconds\": 9}}", "/pct/diskTimeoutSeconds", json!(9), "/f:1:32"),
        ("{\"pct\": {\"ct\": {\"net0\": \"n\"}}}", "/pct/ct", json!({"net0": "n"}), "/f:1:16"),
    ] {
        let mut expected = Configuration::default().effective();
        let entry = expected.iter_mut().find(|entry| entry.0 == pointer).unwrap();
        (entry.1, entry.2) = (value, origin.to_owned());
        assert_eq!(parse(text).unwrap().effective(), expected, "{text}");
    }
}

#[test]
fn what_is_shown_is_what_is_used() {
    let text = r#"{"backend": "lxc", "root": "/r", "timeoutSeconds": 1.5, "exitSource": "pidfd", "init": "/i",
        "pct": {"program": "/p", "confDirectory": "/c", "lxcDirectory": "/l", "lockDirectory": "/k", "diskTimeoutSeconds": 9,
            "vmids": {"first": 100, "last": 200}, "withoutUserNamespace": "unprivileged", "version": "7", "ct": {"tags": "x"}}}"#;
    let configuration = parse(text).unwrap();
    let pct = Pct {
        program: "/p".into(),
        conf_directory: "/c".into(),
        lxc_directory: "/l".into(),
        lock_directory: "/k".into(),
        disk_timeout: Duration::from_secs(9),
        vmids: Vmids { first: 100, last: 200 },
        without_user_namespace: WithoutUserNamespace::Unprivileged,
        version: Version::parse("7"),
        ct: [("tags".to_owned(), "x".to_owned())].into(),
    };
    assert_eq!(configuration.pct, pct);
    assert_eq!((configuration.backend, configuration.exit_source), (Backend::Lxc, ExitSource::Pidfd));
    assert_eq!((configuration.root.to_str(), configuration.timeout.as_millis()), (Some("/r"), 1500));
    assert_eq!(configuration.init.as_deref(), Some(Path::new("/i")));
    let document: Value = serde_json::from_str(text).unwrap();
    for (pointer, value, _) in configuration.effective() {
        assert_eq!(document.pointer(pointer), Some(&value), "{pointer}");
    }
    assert!(configuration.origins().all(|(_, origin)| matches!(origin, Origin::File { .. })));
}

#[test]
fn options_and_the_environment_replace_what_the_file_says() {
    let mut configuration = parse(r#"{"root": "/file", "timeoutSeconds": 9}"#).unwrap();
    for (setting, origin) in [
        (Setting::Root("/o".into()), Origin::Option("--root")),
        (Setting::Backend(Backend::Lxc), Origin::Option("--backend")),
        (Setting::Timeout(Duration::from_secs(1)), Origin::Environment("X_TIMEOUT")),
        (Setting::ExitSource(ExitSource::Pidfd), Origin::Option("--exit-source")),
        (Setting::Init("/i".into()), Origin::Option("--init")),
    ] {
        configuration.set(setting, origin);
    }
    let shown: Vec<_> = configuration.effective().into_iter().filter(|entry| entry.2 != "default").collect();
    let expected = [
        ("/backend", json!("lxc"), "--backend"),
        ("/root", json!("/o"), "--root"),
        ("/timeoutSeconds", json!(1), "X_TIMEOUT"),
        ("/exitSource", json!("pidfd"), "--exit-source"),
        ("/init", json!("/i"), "--init"),
    ];
    assert_eq!(shown, expected.map(|(pointer, value, origin)| (pointer, value, origin.to_owned())));
}

/// Files, and what the line about them has in it.
const WRONG: &[(&str, &str)] = &[
    ("", "/f:1:1: the configuration is wrong: there is no document"),
    ("[]", "/f:1:1: the configuration is wrong: expected an object, found an array"),
    ("{\"root\": \"/a\",}", "/f:1:15: the configuration is wrong: expected a key in quotes"),
    ("{} {}", "/f:1:4: the configuration is wrong: there is more after the document"),
    ("\u{feff}{}", "/f:1:1: the configuration is wrong: byte order mark"),
    (
        "{\"root\": \"/a\",\n \"root\": \"/b\"}",
        "/f:2:2: the configuration is wrong: /root: key \"root\" is there twice",
    ),
    ("{\"pct\": {},\n \"pct\": {}}", "/f:2:2: the configuration is wrong: /pct: key \"pct\" is there twice"),
    (
        "{\"Root\": \"/a\"}",
        "/f:1:2: the configuration is wrong: /Root: no such key; expected one of backend, root, timeoutSeconds, exitSource, init, pct",
    ),
    (
        "{\"pct\": {\n  \"programm\": \"x\"}}",
        "/f:2:3: the configuration is wrong: /pct/programm: no such key; expected one of program, confDirectory, lxcDirectory, lockDirectory, diskTimeoutSeconds, vmids",
    ),
    ("{\"pct\": {\"vmids\": {\"max\": 1}}}", "/pct/vmids/max: no such key; expected one of first, last"),
    ("{\"pct/program\": 1}", "/pct~1program: no such key"),
    ("{\"\": 1}", "/: no such key"),
    ("{\"pct\": []}", "/f:1:9: the configuration is wrong: /pct: expected an object, found an array"),
    ("{\"pct\": null}", "/pct: expected an object, found null"),
    (
        "{\"pct\": {\"program\": 1}}",
        "/f:1:21: the configuration is wrong: /pct/program: expected an absolute path, found 1",
    ),
    ("{\"pct\": {\"program\": \"pct\"}}", "/pct/program: expected an absolute path, found \"pct\""),
    ("{\"root\": \"\"}", "/root: expected an absolute path, found \"\""),
    ("{\"root\": \"./x\"}", "/root: expected an absolute path, found \"./x\""),
    ("{\"root\": \"/a\\u0000b\"}", "/root: expected an absolute path, found \"/a\\u0000b\""),
    ("{\"root\": \"/\\ud800\"}", "/root: \\ud800 is half of a surrogate pair"),
    ("{\"init\": null}", "/init: expected an absolute path, found null"),
    ("{\"backend\": \"LXC\"}", "/backend: expected one of \"auto\", \"lxc\", \"pct\", found \"LXC\""),
    ("{\"backend\": true}", "/backend: expected one of \"auto\", \"lxc\", \"pct\", found true"),
    (
        "{\"exitSource\": \"wait\"}",
        "/exitSource: expected one of \"auto\", \"pidfd\", \"proc-events\", found \"wait\"",
    ),
    ("{\"timeoutSeconds\": \"30\"}", "/timeoutSeconds: expected a number greater than 0, found \"30\""),
    ("{\"timeoutSeconds\": 0}", "/timeoutSeconds: expected a number greater than 0, found 0"),
    ("{\"timeoutSeconds\": -1}", "expected a number greater than 0, found -1"),
    ("{\"timeoutSeconds\": 1e-30}", "expected a number greater than 0, found 1e-30"),
    ("{\"timeoutSeconds\": 1e300}", "expected a number greater than 0, found 1e300"),
    (
        "{\"pct\": {\"vmids\": {\"first\": 99, \"last\": 200}}}",
        "/f:1:29: the configuration is wrong: /pct/vmids/first: expected an integer from 100 to 999999999, found 99",
    ),
    (
        "{\"pct\": {\"vmids\": {\"first\": 100, \"last\": 1e9}}}",
        "/pct/vmids/last: expected an integer from 100 to 999999999, found 1e9",
    ),
    ("{\"pct\": {\"vmids\": {\"first\": 100.5, \"last\": 200}}}", "/pct/vmids/first: expected an integer"),
    (
        "{\"pct\": {\"vmids\": {\"first\": 4294967396, \"last\": 4294967397}}}",
        "/pct/vmids/first: expected an integer",
    ),
    (
        "{\"pct\": {\"vmids\": {\"first\": 300, \"last\": 200}}}",
        "/f:1:19: the configuration is wrong: /pct/vmids: 300 to 200 is no range",
    ),
    ("{\"pct\": {\"vmids\": {\"first\": 300}}}", "/pct/vmids: expected a key last"),
    ("{\"pct\": {\"vmids\": {}}}", "/pct/vmids: expected a key first"),
];

#[test]
fn what_is_wrong_is_named_with_file_place_and_pointer() {
    for (text, expected) in WRONG {
        let error = parse(text).unwrap_err();
        assert!(causes(&error).contains(expected), "{text}\n{}\n{expected}", causes(&error));
        assert_eq!((error.code(), error.code().status()), (Code::Configuration, 3));
    }
}

#[test]
fn a_hostile_file_gets_one_short_line() {
    let deep = "{\"pct\":".repeat(100_000);
    for text in [deep, format!("{{\"root\": \"{}\"}}", "x".repeat(9999)), "{\"root\": \"\u{1b}[2J\"}".into()]
    {
        let line = causes(&parse(&text).unwrap_err());
        assert!(line.len() < 300 && !line.contains('\n'), "{line}");
    }
}

#[test]
fn seconds_are_a_number_greater_than_0() {
    assert_eq!(seconds("2.5"), Some(Duration::from_millis(2500)));
    for wrong in ["", "0", "-1", "NaN", "inf", "1s", "1e30"] {
        assert_eq!(seconds(wrong), None, "{wrong}");
    }
}
