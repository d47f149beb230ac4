//! The seccomp policy as data, the labels, and what is refused of them.

use crate::bundle::{self, set};
use lxc_render_config::CgroupVersion::V2;
use lxc_render_config::{Action, Argument, Listener, Operator, RenderError, Rendered, Rule, Seccomp};
use serde_json::{Value, json};

fn render(changes: &[(&str, Value)]) -> Result<Rendered, RenderError> {
    let mut config = bundle::engine();
    for (pointer, value) in changes {
        set(&mut config, pointer, value.clone());
    }
    let dir = bundle::make(&config);
    bundle::render_in(dir.path(), V2)
}

fn policy(seccomp: Value) -> Option<Seccomp> {
    render(&[("/linux/seccomp", seccomp)]).unwrap().seccomp
}

#[track_caller]
fn refused(seccomp: &Value, pointers: &[&str]) {
    let Err(RenderError::Refused(refusals)) = render(&[("/linux/seccomp", seccomp.clone())]) else {
        panic!("rendered: {seccomp}");
    };
    let found: Vec<_> = refusals.iter().map(|refusal| refusal.pointer.as_str()).collect();
    assert_eq!(found, pointers, "{seccomp}");
}

#[test]
fn every_member_is_read() {
    let seccomp = json!({
        "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
        "flags": ["SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
            "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],
        "listenerPath": "/run/agent.sock", "listenerMetadata": "m",
        "syscalls": [
            {"names": ["read", "novel"], "action": "SCMP_ACT_ALLOW"},
            {"names": ["ioctl"], "action": "SCMP_ACT_TRACE", "errnoRet": 65535, "args": [
                {"index": 5, "value": 18_446_744_073_709_551_615_u64, "op": "SCMP_CMP_GE"},
                {"index": 0, "value": 6, "valueTwo": 4, "op": "SCMP_CMP_MASKED_EQ"},
                {"index": 1, "value": 0, "valueTwo": 9, "op": "SCMP_CMP_EQ"}]},
            {"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}
        ]
    });
    let argument = |index, operator, value| Argument { index, operator, value };
    let rule = |names: &[&str], action, arguments: &[Argument]| Rule {
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        action,
        arguments: arguments.to_vec(),
    };
    let conditions = [
        argument(5, Operator::Ge, u64::MAX),
        argument(0, Operator::MaskedEq(6), 4),
        argument(1, Operator::Eq, 0),
    ];
    assert_eq!(
        policy(seccomp),
        Some(Seccomp {
            default: Action::Errno(38),
            architectures: vec!["SCMP_ARCH_X86_64".to_owned(), "SCMP_ARCH_X86".to_owned()],
            flags: 0b10_0110,
            rules: vec![
                rule(&["read", "novel"], Action::Allow, &[]),
                rule(&["ioctl"], Action::Trace(65535), &conditions),
                rule(&["mkdir"], Action::Notify, &[]),
            ],
            listener: Some(Listener { path: "/run/agent.sock".into(), metadata: Some("m".to_owned()) }),
        })
    );
}

#[test]
fn what_is_not_said_is_as_runc_has_it() {
    assert_eq!(policy(json!({})), None);
    assert_eq!(
        policy(json!({"defaultAction": "SCMP_ACT_ERRNO"})).map(|one| one.default),
        Some(Action::Errno(1))
    );
    let zero = json!({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 0});
    assert_eq!(policy(zero).map(|one| one.default), Some(Action::Errno(0)));
    let unused = json!({"defaultAction": "SCMP_ACT_LOG", "listenerPath": "/x", "listenerMetadata": "m"});
    assert_eq!(policy(unused).map(|one| one.listener), Some(None));
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let with = |name: &str, value: Value| {
        let mut seccomp = json!({"defaultAction": "SCMP_ACT_ALLOW"});
        seccomp[name] = value;
        seccomp
    };
    let rule = |rule: Value| with("syscalls", json!([rule]));
    refused(&with("defaultAction", json!("ALLOW")), &["/linux/seccomp/defaultAction"]);
    refused(&with("defaultErrnoRet", json!(1)), &["/linux/seccomp/defaultErrnoRet"]);
    refused(&with("flags", json!(["LOG"])), &["/linux/seccomp/flags/0"]);
    let flag = json!(["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]);
    refused(&with("flags", flag), &["/linux/seccomp/flags/0"]);
    refused(&rule(json!({"names": [""], "action": "SCMP_ACT_KILL"})), &["/linux/seccomp/syscalls/0/names/0"]);
    for (action, errno) in [("SCMP_ACT_ERRNO", 4096), ("SCMP_ACT_TRACE", 65536), ("SCMP_ACT_KILL", 1)] {
        let rule = rule(json!({"names": ["read"], "action": action, "errnoRet": errno}));
        refused(&rule, &["/linux/seccomp/syscalls/0/errnoRet"]);
    }
    let argument = |index: u32, op: &str| {
        let args = json!([{"index": index, "value": 0, "op": op}]);
        rule(json!({"names": ["read"], "action": "SCMP_ACT_KILL", "args": args}))
    };
    refused(&argument(6, "SCMP_CMP_EQ"), &["/linux/seccomp/syscalls/0/args/0/index"]);
    refused(&argument(0, "=="), &["/linux/seccomp/syscalls/0/args/0/op"]);
    refused(&rule(json!({"names": ["read"], "action": "SCMP_ACT_NOTIFY"})), &["/linux/seccomp"]);
    let mut write = rule(json!({"names": ["write"], "action": "SCMP_ACT_NOTIFY"}));
    write["listenerPath"] = json!("/x");
    refused(&write, &["/linux/seccomp/syscalls/0/names/0"]);
    let default = json!({"defaultAction": "SCMP_ACT_NOTIFY", "listenerPath": "/x"});
    refused(&default, &["/linux/seccomp/defaultAction"]);
}

#[test]
fn labels_go_to_init_and_into_the_data_of_mounts() {
    let rendered = render(&[
        ("/process/apparmorProfile", json!("docker-default")),
        ("/process/selinuxLabel", json!("system_u:system_r:container_t:s0:c1,c2")),
        ("/linux/mountLabel", json!("system_u:object_r:container_file_t:s0:c1,c2")),
    ])
    .unwrap();
    assert_eq!(rendered.process.apparmor.as_c_str(), c"docker-default");
    assert_eq!(rendered.process.selinux.as_c_str(), c"system_u:system_r:container_t:s0:c1,c2");
    assert_eq!(rendered.config.get("lxc.apparmor.profile"), Some("unconfined"));
    let context = "context=\"system_u:object_r:container_file_t:s0:c1,c2\"";
    let entries: Vec<&str> = rendered.config.values("lxc.mount.entry").collect();
    let labelled = |target: &str| {
        let entry = entries.iter().find(|entry| entry.split(' ').nth(1) == Some(target));
        entry.map(|entry| entry.contains(context))
    };
    assert_eq!(
        (labelled("dev/shm"), labelled("proc"), labelled("sys")),
        (Some(true), Some(false), Some(false))
    );
    let Err(RenderError::Refused(refusals)) = render(&[("/linux/mountLabel", json!("a\"b"))]) else {
        panic!("rendered");
    };
    assert_eq!(refusals[0].pointer, "/linux/mountLabel");
}
