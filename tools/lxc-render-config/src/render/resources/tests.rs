//! Limits in the words of either version.

use super::*;
use crate::field::Reading;
use bundle_validate::json::{Limits, parse};

/// The lines for `resources` of a document, or the reasons why there are none.
fn lines(version: CgroupVersion, resources: &str) -> Result<Vec<String>, Vec<String>> {
    let document = parse(resources.into(), Limits::default()).unwrap();
    let reading = Reading::default();
    let field = reading.field(document.root());
    let mut lines = Lines { version, lines: vec![] };
    field.get("memory").into_iter().for_each(|field| memory(field, &mut lines));
    field.get("cpu").into_iter().for_each(|field| cpu(field, &mut lines));
    for (name, spec) in [("pids", SpecVersion::V1_0_2), ("pids1.3", SpecVersion::V1_3_0)] {
        field.get(name).into_iter().for_each(|field| pids(field, Some(spec), &mut lines));
    }
    field.get("blockIO").into_iter().for_each(|field| block_io(field, &mut lines));
    field.each("hugepageLimits").for_each(|field| huge_pages(field, &mut lines));
    field.get("network").into_iter().for_each(|field| network(field, &mut lines));
    let members = |name| field.get(name).into_iter().flat_map(Field::members);
    members("rdma").for_each(|(device, field)| rdma_device(device, field, &mut lines));
    members("unified").for_each(|(file, field)| raw(file, field, &mut lines));
    let text = lines.lines.iter().map(|(_, file, value)| format!("{file} = {value}")).collect();
    drop(lines);
    let refusals = reading.into_refusals();
    if refusals.is_empty() { Ok(text) } else { Err(refusals.into_iter().map(|r| r.pointer).collect()) }
}

#[track_caller]
fn check(resources: &str, v1: &[&str], v2: &[&str]) {
    for (version, expected) in [(V1, v1), (V2, v2)] {
        assert_eq!(lines(version, resources).unwrap(), expected, "{resources}");
    }
}

#[track_caller]
fn refused(version: CgroupVersion, resources: &str, pointer: &str) {
    assert_eq!(lines(version, resources).unwrap_err(), [pointer], "{resources}");
}

