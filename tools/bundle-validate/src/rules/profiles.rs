//! What runtimes refuse or ignore as a whole: fields. Single values that they refuse are marked in
//! the rules that they break (`error_under`).

use super::Check::Document;
use super::rules;
use crate::Profile::{Crun, Lxc, Pve, Runc};
use crate::Severity::{Error, Note, Warning};
use crate::json::{Kind, Node};
use crate::report::Sink;
use nexcage_mapping::{Class, Lookup, Mark};
use std::sync::LazyLock;

rules! {
    RUNC_REFUSES {
        id: "OCI-RUNC-REFUSED",
        severity: Error,
        section: "config.md",
        explanation: "runc does not start a container with this.",
        only_under: &[Runc],
        check: Document(|config, sink| told(RUNC_REFUSED, config, sink)),
        bad: &[r#"{"process": null}"#],
        good: &["{}"],
    }
    RUNC_IGNORES {
        id: "OCI-RUNC-IGNORED",
        severity: Warning,
        section: "config.md",
        explanation: "runc starts the container as if this were not there.",
        only_under: &[Runc],
        check: Document(|config, sink| told(RUNC_IGNORED, config, sink)),
        bad: &[r#"{"linux": {"resources": {"memory": {"kernel": 1048576}}}}"#],
        good: &[r#"{"linux": {"resources": {"memory": {"kernel": 0}}}}"#],
    }
    CRUN_REFUSES {
        id: "OCI-CRUN-REFUSED",
        severity: Error,
        section: "config.md",
        explanation: "crun does not start a container with this; resource limits that cgroup v2 does not have it takes on cgroup v1 only.",
        only_under: &[Crun],
        check: Document(|config, sink| told(CRUN_REFUSED, config, sink)),
        bad: &[r#"{"linux": {"resources": {"memory": {"swappiness": 0}}}}"#, r#"{"mounts": null}"#],
        good: &[r#"{"mounts": [], "linux": {"resources": {"memory": {"disableOOMKiller": false}}}}"#],
    }
    CRUN_IGNORES {
        id: "OCI-CRUN-IGNORED",
        severity: Warning,
        section: "config.md",
        explanation: "crun starts the container as if this were not there.",
        only_under: &[Crun],
        check: Document(|config, sink| told(CRUN_IGNORED, config, sink)),
        bad: &[r#"{"process": {"commandLine": "sh"}}"#],
        good: &[r#"{"process": {"commandLine": ""}}"#],
    }
    LXC_REFUSES {
        id: "OCI-LXC-REFUSED",
        severity: Error,
        section: "config.md",
        explanation: "lxc-render-config refuses a bundle that uses this; nexcage-mapping(7) has all fields.",
        only_under: &[Lxc, Pve],
        check: Document(|config, sink| walk(config, "", Class::Refused, sink)),
        bad: &[r#"{"solaris": {"milestone": "x"}}"#],
        good: &[r#"{"solaris": {"milestone": ""}}"#],
    }
    LXC_DIFFERS {
        id: "OCI-LXC-DIFFERENT",
        severity: Note,
        section: "config.md",
        explanation: "nexcage carries this out with a difference; nexcage-mapping(7) has all fields.",
        only_under: &[Lxc, Pve],
        check: Document(|config, sink| walk(config, "", Class::Approximate, sink)),
        bad: &[r#"{"linux": {"resources": {"cpu": {"shares": 512}}}}"#],
        good: &[r#"{"linux": {"resources": {"cpu": {"shares": 0}}}}"#],
    }
}

/// What a runtime does not do.
struct Row {
    /// The field, as a JSON pointer.
    field: &'static str,
    /// When it does not.
    when: When,
    /// Why, in a clause.
    why: &'static str,
}

enum When {
    /// The field is there, whatever its value.
    Present,
    /// The field asks for something: it is neither null, false, 0 nor empty.
    Asks,
    /// The field is not there.
    Absent,
}

const fn row(field: &'static str, when: When, why: &'static str) -> Row {
    Row { field, when, why }
}

const OTHER: &str = "it runs containers of Linux only";
const V2: &str = "cgroup v2 has no such limit";

static RUNC_REFUSED: &[Row] =
    &[row("/process", When::Absent, "runc needs `process` already to create a container")];

static RUNC_IGNORED: &[Row] = &[
    row("/process/commandLine", When::Asks, OTHER),
    row("/linux/resources/memory/kernel", When::Asks, "runc no longer limits kernel memory"),
    row("/linux/resources/memory/kernelTCP", When::Asks, "runc no longer limits kernel memory"),
    row("/linux/resources/memory/useHierarchy", When::Asks, "runc does not read it"),
    row("/windows", When::Asks, OTHER),
    row("/solaris", When::Asks, OTHER),
    row("/freebsd", When::Asks, OTHER),
    row("/zos", When::Asks, OTHER),
    row("/vm", When::Asks, OTHER),
];

static CRUN_REFUSED: &[Row] = &[
    row("/mounts", When::Absent, "crun needs `mounts`, if only an empty one"),
    row("/linux/resources/memory/kernel", When::Asks, V2),
    row("/linux/resources/memory/kernelTCP", When::Asks, V2),
    row("/linux/resources/memory/swappiness", When::Present, V2),
    row("/linux/resources/memory/useHierarchy", When::Asks, V2),
    row("/linux/resources/memory/disableOOMKiller", When::Asks, V2),
    row("/linux/resources/blockIO/leafWeight", When::Asks, V2),
    row("/linux/resources/cpu/realtimeRuntime", When::Asks, V2),
    row("/linux/resources/cpu/realtimePeriod", When::Asks, V2),
    row("/linux/resources/network", When::Asks, V2),
];

static CRUN_IGNORED: &[Row] = &[
    row("/process/commandLine", When::Asks, OTHER),
    row("/windows", When::Asks, OTHER),
    row("/solaris", When::Asks, OTHER),
    row("/freebsd", When::Asks, OTHER),
    row("/zos", When::Asks, OTHER),
];

fn told(rows: &[Row], config: Node<'_>, sink: &mut Sink<'_>) {
    for Row { field, when, why } in rows {
        match (when, config.at(field)) {
            (When::Absent, None) => sink.add(config, *why),
            (When::Present, Some(node)) => sink.add_at_key(node, *why),
            (When::Asks, Some(node)) if asks(node) => sink.add_at_key(node, *why),
            _ => {}
        }
    }
}

/// Whether a value asks for anything.
fn asks(node: Node<'_>) -> bool {
    match node.kind() {
        Kind::Null => false,
        Kind::Bool => node.as_bool() == Some(true),
        Kind::Number => node.as_i128() != Some(0),
        Kind::String => node.as_str() != Some(""),
        Kind::Array | Kind::Object => node.children().any(asks),
    }
}

static LOOKUP: LazyLock<Lookup> = LazyLock::new(Lookup::new);

/// Tells every field of one class in the table of nexcage-mapping that asks for something, with the
/// approximate ones also those that only some hosts have. A refused field stands for all in it.
fn walk(parent: Node<'_>, field: &str, class: Class, sink: &mut Sink<'_>) {
    for child in parent.children() {
        let Some(row) = LOOKUP.child(field, child.key().unwrap_or("*")) else { continue };
        if row.class == class && !row.note.is_empty() && asks(child) {
            sink.add(child, row.note);
        }
        let limited = row.marks.iter().find(|mark| matches!(mark, Mark::CgroupV1 | Mark::CgroupV2));
        if let Some(mark) = limited.filter(|_| class == Class::Approximate && asks(child)) {
            sink.add(child, mark.words());
        }
        if row.class != Class::Refused {
            walk(child, row.field, class, sink);
        }
    }
}
