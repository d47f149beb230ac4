//! Block devices: config-linux.md#block-io.

use super::Check::{Document, Structure};
use super::rules;
use super::shape::{INT64, Shape, UINT16, UINT64, optional, required};
use crate::Severity::Error;
use crate::json::Node;
use crate::report::Sink;

pub(super) static BLOCK_IO: Shape = Shape::Object(&[
    optional("weight", &UINT16, &WEIGHT),
    optional("leafWeight", &UINT16, &WEIGHT),
    optional("weightDevice", &Shape::Array(&WEIGHT_DEVICE), &WEIGHT),
    optional("throttleReadBpsDevice", &THROTTLES, &THROTTLE),
    optional("throttleWriteBpsDevice", &THROTTLES, &THROTTLE),
    optional("throttleReadIOPSDevice", &THROTTLES, &THROTTLE),
    optional("throttleWriteIOPSDevice", &THROTTLES, &THROTTLE),
]);

static WEIGHT_DEVICE: Shape = Shape::Object(&[
    required("major", &INT64, &WEIGHT),
    required("minor", &INT64, &WEIGHT),
    optional("weight", &UINT16, &WEIGHT),
    optional("leafWeight", &UINT16, &WEIGHT),
]);

static THROTTLES: Shape = Shape::Array(&Shape::Object(&[
    required("major", &INT64, &THROTTLE),
    required("minor", &INT64, &THROTTLE),
    required("rate", &UINT64, &THROTTLE),
]));

rules! {
    WEIGHT {
        id: "OCI-L17",
        severity: Error,
        section: "config-linux.md#block-io",
        explanation: "Weights are uint16; the entry of a device needs its numbers and a weight or a leafWeight.",
        check: Document(devices_have_a_weight),
        bad: &[
            r#"{"linux": {"resources": {"blockIO": {"weight": 65536}}}}"#,
            r#"{"linux": {"resources": {"blockIO": {"weightDevice": [{"major": 8, "minor": 0}]}}}}"#,
            r#"{"linux": {"resources": {"blockIO": {"weightDevice": [{"major": 8, "weight": 10}]}}}}"#,
        ],
        good: &[r#"{"linux": {"resources": {"blockIO": {"weight": 10, "weightDevice": [{"major": 8, "minor": 0, "leafWeight": 10}]}}}}"#],
    }
    THROTTLE {
        id: "OCI-L18",
        severity: Error,
        section: "config-linux.md#block-io",
        explanation: "A throttle needs the numbers of its device and a rate.",
        check: Structure,
        bad: &[
            r#"{"linux": {"resources": {"blockIO": {"throttleReadBpsDevice": [{"major": 8, "minor": 0}]}}}}"#,
            r#"{"linux": {"resources": {"blockIO": {"throttleWriteIOPSDevice": [{"minor": 0, "rate": 1}]}}}}"#,
        ],
        good: &[r#"{"linux": {"resources": {"blockIO": {"throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 600}]}}}}"#],
    }
}

fn devices_have_a_weight(config: Node<'_>, sink: &mut Sink<'_>) {
    let devices = config.at("/linux/resources/blockIO/weightDevice");
    for device in devices.into_iter().flat_map(|devices| devices.elements()) {
        let weight = device.get("weight").is_some() || device.get("leafWeight").is_some();
        if device.kind() == crate::json::Kind::Object && !weight {
            sink.add(device, "`weight` or `leafWeight` is required");
        }
    }
}
