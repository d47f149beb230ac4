//! Resources: config-linux.md#control-groups, but for block devices.

use super::Check::{Document, Structure};
use super::forms::LIST;
use super::shape::{BOOL, Field, Form, INT64, STRING, STRING_MAP, Shape, UINT32, UINT64, optional, required};
use super::{block_io, rules};
use crate::Severity::Error;
use crate::SpecVersion::V1_1_0;
use crate::json::Node;
use crate::report::Sink;

pub(super) static RESOURCES: Shape = Shape::Object(FIELDS);

static FIELDS: &[Field] = &[
    optional("devices", &Shape::Array(&ACCESS_RULE), &DEVICE),
    optional("memory", &MEMORY, &AMOUNT),
    optional("cpu", &CPU, &CPUS),
    optional("blockIO", &block_io::BLOCK_IO, &block_io::WEIGHT),
    optional("hugepageLimits", &Shape::Array(&HUGE_PAGE), &HUGE_PAGES),
    optional("network", &NETWORK, &PRIORITY),
    optional("pids", &Shape::Object(&[required("limit", &INT64, &PIDS)]), &PIDS),
    optional("rdma", &Shape::Map(&RDMA_DEVICE), &RDMA),
    optional("unified", &STRING_MAP, &UNIFIED).since(V1_1_0),
];

static ACCESS_RULE: Shape = Shape::Object(&[
    required("allow", &BOOL, &DEVICE),
    optional("type", &Shape::Word(&["a", "b", "c"]), &DEVICE),
    optional("major", &INT64, &DEVICE),
    optional("minor", &INT64, &DEVICE),
    optional("access", &ACCESS, &DEVICE),
]);

static ACCESS: Shape = Shape::Form(&Form {
    name: "a composition of r, w and m",
    accepts: |text| !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'r' | b'w' | b'm')),
});

static BYTES: Shape = Shape::Integer(-1, i64::MAX as i128);

static MEMORY: Shape = Shape::Object(&[
    optional("limit", &BYTES, &AMOUNT),
    optional("reservation", &BYTES, &AMOUNT),
    optional("swap", &BYTES, &AMOUNT),
    optional("kernel", &BYTES, &AMOUNT),
    optional("kernelTCP", &BYTES, &AMOUNT),
    optional("swappiness", &Shape::Integer(0, 100), &AMOUNT),
    optional("disableOOMKiller", &BOOL, &AMOUNT),
    optional("useHierarchy", &BOOL, &AMOUNT),
    optional("checkBeforeUpdate", &BOOL, &AMOUNT).since(V1_1_0),
]);

static CPU: Shape = Shape::Object(&[
    optional("shares", &UINT64, &CPUS),
    optional("quota", &INT64, &CPUS),
    optional("burst", &UINT64, &BURST).since(V1_1_0),
    optional("period", &UINT64, &CPUS),
    optional("realtimeRuntime", &INT64, &CPUS),
    optional("realtimePeriod", &UINT64, &CPUS),
    optional("cpus", &LIST, &CPUS),
    optional("mems", &LIST, &CPUS),
    optional("idle", &Shape::Integer(0, 1), &CPUS).since(V1_1_0),
]);

static HUGE_PAGE: Shape =
    Shape::Object(&[required("pageSize", &PAGE_SIZE, &HUGE_PAGES), required("limit", &UINT64, &HUGE_PAGES)]);

static PAGE_SIZE: Shape = Shape::Form(&Form {
    name: "a size such as 64KB, 2MB or 1GB",
    accepts: |text| {
        let number = ["KB", "MB", "GB"].iter().find_map(|unit| text.strip_suffix(unit)).unwrap_or_default();
        !number.is_empty() && !number.starts_with('0') && number.bytes().all(|byte| byte.is_ascii_digit())
    },
});

static NETWORK: Shape = Shape::Object(&[
    optional("classID", &UINT32, &PRIORITY),
    optional("priorities", &Shape::Array(&INTERFACE), &PRIORITY),
]);

