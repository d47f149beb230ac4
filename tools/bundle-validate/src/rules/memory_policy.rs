//! NUMA memory policy: config-linux.md#memory-policy.

use super::Check::Document;
use super::forms::LIST;
use super::rules;
use super::shape::{Shape, optional, required};
use crate::Severity::Error;
use crate::json::Node;
use crate::report::Sink;

pub(super) static MEMORY_POLICY: Shape = Shape::Object(&[
    required("mode", &MODES, &POLICY),
    optional("nodes", &LIST, &POLICY),
    optional("flags", &Shape::Array(&FLAGS), &POLICY),
]);

static MODES: Shape = Shape::Word(&[
    "MPOL_DEFAULT",
    "MPOL_BIND",
    "MPOL_INTERLEAVE",
    "MPOL_WEIGHTED_INTERLEAVE",
    "MPOL_PREFERRED",
    "MPOL_PREFERRED_MANY",
    "MPOL_LOCAL",
]);

static FLAGS: Shape = Shape::Word(&["MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"]);

rules! {
    POLICY {
        id: "OCI-L27",
        severity: Error,
        section: "config-linux.md#memory-policy",
        explanation: "A memory policy needs a mode; DEFAULT and LOCAL take no nodes, the others but PREFERRED need some.",
        check: Document(nodes_fit_the_mode),
        bad: &[
            r#"{"linux": {"memoryPolicy": {"nodes": "0"}}}"#,
            r#"{"linux": {"memoryPolicy": {"mode": "BIND", "nodes": "0"}}}"#,
            r#"{"linux": {"memoryPolicy": {"mode": "MPOL_LOCAL", "nodes": "0"}}}"#,
            r#"{"linux": {"memoryPolicy": {"mode": "MPOL_BIND"}}}"#,
            r#"{"linux": {"memoryPolicy": {"mode": "MPOL_BIND", "nodes": "a"}}}"#,
            r#"{"linux": {"memoryPolicy": {"mode": "MPOL_DEFAULT", "flags": ["STATIC"]}}}"#,
        ],
        good: &[
            r#"{"linux": {"memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0-1", "flags": ["MPOL_F_STATIC_NODES"]}}}"#,
            r#"{"linux": {"memoryPolicy": {"mode": "MPOL_PREFERRED"}}}"#,
        ],
    }
}

fn nodes_fit_the_mode(config: Node<'_>, sink: &mut Sink<'_>) {
    let Some(mode) = config.at("/linux/memoryPolicy/mode") else { return };
    let nodes = config.at("/linux/memoryPolicy/nodes");
    let some = nodes.and_then(|nodes| nodes.as_str()).is_some_and(|nodes| !nodes.trim().is_empty());
    match (mode.as_str(), nodes) {
        (Some("MPOL_DEFAULT" | "MPOL_LOCAL"), Some(nodes)) if some => {
            sink.add(nodes, "this mode takes no nodes");
        }
        (Some("MPOL_BIND" | "MPOL_INTERLEAVE" | "MPOL_WEIGHTED_INTERLEAVE" | "MPOL_PREFERRED_MANY"), _)
            if !some =>
        {
            sink.add(nodes.unwrap_or(mode), "this mode needs `nodes`");
        }
        _ => {}
    }
}
