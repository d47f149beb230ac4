//! Every rule has examples, and they are run here.

use super::config::CONFIG;
use super::{Check, Rule, all};
use crate::host::Host;
use crate::{Bundle, Options, Profile, Report, Scope, Severity, SpecVersion, SpecVersionChoice, validate_on};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::LazyLock;
use tempfile::TempDir;

/// A valid document for every rule to start from.
pub(super) fn base() -> Value {
    json!({
        "ociVersion": "1.3.0",
        "root": {"path": "rootfs"},
        "process": {"cwd": "/", "args": ["sh"], "user": {"uid": 0, "gid": 0}},
        "linux": {},
    })
}

/// RFC 7396.
pub(super) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(members) = patch else {
        target.clone_from(patch);
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in members {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(key);
        } else {
            merge(&mut target[key], value);
        }
    }
}

/// Two directories for the examples: `rootfs`, an image, and `host`, which stands for a host.
static FILES: LazyLock<TempDir> = LazyLock::new(|| {
    let files = tempfile::tempdir().unwrap();
    let (image, host) = (files.path().join("rootfs"), files.path().join("host"));
    let machine = |number: u16| [b"\x7fELF\x02\x01\x01", &[0; 11][..], &number.to_le_bytes()].concat();
    let native = if cfg!(target_arch = "aarch64") { 183 } else { 62 };
    program(&image.join("bin/sh"), b"");
    program(&image.join("bin/native"), &machine(native));
    program(&image.join("bin/foreign"), &machine(245 - native));
    program(&image.join("bin/script"), b"#! /bin/sh -e\n");
    program(&image.join("bin/orphan"), b"#!/missing\n");
    file(&image.join("etc/text"), b"#!/bin/sh");
    mknodat(CWD, image.join("etc/fifo"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    program(&host.join("bin/tool"), b"");
    file(&host.join("proc/filesystems"), b"nodev\tproc\nnodev\ttmpfs\n\text4\n");
    file(&host.join("proc/self/mountinfo"), b"1 1 0:1 / / rw - ext4 /dev/x rw\n");
    symlink("/proc/self/ns", host.join("proc/self/ns")).unwrap();
    file(&host.join("sys/fs/cgroup/cgroup.controllers"), b"cpu memory pids\n");
    file(&host.join("sys/module/apparmor/parameters/enabled"), b"Y\n");
    file(&host.join("sys/kernel/security/apparmor/profiles"), b"loaded (enforce)\n");
    for directory in
        ["class/net/eth0", "kernel/mm/hugepages/hugepages-2048kB", "kernel/mm/hugepages/hugepages-1048576kB"]
    {
        fs::create_dir_all(host.join("sys").join(directory)).unwrap();
    }
    files
});

fn file(path: &Path, content: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn program(path: &Path, content: &[u8]) {
    file(path, content);
    fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
}

/// The report on a bundle with this document.
fn report(text: &str) -> Report {
    report_under(text, &Options::default())
}

fn report_under(text: &str, options: &Options) -> Report {
    let bundle = tempfile::tempdir().unwrap();
    symlink(FILES.path().join("rootfs"), bundle.path().join("rootfs")).unwrap();
    // What a document says cannot make it a link, but for this word.
    let linked = text.contains("\"example.bundle\":\"linked\"");
    let config = bundle.path().join(if linked { "elsewhere" } else { "config.json" });
    fs::write(&config, text).unwrap();
    if linked {
        symlink(&config, bundle.path().join("config.json")).unwrap();
    }
    match Bundle::open(bundle.path()) {
        Ok(bundle) => validate_on(&bundle, options, &Host::at(&FILES.path().join("host"))),
        Err(_) => crate::check(bundle.path(), options).unwrap(),
    }
}

/// What makes a rule be told.
fn options_for(rule: &Rule) -> Options {
    let scope = if matches!(rule.check, Check::Host(_)) { Scope::Host } else { Scope::Bundle };
    Options { scope, profile: rule.only_under.first().copied(), ..Options::default() }
}

/// Whether the examples of a rule are whole texts.
pub(super) fn is_on_text(rule: &Rule) -> bool {
    rule.id.starts_with("OCI-JSON-") && matches!(rule.check, Check::Structure)
}

/// The base, changed by an example of a rule that is not on the text.
pub(super) fn changed(example: &str) -> Value {
    let patch = serde_json::from_str(example).unwrap_or_else(|error| panic!("{example}: {error}"));
    let mut document = base();
    merge(&mut document, &patch);
    document
}

/// All documents that the rules give as good.
pub(super) fn good_documents() -> impl Iterator<Item = Value> {
    let rules = all().filter(|rule| !is_on_text(rule) && rule.id != "OCI-E2");
    rules.flat_map(|rule| rule.good).map(|good| changed(good))
}

fn example(rule: &Rule, example: &str) -> String {
    if is_on_text(rule) { example.to_owned() } else { changed(example).to_string() }
}

#[test]
fn bad_examples_break_their_rule_and_good_ones_do_not() {
    for rule in all() {
        assert!(!rule.bad.is_empty() && !rule.good.is_empty(), "{} lacks examples", rule.id);
        for bad in rule.bad {
            let report = report_under(&example(rule, bad), &options_for(rule));
            assert!(
                report.findings().any(|f| f.rule.id == rule.id),
                "{}: {bad}\n{}",
                rule.id,
                report.human()
            );
        }
        for good in rule.good {
            let report = report_under(&example(rule, good), &options_for(rule));
            assert!(
                report.findings().all(|f| f.rule.id != rule.id),
                "{}: {good}\n{}",
                rule.id,
                report.human()
            );
        }
    }
}

#[test]
fn a_good_example_breaks_no_other_rule_either() {
    for document in good_documents() {
        let report = report(&document.to_string());
        assert!(!report.has_errors(), "{document}\n{}", report.human());
    }
}

#[test]
fn the_base_is_clean() {
    assert_eq!(report(&base().to_string()).human(), "");
}

#[test]
fn ids_are_unique_and_well_formed() {
    let mut seen = HashSet::new();
    for rule in all() {
        assert!(seen.insert(rule.id), "{} twice", rule.id);
        assert!(rule.id.starts_with("OCI-") && rule.explanation.ends_with('.'), "{}", rule.id);
        assert!(rule.section.contains(".md"), "{}", rule.id);
        assert!(rule.until.is_none_or(|until| rule.since < until), "{}", rule.id);
    }
}

#[test]
fn every_field_names_a_rule_of_the_table() {
    let known: HashSet<*const Rule> = all().map(std::ptr::from_ref).collect();
    let mut fields = 0;
    CONFIG.fields(&mut |field| {
        fields += 1;
        assert!(known.contains(&std::ptr::from_ref(field.rule)), "{}: {}", field.name, field.rule.id);
    });
    assert!(fields > 200, "{fields}");
}

#[test]
fn everything_is_found_in_one_run() {
    let text = r#"{"ociVersion": "1", "root": {"path": "rootfs", "readonly": 1}, "process": {"cwd": "a",
        "args": [1], "user": {"uid": -1, "gid": 0}, "env": ["x"], "nope": 1},
        "linux": {"namespaces": [{"type": "pid"}, {"type": "pid"}, 3, {"type": "mount"}], "maskedPaths": ["a", 1]}}"#;
    let pointers: Vec<String> = report(text).findings().map(|f| f.pointer.clone()).collect();
    let expected = [
        "/ociVersion",
        "/root/readonly",
        "/process/cwd",
        "/process/args/0",
        "/process/user/uid",
        "/process/env/0",
        "/process/nope",
        "/linux/namespaces/1/type",
        "/linux/namespaces/2",
        "/linux/maskedPaths/0",
        "/linux/maskedPaths/1",
    ];
    assert_eq!(pointers, expected);
}

#[test]
fn files_are_looked_for_only_where_they_can_be_and_shall_be() {
    let mut document = base();
    merge(&mut document, &json!({"root": {"path": "/nowhere/at/all"}}));
    let text = document.to_string();
    assert!(report(&text).has_errors());
    let bundle = tempfile::tempdir().unwrap();
    fs::write(bundle.path().join("config.json"), &text).unwrap();
    let scope = crate::Scope::Document;
    assert!(!crate::check(bundle.path(), &Options { scope, ..Options::default() }).unwrap().has_errors());
    let document = crate::json::parse(text.into(), crate::json::Limits::default()).unwrap();
    assert!(!crate::validate(&Bundle::from_document(document), &Options::default()).has_errors());
}

/// The severities of a rule's findings on the base changed by `patch`.
fn severities(id: &str, patch: &str, options: Options) -> Vec<Severity> {
    let report = report_under(&changed(patch).to_string(), &options);
    report.findings().filter(|finding| finding.rule.id == id).map(|finding| finding.severity).collect()
}

#[test]
fn profiles_make_errors_of_what_their_runtimes_refuse() {
    let under = |profile| Options { profile, ..Options::default() };
    let (hostname, relative) = (r#"{"hostname": "h"}"#, r#"{"mounts": [{"destination": "a"}]}"#);
    for (profile, severity) in [
        (None, Severity::Warning),
        (Some(Profile::Runc), Severity::Error),
        (Some(Profile::Crun), Severity::Error),
        (Some(Profile::Strict), Severity::Warning),
    ] {
        assert_eq!(severities("OCI-G1-NAMESPACE", hostname, under(profile)), [severity], "{profile:?}");
    }
    assert_eq!(severities("OCI-M2-RELATIVE", relative, under(None)), [Severity::Warning]);
    assert_eq!(severities("OCI-M2-RELATIVE", relative, under(Some(Profile::Strict))), [Severity::Error]);
    for profile in Profile::ALL {
        let report = report_under(&changed(r#"{"mounts": []}"#).to_string(), &under(Some(*profile)));
        assert!(!report.has_errors(), "{}: {}", profile.name(), report.human());
    }
}

#[test]
fn every_row_of_the_mapping_that_is_refused_is_an_error() {
    let rows = nexcage_mapping::TABLE.iter().filter(|row| row.class == nexcage_mapping::Class::Refused);
    for row in rows.filter(|row| !row.field.contains('*')) {
        let patch = row.field[1..].rsplit('/').fold(json!({"x": "x"}), |value, name| json!({ name: value }));
        for profile in [Profile::Lxc, Profile::Pve] {
            let options = Options { profile: Some(profile), ..Options::default() };
            let found = severities("OCI-LXC-REFUSED", &patch.to_string(), options);
            assert!(found.contains(&Severity::Error), "{}: {found:?}", row.field);
        }
    }
}

#[test]
fn the_version_is_the_documents_unless_one_is_given() {
    let fixed = |version| Options { spec_version: SpecVersionChoice::Fixed(version), ..Options::default() };
    let patch = r#"{"ociVersion": "1.0.2", "domainname": "d", "mounts": [{"destination": "a"}]}"#;
    assert_eq!(severities("OCI-V2", patch, Options::default()), [Severity::Note]);
    assert_eq!(severities("OCI-V2", patch, fixed(SpecVersion::V1_1_0)), []);
    assert_eq!(severities("OCI-M2-LINUX", patch, fixed(SpecVersion::V1_1_0)), [Severity::Error]);
    assert_eq!(severities("OCI-M2-LINUX", patch, fixed(SpecVersion::V1_2_0)), []);
    assert_eq!(severities("OCI-M2-RELATIVE", patch, fixed(SpecVersion::V1_2_0)), [Severity::Warning]);
    assert_eq!(severities("OCI-V2-UNKNOWN", r#"{"ociVersion": "2.0.0"}"#, fixed(SpecVersion::V1_0_2)), []);
    let report = report_under(&changed(r#"{"hostname": 1}"#).to_string(), &fixed(SpecVersion::V1_1_0));
    let links: Vec<String> = report.findings().map(crate::Finding::link).collect();
    assert_eq!(links, ["https://github.com/opencontainers/runtime-spec/blob/v1.1.0/config.md#hostname"]);
}

/// Demands of the specification that other validators do not see.
static UNSEEN: &[(&str, &str)] = &[
    ("OCI-U1", r#"{"process": {"user": {"uid": null}}}"#),
    ("OCI-U1", r#"{"process": {"user": {"gid": null}}}"#),
    ("OCI-P14", r#"{"process": {"ioPriority": {"class": "IOPRIO_CLASS_BE"}}}"#),
    ("OCI-H1", r#"{"hooks": {"createRuntime": [{"path": "bin/x"}]}}"#),
    ("OCI-H1", r#"{"hooks": {"createContainer": [{"path": "bin/x"}]}}"#),
    ("OCI-H1", r#"{"hooks": {"startContainer": [{"path": "bin/x"}]}}"#),
    ("OCI-A1", r#"{"annotations": {"": "x"}}"#),
    ("OCI-L14", r#"{"linux": {"resources": {"memory": {"limit": -2}}}}"#),
    ("OCI-L14", r#"{"linux": {"resources": {"memory": {"swappiness": 101}}}}"#),
    ("OCI-L15", r#"{"linux": {"resources": {"cpu": {"quota": 1000, "burst": 1001}}}}"#),
    ("OCI-L16", r#"{"linux": {"resources": {"cpu": {"cpus": "0-"}}}}"#),
    ("OCI-L16", r#"{"linux": {"resources": {"cpu": {"mems": "a"}}}}"#),
    ("OCI-L16", r#"{"linux": {"resources": {"cpu": {"idle": 2}}}}"#),
    (
        "OCI-L18",
        r#"{"linux": {"resources": {"blockIO": {"throttleReadBpsDevice": [{"major": 8, "minor": 0}]}}}}"#,
    ),
    ("OCI-L22", r#"{"linux": {"resources": {"rdma": {"mlx5_1": {}}}}}"#),
    ("OCI-L24", r#"{"linux": {"intelRdt": {"schemata": ["L3:0=f\nMB:0=1"]}}}"#),
    ("OCI-L30", r#"{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 1}}}"#),
    (
        "OCI-L30",
        r#"{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ERRNO",
        "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW", "errnoRet": 1}]}}}"#,
    ),
    ("OCI-L32", r#"{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "listenerMetadata": "x"}}}"#),
    ("OCI-W1", r#"{"vm": {"kernel": {"path": "vmlinuz"}}}"#),
    ("OCI-W2", r#"{"vm": {"kernel": {"path": "/k"}, "hypervisor": {"path": "kvm"}}}"#),
];

#[test]
fn what_others_do_not_see_is_an_error() {
    for (id, patch) in UNSEEN {
        assert_eq!(severities(id, patch, Options::default()), [Severity::Error], "{patch}");
    }
}

/// What other validators wrongly refuse.
static REFUSED_ELSEWHERE: &[&str] = &[
    r#"{"ociVersion": "1.0.2-dev"}"#,
    r#"{"ociVersion": "1.2.1"}"#,
    r#"{"root": {"path": "/"}}"#,
    r#"{"annotations": {"org.opencontainers.image.os": "linux", "org.opencontainers.image.created": "2026-01-01T00:00:00Z"}}"#,
    r#"{"linux": {"devices": [{"path": "/dev/sda", "type": "b", "major": 8, "minor": 0}]}}"#,
    r#"{"linux": {"devices": [{"path": "/dev/zero0", "type": "c", "major": 0, "minor": 0, "fileMode": 8630}]}}"#,
    r#"{"vm": {"kernel": {"path": "/k"}}}"#,
    r#"{"mounts": [{"destination": "proc", "type": "proc", "source": "proc"}]}"#,
    r#"{"process": {"apparmorProfile": "any", "env": ["a.b-c=1", "BASH_FUNC_x%%=() { :; }"]}}"#,
    r#"{"process": {"capabilities": {"bounding": ["CAP_FUTURE"]}}}"#,
    r#"{"process": {"scheduler": {"policy": "SCHED_DEADLINE", "flags": ["SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_DL_OVERRUN"]}}}"#,
    r#"{"linux": {"resources": {"hugepageLimits": [{"pageSize": "2MB", "limit": 18446744073709551615}]}}}"#,
    r#"{"process": {"user": null}}"#,
    r#"{"linux": {"resources": {"pids": {"limit": 0}}}}"#,
];

#[test]
fn what_others_wrongly_refuse_is_valid() {
    for patch in REFUSED_ELSEWHERE {
        let report = report(&changed(patch).to_string());
        assert!(!report.has_errors(), "{patch}\n{}", report.human());
    }
}
