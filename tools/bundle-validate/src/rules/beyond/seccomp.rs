//! Seccomp, beyond the specification.

use crate::Profile::{Crun, Runc};
use crate::Severity::Warning;
use crate::json::Node;
use crate::report::Sink;
use crate::rules::Check::Document;
use crate::rules::rules;

rules! {
    INDEX {
        id: "OCI-L34-RANGE",
        severity: Warning,
        section: "config-linux.md#seccomp",
        explanation: "A system call has six arguments, 0 to 5.",
        error_under: &[Runc, Crun],
        check: Document(arguments_exist),
        bad: &[r#"{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_LOG", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_LOG",
            "args": [{"index": 6, "value": 1, "op": "SCMP_CMP_EQ"}]}]}}}"#],
        good: &[r#"{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_LOG", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_LOG",
            "args": [{"index": 5, "value": 1, "op": "SCMP_CMP_EQ"}]}]}}}"#],
    }
    TWICE {
        id: "OCI-L34-TWICE",
        severity: Warning,
        section: "config-linux.md#seccomp",
        explanation: "libseccomp takes one comparison of an argument in a rule; of more, runtimes make alternatives, where all others have to hold together.",
        check: Document(arguments_are_unique),
        bad: &[r#"{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_LOG", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_LOG",
            "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_GT"}, {"index": 0, "value": 9, "op": "SCMP_CMP_LT"}]}]}}}"#],
        good: &[r#"{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_LOG", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_LOG",
            "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 1, "value": 1, "op": "SCMP_CMP_EQ"}]}]}}}"#],
    }
    LISTENER {
        id: "OCI-L32-NOTIFY",
        severity: Warning,
        section: "config-linux.md#seccomp",
        explanation: "SCMP_ACT_NOTIFY asks a listener; without listenerPath there is none.",
        error_under: &[Runc],
        check: Document(notifications_have_a_listener),
        bad: &[r#"{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_LOG", "syscalls": [{"names": ["mount"], "action": "SCMP_ACT_NOTIFY"}]}}}"#],
        good: &[r#"{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_LOG", "listenerPath": "/run/x.sock",
            "syscalls": [{"names": ["mount"], "action": "SCMP_ACT_NOTIFY"}]}}}"#],
    }
    NOTIFY {
        id: "OCI-L29-NOTIFY",
        severity: Warning,
        section: "config-linux.md#seccomp",
        explanation: "A listener cannot be asked about every call, nor about write: the runtime could not hand it over.",
        error_under: &[Runc],
        check: Document(the_listener_can_be_handed_over),
        bad: &[
            r#"{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_NOTIFY", "listenerPath": "/run/x.sock"}}}"#,
            r#"{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_LOG", "listenerPath": "/run/x.sock",
                "syscalls": [{"names": ["write"], "action": "SCMP_ACT_NOTIFY"}]}}}"#,
        ],
        good: &[r#"{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_LOG", "listenerPath": "/run/x.sock",
            "syscalls": [{"names": ["mount"], "action": "SCMP_ACT_NOTIFY"}]}}}"#],
    }
}

fn calls(config: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    config.at("/linux/seccomp/syscalls").into_iter().flat_map(|calls| calls.elements())
}

fn indexes(call: Node<'_>) -> impl Iterator<Item = (Node<'_>, u64)> {
    let comparisons = call.get("args").into_iter().flat_map(|args| args.elements());
    comparisons.filter_map(|args| args.get("index")).filter_map(|node| Some((node, node.as_u64()?)))
}

fn arguments_exist(config: Node<'_>, sink: &mut Sink<'_>) {
    for (node, _) in calls(config).flat_map(indexes).filter(|(_, index)| *index > 5) {
        sink.add(node, "expected an argument from 0 to 5");
    }
}

fn arguments_are_unique(config: Node<'_>, sink: &mut Sink<'_>) {
    for call in calls(config) {
        let mut seen = 0_u8;
        for (node, index) in indexes(call).filter(|(_, index)| *index < 6) {
            if seen & (1 << index) != 0 {
                sink.add(node, format!("argument {index} is compared already"));
            }
            seen |= 1 << index;
        }
    }
}

fn asks(node: Node<'_>) -> bool {
    node.as_str() == Some("SCMP_ACT_NOTIFY")
}

fn notifications_have_a_listener(config: Node<'_>, sink: &mut Sink<'_>) {
    let listener = config.at("/linux/seccomp/listenerPath").and_then(|node| node.as_str());
    if listener.is_some_and(|path| !path.is_empty()) {
        return;
    }
    let default = config.at("/linux/seccomp/defaultAction");
    let actions = default.into_iter().chain(calls(config).filter_map(|call| call.get("action")));
    for action in actions.filter(|action| asks(*action)) {
        sink.add(action, "there is no `listenerPath`");
    }
}

fn the_listener_can_be_handed_over(config: Node<'_>, sink: &mut Sink<'_>) {
    if let Some(action) = config.at("/linux/seccomp/defaultAction").filter(|action| asks(*action)) {
        sink.add(action, "a listener cannot be asked about every call");
    }
    for call in calls(config).filter(|call| call.get("action").is_some_and(asks)) {
        let names = call.get("names").into_iter().flat_map(|names| names.elements());
        for name in names.filter(|name| name.as_str() == Some("write")) {
            sink.add(name, "a listener cannot be asked about write");
        }
    }
}