static INTERFACE: Shape =
    Shape::Object(&[required("name", &STRING, &PRIORITY), required("priority", &UINT32, &PRIORITY)]);

static RDMA_DEVICE: Shape =
    Shape::Object(&[optional("hcaHandles", &UINT32, &RDMA), optional("hcaObjects", &UINT32, &RDMA)]);

rules! {
    OBJECT {
        id: "OCI-L13-OBJECT",
        severity: Error,
        section: "config-linux.md#control-groups",
        explanation: "resources is an object.",
        check: Structure,
        bad: &[r#"{"linux": {"resources": []}}"#],
        good: &[r#"{"linux": {"resources": {}}}"#],
    }
    DEVICE {
        id: "OCI-L13",
        severity: Error,
        section: "config-linux.md#allowed-device-list",
        explanation: "An entry of the allowed device list says whether it allows; its type is a, b or c, its access made of r, w, m.",
        check: Structure,
        bad: &[
            r#"{"linux": {"resources": {"devices": [{"access": "r"}]}}}"#,
            r#"{"linux": {"resources": {"devices": [{"allow": true, "type": "u"}]}}}"#,
            r#"{"linux": {"resources": {"devices": [{"allow": true, "access": "rx"}]}}}"#,
        ],
        good: &[r#"{"linux": {"resources": {"devices": [{"allow": true, "type": "c", "major": 1, "minor": 3, "access": "rw"}]}}}"#],
    }
    AMOUNT {
        id: "OCI-L14",
        severity: Error,
        section: "config-linux.md#memory",
        explanation: "Memory limits are int64 of at least -1, which means unlimited; swappiness is from 0 to 100.",
        check: Structure,
        bad: &[
            r#"{"linux": {"resources": {"memory": {"limit": -2}}}}"#,
            r#"{"linux": {"resources": {"memory": {"swappiness": 101}}}}"#,
            r#"{"linux": {"resources": {"memory": {"limit": "1G"}}}}"#,
        ],
        good: &[r#"{"linux": {"resources": {"memory": {"limit": 536870912, "swap": -1, "swappiness": 100}}}}"#],
    }
    BURST {
        id: "OCI-L15",
        severity: Error,
        section: "config-linux.md#cpu",
        explanation: "A burst must not be larger than a positive quota.",
        check: Document(burst_is_within_quota),
        bad: &[r#"{"linux": {"resources": {"cpu": {"quota": 1000, "burst": 1001}}}}"#, r#"{"linux": {"resources": {"cpu": {"burst": -1}}}}"#],
        good: &[r#"{"linux": {"resources": {"cpu": {"quota": 1000, "burst": 1000}}}}"#, r#"{"linux": {"resources": {"cpu": {"quota": -1, "burst": 1}}}}"#],
    }
    CPUS {
        id: "OCI-L16",
        severity: Error,
        section: "config-linux.md#cpu",
        explanation: "cpus and mems are lists of numbers and ranges; idle is 0 or 1; the times are numbers of microseconds.",
        check: Structure,
        bad: &[
            r#"{"linux": {"resources": {"cpu": {"cpus": "a"}}}}"#,
            r#"{"linux": {"resources": {"cpu": {"mems": "1-0"}}}}"#,
            r#"{"linux": {"resources": {"cpu": {"idle": 2}}}}"#,
            r#"{"linux": {"resources": {"cpu": {"shares": -1}}}}"#,
        ],
        good: &[r#"{"linux": {"resources": {"cpu": {"cpus": "0-3,7", "mems": "0", "idle": 1, "shares": 2}}}}"#],
    }
    HUGE_PAGES {
        id: "OCI-L19",
        severity: Error,
        section: "config-linux.md#huge-page-limits",
        explanation: "A huge page limit needs a page size such as 2MB, as the kernel names its files, and a limit.",
        check: Structure,
        bad: &[
            r#"{"linux": {"resources": {"hugepageLimits": [{"limit": 1}]}}}"#,
            r#"{"linux": {"resources": {"hugepageLimits": [{"pageSize": "2M", "limit": 1}]}}}"#,
            r#"{"linux": {"resources": {"hugepageLimits": [{"pageSize": "2MB"}]}}}"#,
        ],
        good: &[r#"{"linux": {"resources": {"hugepageLimits": [{"pageSize": "2MB", "limit": 18446744073709551615}]}}}"#],
    }
    PRIORITY {
        id: "OCI-L20",
        severity: Error,
        section: "config-linux.md#network",
        explanation: "A network priority needs the name of an interface and a priority; classID is a uint32.",
        check: Structure,
        bad: &[
            r#"{"linux": {"resources": {"network": {"priorities": [{"name": "eth0"}]}}}}"#,
            r#"{"linux": {"resources": {"network": {"classID": "0x10001"}}}}"#,
        ],
        good: &[r#"{"linux": {"resources": {"network": {"classID": 65537, "priorities": [{"name": "eth0", "priority": 5}]}}}}"#],
    }
    PIDS {
        id: "OCI-L21",
        severity: Error,
        section: "config-linux.md#pids",
        explanation: "pids needs a limit, an int64.",
        check: Structure,
        bad: &[r#"{"linux": {"resources": {"pids": {}}}}"#, r#"{"linux": {"resources": {"pids": {"limit": "max"}}}}"#],
        good: &[r#"{"linux": {"resources": {"pids": {"limit": -1}}}}"#],
    }
    RDMA {
        id: "OCI-L22",
        severity: Error,
        section: "config-linux.md#rdma",
        explanation: "The entry of an RDMA device has hcaHandles or hcaObjects or both.",
        check: Document(rdma_limits_something),
        bad: &[
            r#"{"linux": {"resources": {"rdma": {"mlx5_1": {}}}}}"#,
            r#"{"linux": {"resources": {"rdma": {"mlx5_1": {"hcaHandles": -1}}}}}"#,
        ],
        good: &[r#"{"linux": {"resources": {"rdma": {"mlx5_1": {"hcaObjects": 3}}}}}"#],
    }
    UNIFIED {
        id: "OCI-L23",
        severity: Error,
        section: "config-linux.md#unified",
        explanation: "unified is a map from names of cgroup files, not paths, to strings.",
        check: Document(unified_names_files),
        bad: &[
            r#"{"linux": {"resources": {"unified": {"memory.high": 1}}}}"#,
            r#"{"linux": {"resources": {"unified": {"../memory.high": "1"}}}}"#,
        ],
        good: &[r#"{"linux": {"resources": {"unified": {"memory.high": "1", "hugetlb.1GB.max": "0"}}}}"#],
    }
}

fn burst_is_within_quota(config: Node<'_>, sink: &mut Sink<'_>) {
    let Some(cpu) = config.at("/linux/resources/cpu") else { return };
    let (Some(burst), Some(quota)) = (cpu.get("burst"), cpu.get("quota")) else { return };
    let (Some(most), Some(limit)) = (burst.as_i128(), quota.as_i128()) else { return };
    if limit > 0 && most > limit {
        sink.add(burst, format!("the burst is larger than the quota of {limit}"));
    }
}

fn rdma_limits_something(config: Node<'_>, sink: &mut Sink<'_>) {
    let devices = config.at("/linux/resources/rdma").into_iter().flat_map(|devices| devices.members());
    for device in devices.map(|member| member.value) {
        let limits = device.get("hcaHandles").is_some() || device.get("hcaObjects").is_some();
        if device.kind() == crate::json::Kind::Object && !limits {
            sink.add(device, "`hcaHandles` or `hcaObjects` is required");
        }
    }
}

fn unified_names_files(config: Node<'_>, sink: &mut Sink<'_>) {
    let files = config.at("/linux/resources/unified").into_iter().flat_map(|files| files.members());
    for file in files.filter(|file| file.key.contains('/') || matches!(file.key, "" | "." | "..")) {
        sink.add_at_key(file.value, "expected the name of a cgroup file");
    }
}
