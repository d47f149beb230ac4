//! Resources, beyond the specification.

use crate::Profile::{Crun, Runc};
use crate::Severity::Warning;
use crate::json::Node;
use crate::report::Sink;
use crate::rules::Check::Document;
use crate::rules::rules;

rules! {
    SWAP {
        id: "OCI-L14-SWAP",
        severity: Warning,
        section: "config-linux.md#memory",
        explanation: "The swap limit is that of memory and swap together, so it cannot be below that of memory.",
        error_under: &[Runc, Crun],
        check: Document(swap_is_within_limit),
        bad: &[r#"{"linux": {"resources": {"memory": {"limit": 2048, "swap": 1024}}}}"#],
        good: &[
            r#"{"linux": {"resources": {"memory": {"limit": 2048, "swap": 2048}}}}"#,
            r#"{"linux": {"resources": {"memory": {"limit": 2048, "swap": -1}}}}"#,
        ],
    }
    RESERVATION {
        id: "OCI-L14-RESERVATION",
        severity: Warning,
        section: "config-linux.md#memory",
        explanation: "A soft limit above the hard one has no effect.",
        check: Document(reservation_is_within_limit),
        bad: &[r#"{"linux": {"resources": {"memory": {"limit": 1024, "reservation": 2048}}}}"#],
        good: &[r#"{"linux": {"resources": {"memory": {"limit": 2048, "reservation": 1024}}}}"#],
    }
    SHARES {
        id: "OCI-L16-SHARES",
        severity: Warning,
        section: "config-linux.md#cpu",
        explanation: "The kernel takes CPU shares from 2 to 262144, and quietly moves others there; 0 is no value.",
        check: Document(shares_are_in_range),
        bad: &[
            r#"{"linux": {"resources": {"cpu": {"shares": 1}}}}"#,
            r#"{"linux": {"resources": {"cpu": {"shares": 262145}}}}"#,
        ],
        good: &[
            r#"{"linux": {"resources": {"cpu": {"shares": 0}}}}"#,
            r#"{"linux": {"resources": {"cpu": {"shares": 262144}}}}"#,
        ],
    }
    IDLE {
        id: "OCI-L16-IDLE",
        severity: Warning,
        section: "config-linux.md#cpu",
        explanation: "A cgroup that only runs when nothing else does has no shares.",
        error_under: &[Crun],
        check: Document(idle_has_no_shares),
        bad: &[r#"{"linux": {"resources": {"cpu": {"idle": 1, "shares": 1024}}}}"#],
        good: &[r#"{"linux": {"resources": {"cpu": {"idle": 0, "shares": 1024}}}}"#],
    }
    WEIGHT {
        id: "OCI-L17-RANGE",
        severity: Warning,
        section: "config-linux.md#block-io",
        explanation: "The kernel takes weights from 10 to 1000; 0 is no value.",
        check: Document(weights_are_in_range),
        bad: &[
            r#"{"linux": {"resources": {"blockIO": {"weight": 1001}}}}"#,
            r#"{"linux": {"resources": {"blockIO": {"weightDevice": [{"major": 8, "minor": 0, "leafWeight": 9}]}}}}"#,
        ],
        good: &[r#"{"linux": {"resources": {"blockIO": {"weight": 0, "leafWeight": 1000}}}}"#],
    }
    CONTROLLER {
        id: "OCI-L23-NAME",
        severity: Warning,
        section: "config-linux.md#unified",
        explanation: "The name of a cgroup file begins with its controller and a dot.",
        error_under: &[Crun],
        check: Document(files_have_a_controller),
        bad: &[r#"{"linux": {"resources": {"unified": {"memory": "1"}}}}"#],
        good: &[r#"{"linux": {"resources": {"unified": {"memory.high": "1"}}}}"#],
    }
}

/// A limit of memory that is one.
fn memory<'d>(config: Node<'d>, name: &str) -> Option<(Node<'d>, i64)> {
    let node = config.at("/linux/resources/memory")?.get(name)?;
    Some((node, node.as_i64()?)).filter(|(_, bytes)| *bytes > 0)
}

fn swap_is_within_limit(config: Node<'_>, sink: &mut Sink<'_>) {
    if let (Some((node, swap)), Some((_, limit))) = (memory(config, "swap"), memory(config, "limit")) {
        if swap < limit {
            sink.add(node, format!("memory and swap together are less than the memory of {limit}"));
        }
    }
}

fn reservation_is_within_limit(config: Node<'_>, sink: &mut Sink<'_>) {
    if let (Some((node, soft)), Some((_, limit))) = (memory(config, "reservation"), memory(config, "limit")) {
        if soft > limit {
            sink.add(node, format!("the reservation is above the limit of {limit}"));
        }
    }
}

fn shares_are_in_range(config: Node<'_>, sink: &mut Sink<'_>) {
    let shares = config.at("/linux/resources/cpu/shares").and_then(|node| Some((node, node.as_u64()?)));
    if let Some((node, _)) = shares.filter(|(_, shares)| *shares != 0 && !(2..=262_144).contains(shares)) {
        sink.add(node, "expected shares from 2 to 262144");
    }
}

fn idle_has_no_shares(config: Node<'_>, sink: &mut Sink<'_>) {
    let Some(cpu) = config.at("/linux/resources/cpu") else { return };
    let number = |name| cpu.get(name).and_then(|node| node.as_u64());
    if let (Some(1), Some(1..), Some(shares)) = (number("idle"), number("shares"), cpu.get("shares")) {
        sink.add(shares, "an idle cgroup has no shares");
    }
}

fn weights_are_in_range(config: Node<'_>, sink: &mut Sink<'_>) {
    let Some(block_io) = config.at("/linux/resources/blockIO") else { return };
    let devices = block_io.get("weightDevice").into_iter().flat_map(|devices| devices.elements());
    for owner in std::iter::once(block_io).chain(devices) {
        for node in ["weight", "leafWeight"].into_iter().filter_map(|name| owner.get(name)) {
            if node.as_u64().is_some_and(|weight| weight != 0 && !(10..=1000).contains(&weight)) {
                sink.add(node, "expected a weight from 10 to 1000");
            }
        }
    }
}

fn files_have_a_controller(config: Node<'_>, sink: &mut Sink<'_>) {
    let files = config.at("/linux/resources/unified").into_iter().flat_map(|files| files.members());
    for file in files.filter(|file| !file.key.contains('/') && file.key.find('.').is_none_or(|dot| dot == 0))
    {
        sink.add_at_key(file.value, "expected CONTROLLER.FILE, such as memory.high");
    }
}