#[test]
fn memory_and_swap() {
    check(r#"{"memory": {"limit": 0}}"#, &[], &[]);
    check(
        r#"{"memory": {"limit": 100, "swap": 300, "reservation": 50}}"#,
        &[
            "memory.limit_in_bytes = 100",
            "memory.soft_limit_in_bytes = 50",
            "memory.memsw.limit_in_bytes = 300",
        ],
        &["memory.max = 100", "memory.low = 50", "memory.swap.max = 200"],
    );
    check(
        r#"{"memory": {"limit": 100, "swap": 100}}"#,
        &["memory.limit_in_bytes = 100", "memory.memsw.limit_in_bytes = 100"],
        &["memory.max = 100", "memory.swap.max = 0"],
    );
    for unlimited in [r#"{"memory": {"limit": -1}}"#, r#"{"memory": {"limit": -1, "swap": -1}}"#] {
        check(
            unlimited,
            &["memory.limit_in_bytes = -1", "memory.memsw.limit_in_bytes = -1"],
            &["memory.max = max", "memory.swap.max = max"],
        );
    }
    for version in [V1, V2] {
        refused(version, r#"{"memory": {"limit": 10, "swap": 5}}"#, "/memory");
        refused(version, r#"{"memory": {"swap": 5}}"#, "/memory");
        refused(version, r#"{"memory": {"limit": -1, "swap": 5}}"#, "/memory");
    }
}

#[test]
fn what_only_v1_has_of_memory() {
    let memory = r#"{"memory": {"kernelTCP": 7, "swappiness": 0, "disableOOMKiller": true}}"#;
    let v1 = ["memory.kmem.tcp.limit_in_bytes = 7", "memory.swappiness = 0", "memory.oom_control = 1"];
    assert_eq!(lines(V1, memory).unwrap(), v1);
    let pointers = ["/memory/kernelTCP", "/memory/swappiness", "/memory/disableOOMKiller"];
    assert_eq!(lines(V2, memory).unwrap_err(), pointers);
    refused(V1, r#"{"memory": {"swappiness": 101}}"#, "/memory/swappiness");
    let nothing =
        r#"{"memory": {"kernelTCP": -1, "swappiness": 18446744073709551615, "disableOOMKiller": false}}"#;
    check(nothing, &[], &[]);
}

#[test]
fn processor_time() {
    check(
        r#"{"cpu": {"quota": 150000, "period": 50000, "burst": 9, "shares": 1024, "idle": 1, "cpus": "0-1", "mems": "0"}}"#,
        &[
            "cpu.shares = 1024",
            "cpu.idle = 1",
            "cpu.cfs_period_us = 50000",
            "cpu.cfs_quota_us = 150000",
            "cpu.cfs_burst_us = 9",
            "cpuset.cpus = 0-1",
            "cpuset.mems = 0",
        ],
        &[
            "cpu.weight = 100",
            "cpu.idle = 1",
            "cpu.max = 150000 50000",
            "cpu.max.burst = 9",
            "cpuset.cpus = 0-1",
            "cpuset.mems = 0",
        ],
    );
    check(r#"{"cpu": {"quota": -1, "idle": 0}}"#, &["cpu.cfs_quota_us = -1"], &["cpu.max = max 100000"]);
    let realtime = r#"{"cpu": {"realtimeRuntime": 9, "realtimePeriod": 10}}"#;
    assert_eq!(lines(V1, realtime).unwrap(), ["cpu.rt_period_us = 10", "cpu.rt_runtime_us = 9"]);
    assert_eq!(lines(V2, realtime).unwrap_err(), ["/cpu/realtimeRuntime", "/cpu/realtimePeriod"]);
}

#[test]
fn processes() {
    for (limit, value) in [("7", "pids.max = 7"), ("-1", "pids.max = max"), ("0", "pids.max = max")] {
        check(&format!(r#"{{"pids": {limit}}}"#), &[value], &[value]);
    }
    check(r#"{"pids1.3": 0}"#, &["pids.max = 0"], &["pids.max = 0"]);
    check(r#"{"pids1.3": -1}"#, &["pids.max = max"], &["pids.max = max"]);
}

#[test]
fn block_devices() {
    check(
        r#"{"blockIO": {
            "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 5}, {"major": 8, "minor": 1, "rate": 0}],
            "throttleWriteIOPSDevice": [{"major": 8, "minor": 0, "rate": 6}]}}"#,
        &[
            "blkio.throttle.read_bps_device = 8:0 5",
            "blkio.throttle.read_bps_device = 8:1 0",
            "blkio.throttle.write_iops_device = 8:0 6",
        ],
        &["io.max = 8:0 rbps=5", "io.max = 8:1 rbps=max", "io.max = 8:0 wiops=6"],
    );
    let weights = r#"{"blockIO": {"weight": 100, "weightDevice": [{"major": 8, "minor": 0, "weight": 10}]}}"#;
    let v1 = ["blkio.bfq.weight = 100", "blkio.bfq.weight_device = 8:0 10"];
    assert_eq!(lines(V1, weights).unwrap(), v1);
    // Which of the two depends on the host.
    let bfq = ["io.bfq.weight = 100", "io.bfq.weight = 8:0 10"];
    let cost = ["io.weight = default 910", "io.weight = 8:0 1"];
    let v2 = lines(V2, weights).unwrap();
    assert!(v2 == bfq || v2 == cost, "{v2:?}");
}

#[test]
fn huge_pages_and_devices() {
    check(
        r#"{"hugepageLimits": [{"pageSize": "2MB", "limit": 9}], "rdma": {"mlx5": {"hcaHandles": 3}, "x": {}}}"#,
        &[
            "hugetlb.2MB.limit_in_bytes = 9",
            "hugetlb.2MB.rsvd.limit_in_bytes = 9",
            "rdma.max = mlx5 hca_handle=3",
        ],
        &["hugetlb.2MB.max = 9", "hugetlb.2MB.rsvd.max = 9", "rdma.max = mlx5 hca_handle=3"],
    );
    refused(V1, r#"{"hugepageLimits": [{"pageSize": "2.MB", "limit": 9}]}"#, "/hugepageLimits/0");
    refused(V2, r#"{"rdma": {"a b": {"hcaObjects": 3}}}"#, "/rdma/a b");
    let network = r#"{"network": {"classID": 5, "priorities": [{"name": "eth0", "priority": 6}]}}"#;
    assert_eq!(lines(V1, network).unwrap(), ["net_cls.classid = 5", "net_prio.ifpriomap = eth0 6"]);
    assert_eq!(lines(V2, network).unwrap_err(), ["/network/classID", "/network/priorities/0"]);
}

#[test]
fn raw_files_are_written_last_and_line_by_line() {
    let raw = |name: &str, value: &str| format!(r#"{{"unified": {{"{name}": "{value}"}}}}"#);
    let both = r#"{"pids": 7, "unified": {"pids.max": "9", "io.max": "8:0 rbps=1\n8:1 rbps=2\n"}}"#;
    let expected = ["pids.max = 7", "pids.max = 9", "io.max = 8:0 rbps=1", "io.max = 8:1 rbps=2"];
    assert_eq!(lines(V2, both).unwrap(), expected);
    assert_eq!(lines(V2, &raw("hugetlb.2MB.max", "1")).unwrap(), ["hugetlb.2MB.max = 1"]);
    assert_eq!(lines(V2, &raw("cgroup.max.depth", "1")).unwrap(), ["cgroup.max.depth = 1"]);
    for name in ["memory", ".max", "memory.", "a b.c", "a=b.c", "cgroup.procs", "cgroup.kill"] {
        refused(V2, &raw(name, "1"), &format!("/unified/{name}"));
    }
    refused(V2, r#"{"unified": {"../x.y": "1"}}"#, "/unified/..~1x.y");
    refused(V2, &raw("pids.max", " "), "/unified/pids.max");
    refused(V1, &raw("pids.max", "1"), "/unified/pids.max");
}
