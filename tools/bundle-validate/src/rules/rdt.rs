//! Intel resource director technology: config-linux.md#intelrdt.

use super::Check::{Document, Structure};
use super::forms::ONE_LINE;
use super::rules;
use super::shape::{BOOL, Form, STRING, Shape, optional};
use crate::Profile::Strict;
use crate::Severity::{Error, Note, Warning};
use crate::SpecVersion::{V1_1_0, V1_3_0};
use crate::json::Node;
use crate::report::Sink;

pub(super) static INTEL_RDT: Shape = Shape::Object(&[
    optional("closID", &STRING, &SCHEMA),
    optional("schemata", &Shape::Array(&ONE_LINE), &SCHEMA).since(V1_3_0),
    optional("l3CacheSchema", &ONE_LINE, &SCHEMA),
    optional("memBwSchema", &BANDWIDTH, &SCHEMA),
    optional("enableMonitoring", &BOOL, &SCHEMA).since(V1_3_0),
    optional("enableCMT", &BOOL, &SCHEMA).since(V1_1_0).until(V1_3_0, &REPLACED),
    optional("enableMBM", &BOOL, &SCHEMA).since(V1_1_0).until(V1_3_0, &REPLACED),
]);

static BANDWIDTH: Shape = Shape::Form(&Form {
    name: "one line that starts with MB:",
    accepts: |text| text.starts_with("MB:") && !text.contains(['\n', '\r']),
});

rules! {
    SCHEMA {
        id: "OCI-L24",
        severity: Error,
        section: "config-linux.md#intelrdt",
        explanation: "Schemas are single lines of the schemata file; that of memory bandwidth starts with MB:.",
        check: Structure,
        bad: &[
            r#"{"linux": {"intelRdt": {"memBwSchema": "L3:0=70"}}}"#,
            r#"{"linux": {"intelRdt": {"memBwSchema": "MB:0=70\nMB:1=20"}}}"#,
            r#"{"linux": {"intelRdt": {"schemata": ["L3:0=f\nMB:0=1"]}}}"#,
            r#"{"linux": {"intelRdt": {"enableMonitoring": 1}}}"#,
        ],
        good: &[r#"{"linux": {"intelRdt": {"closID": "guaranteed", "memBwSchema": "MB:0=70;1=20", "schemata": ["L3:0=f"]}}}"#],
    }
    CACHE {
        id: "OCI-L24-CACHE",
        severity: Warning,
        section: "config-linux.md#intelrdt",
        explanation: "The schema of the L3 cache should start with L3:.",
        error_under: &[Strict],
        check: Document(cache_schema_has_its_prefix),
        bad: &[r#"{"linux": {"intelRdt": {"l3CacheSchema": "0=7f0"}}}"#],
        good: &[r#"{"linux": {"intelRdt": {"l3CacheSchema": "L3:0=7f0"}}}"#],
    }
    REPLACED {
        id: "OCI-L26",
        severity: Note,
        section: "config-linux.md#intelrdt",
        explanation: "enableCMT and enableMBM were replaced by enableMonitoring in version 1.3.0.",
        since: V1_3_0,
        check: Structure,
        bad: &[r#"{"linux": {"intelRdt": {"enableCMT": true}}}"#, r#"{"linux": {"intelRdt": {"enableMBM": false}}}"#],
        good: &[
            r#"{"linux": {"intelRdt": {"enableMonitoring": true}}}"#,
            r#"{"ociVersion": "1.2.1", "linux": {"intelRdt": {"enableCMT": true, "enableMBM": true}}}"#,
        ],
    }
}

fn cache_schema_has_its_prefix(config: Node<'_>, sink: &mut Sink<'_>) {
    let schema = config.at("/linux/intelRdt/l3CacheSchema");
    if let Some(schema) = schema.filter(|node| node.as_str().is_some_and(|text| !text.starts_with("L3:"))) {
        sink.add(schema, "the schema should start with L3:");
    }
}
