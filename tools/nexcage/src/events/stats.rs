//! containerd's metrics as the object that `runc events` prints.

use crate::error::Error;
use nexcage_task_api::metrics::{v1, v2};
use nexcage_task_api::task::Any;
use nexcage_task_api::{ClientError, Malformed};
use serde_json::{Map, Value, json};

/// runc's object of the metrics of either version of cgroups.
pub(crate) fn runc(metrics: &Any) -> Result<Value, Error> {
    let malformed = |error: Malformed| Error::Connection(ClientError::Malformed(error));
    if let Some(metrics) = metrics.unpack::<v1::Metrics>().map_err(malformed)? {
        return Ok(of_v1(&metrics));
    }
    let metrics = metrics.unpack::<v2::Metrics>().map_err(malformed)?;
    Ok(of_v2(&metrics.unwrap_or_default()))
}

/// The parts of which there are numbers; the others are empty.
struct Parts {
    cpu: Value,
    memory: Value,
    pids: Value,
    blkio: Value,
    hugetlb: Value,
}

impl Parts {
    /// All parts in runc's names.
    fn object(self) -> Value {
        let Parts { cpu, memory, pids, blkio, hugetlb } = self;
        let parts = [
            ("cpu", cpu),
            ("cpuset", json!({})),
            ("memory", memory),
            ("pids", pids),
            ("blkio", blkio),
            ("hugetlb", hugetlb),
            ("intel_rdt", json!({})),
            ("network_interfaces", Value::Null),
        ];
        Value::Object(parts.map(|(name, part)| (name.to_owned(), part)).into_iter().collect())
    }
}

/// An object without the members that are 0: runc leaves those out.
fn without_zeros(members: &[(&str, u64)]) -> Value {
    let some = members.iter().filter(|(_, value)| *value != 0);
    Value::Object(some.map(|(name, value)| ((*name).to_owned(), json!(value))).collect())
}

/// A kind of memory; runc always says the limit and how often it was met.
fn entry(limit: u64, usage: u64, max: u64, failcnt: u64) -> Value {
    let mut entry = Map::from_iter([("limit".into(), json!(limit)), ("failcnt".into(), json!(failcnt))]);
    for (name, value) in [("usage", usage), ("max", max)] {
        if value != 0 {
            entry.insert(name.into(), value.into());
        }
    }
    Value::Object(entry)
}

fn pids(current: u64, limit: u64) -> Value {
    without_zeros(&[("current", current), ("limit", limit)])
}

fn of_v1(metrics: &v1::Metrics) -> Value {
    let cpu = metrics.cpu.clone().unwrap_or_default();
    let (usage, throttling) = (cpu.usage.unwrap_or_default(), cpu.throttling.unwrap_or_default());
    let mut usage_json = json!({"kernel": usage.kernel, "user": usage.user});
    if usage.total != 0 {
        usage_json["total"] = json!(usage.total);
    }
    if !usage.per_cpu.is_empty() {
        usage_json["percpu"] = json!(usage.per_cpu);
    }
    let throttled = without_zeros(&[
        ("periods", throttling.periods),
        ("throttledPeriods", throttling.throttled_periods),
        ("throttledTime", throttling.throttled_time),
    ]);
    let number = metrics.pids.clone().unwrap_or_default();
    let hugetlb = metrics.hugetlb.iter().map(|huge| {
        let members = [("usage", huge.usage), ("max", huge.max)];
        let mut value = without_zeros(&members);
        value["failcnt"] = json!(huge.failcnt);
        (huge.pagesize.clone(), value)
    });
    Parts {
        cpu: json!({"usage": usage_json, "throttling": throttled}),
        memory: memory_of_v1(&metrics.memory.clone().unwrap_or_default()),
        pids: pids(number.current, number.limit),
        blkio: blkio_of_v1(&metrics.blkio.clone().unwrap_or_default()),
        hugetlb: Value::Object(hugetlb.collect()),
    }
    .object()
}

fn memory_of_v1(memory: &v1::MemoryStat) -> Value {
    let kind = |entry: &Option<v1::MemoryEntry>| {
        let kind = entry.clone().unwrap_or_default();
        self::entry(kind.limit, kind.usage, kind.max, kind.failcnt)
    };
    let mut value = json!({"usage": kind(&memory.usage), "swap": kind(&memory.swap),
        "kernel": kind(&memory.kernel), "kernelTCP": kind(&memory.kernel_tcp), "raw": raw_of_v1(memory)});
    if memory.cache != 0 {
        value["cache"] = json!(memory.cache);
    }
    value
}

/// The kernel's memory.stat, by its own names.
fn raw_of_v1(m: &v1::MemoryStat) -> Value {
    let members = [
        ("cache", m.cache),
        ("rss", m.rss),
        ("rss_huge", m.rss_huge),
        ("mapped_file", m.mapped_file),
        ("dirty", m.dirty),
        ("writeback", m.writeback),
        ("pgpgin", m.pg_pg_in),
        ("pgpgout", m.pg_pg_out),
        ("pgfault", m.pg_fault),
        ("pgmajfault", m.pg_maj_fault),
        ("inactive_anon", m.inactive_anon),
        ("active_anon", m.active_anon),
        ("inactive_file", m.inactive_file),
        ("active_file", m.active_file),
        ("unevictable", m.unevictable),
        ("hierarchical_memory_limit", m.hierarchical_memory_limit),
        ("hierarchical_memsw_limit", m.hierarchical_swap_limit),
        ("total_cache", m.total_cache),
        ("total_rss", m.total_rss),
        ("total_rss_huge", m.total_rss_huge),
        ("total_mapped_file", m.total_mapped_file),
        ("total_dirty", m.total_dirty),
        ("total_writeback", m.total_writeback),
        ("total_pgpgin", m.total_pg_pg_in),
        ("total_pgpgout", m.total_pg_pg_out),
        ("total_pgfault", m.total_pg_fault),
        ("total_pgmajfault", m.total_pg_maj_fault),
        ("total_inactive_anon", m.total_inactive_anon),
        ("total_active_anon", m.total_active_anon),
        ("total_inactive_file", m.total_inactive_file),
        ("total_active_file", m.total_active_file),
        ("total_unevictable", m.total_unevictable),
    ];
    Value::Object(members.map(|(name, value)| (name.to_owned(), json!(value))).into_iter().collect())
}

fn blkio_of_v1(blkio: &v1::BlkioStat) -> Value {
    let lists = [
        ("ioServiceBytesRecursive", &blkio.io_service_bytes_recursive),
        ("ioServicedRecursive", &blkio.io_serviced_recursive),
        ("ioQueueRecursive", &blkio.io_queued_recursive),
        ("ioServiceTimeRecursive", &blkio.io_service_time_recursive),
        ("ioWaitTimeRecursive", &blkio.io_wait_time_recursive),
        ("ioMergedRecursive", &blkio.io_merged_recursive),
        ("ioTimeRecursive", &blkio.io_time_recursive),
        ("sectorsRecursive", &blkio.sectors_recursive),
    ];
    let some = lists.iter().filter(|(_, list)| !list.is_empty());
    let lists = some.map(|(name, list)| {
        let list = list.iter().map(|one| operation(one.major, one.minor, &one.op, one.value));
        ((*name).to_owned(), Value::Array(list.collect()))
    });
    Value::Object(lists.collect())
}

fn operation(major: u64, minor: u64, op: &str, value: u64) -> Value {
    let mut operation = without_zeros(&[("major", major), ("minor", minor), ("value", value)]);
    if !op.is_empty() {
        operation["op"] = json!(op);
    }
    operation
}

fn of_v2(metrics: &v2::Metrics) -> Value {
    let cpu = metrics.cpu.clone().unwrap_or_default();
    let nanoseconds = |micros: u64| micros.saturating_mul(1000);
    let mut usage = json!({"kernel": nanoseconds(cpu.system_usec), "user": nanoseconds(cpu.user_usec)});
    if cpu.usage_usec != 0 {
        usage["total"] = json!(nanoseconds(cpu.usage_usec));
    }
    let throttled = without_zeros(&[
        ("periods", cpu.nr_periods),
        ("throttledPeriods", cpu.nr_throttled),
        ("throttledTime", nanoseconds(cpu.throttled_usec)),
    ]);
    let number = metrics.pids.clone().unwrap_or_default();
    let hugetlb = metrics.hugetlb.iter().map(|huge| {
        let mut value = without_zeros(&[("usage", huge.current), ("max", huge.max)]);
        value["failcnt"] = json!(0);
        (huge.pagesize.clone(), value)
    });
    Parts {
        cpu: json!({"usage": usage, "throttling": throttled}),
        memory: memory_of_v2(metrics),
        pids: pids(number.current, number.limit),
        blkio: blkio_of_v2(&metrics.io.clone().unwrap_or_default()),
        hugetlb: Value::Object(hugetlb.collect()),
    }
    .object()
}

fn memory_of_v2(metrics: &v2::Metrics) -> Value {
    let memory = metrics.memory.clone().unwrap_or_default();
    let met = metrics.memory_events.clone().unwrap_or_default().max;
    // runc's swap is memory and swap together, as in version 1.
    let together = |memory: u64, swap: u64| memory.saturating_add(swap);
    let swap = entry(
        together(memory.usage_limit, memory.swap_limit),
        together(memory.usage, memory.swap_usage),
        together(memory.max_usage, memory.swap_max_usage),
        0,
    );
    let usage = entry(memory.usage_limit, memory.usage, memory.max_usage, met);
    let none = entry(0, 0, 0, 0);
    let mut value =
        json!({"usage": usage, "swap": swap, "kernel": none, "kernelTCP": none, "raw": raw_of_v2(&memory)});
    if memory.file != 0 {
        value["cache"] = json!(memory.file);
    }
    value
}

/// The kernel's memory.stat, by its own names.
fn raw_of_v2(m: &v2::MemoryStat) -> Value {
    let members = [
        ("anon", m.anon),
        ("file", m.file),
        ("kernel_stack", m.kernel_stack),
        ("slab", m.slab),
        ("sock", m.sock),
        ("shmem", m.shmem),
        ("file_mapped", m.file_mapped),
        ("file_dirty", m.file_dirty),
        ("file_writeback", m.file_writeback),
        ("anon_thp", m.anon_thp),
        ("inactive_anon", m.inactive_anon),
        ("active_anon", m.active_anon),
        ("inactive_file", m.inactive_file),
        ("active_file", m.active_file),
        ("unevictable", m.unevictable),
        ("slab_reclaimable", m.slab_reclaimable),
        ("slab_unreclaimable", m.slab_unreclaimable),
        ("pgfault", m.pgfault),
        ("pgmajfault", m.pgmajfault),
        ("pgrefill", m.pgrefill),
        ("pgscan", m.pgscan),
        ("pgsteal", m.pgsteal),
        ("pgactivate", m.pgactivate),
        ("pgdeactivate", m.pgdeactivate),
        ("pglazyfree", m.pglazyfree),
        ("pglazyfreed", m.pglazyfreed),
        ("thp_fault_alloc", m.thp_fault_alloc),
        ("thp_collapse_alloc", m.thp_collapse_alloc),
    ];
    Value::Object(members.map(|(name, value)| (name.to_owned(), json!(value))).into_iter().collect())
}

fn blkio_of_v2(io: &v2::IoStat) -> Value {
    let list = |of: fn(&v2::IoEntry) -> [(&'static str, u64); 2]| {
        let all = io.usage.iter().flat_map(|device| {
            of(device).map(|(op, value)| operation(device.major, device.minor, op, value))
        });
        Value::Array(all.collect())
    };
    if io.usage.is_empty() {
        return json!({});
    }
    json!({
        "ioServiceBytesRecursive": list(|device| [("Read", device.rbytes), ("Write", device.wbytes)]),
        "ioServicedRecursive": list(|device| [("Read", device.rios), ("Write", device.wios)]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_1_is_told_in_runcs_names() {
        let usage = v1::CpuUsage { total: 5, kernel: 2, user: 0, per_cpu: vec![3, 2] };
        let entry = v1::MemoryEntry { limit: 9, usage: 4, max: 0, failcnt: 0 };
        let metrics = v1::Metrics {
            cpu: Some(v1::CpuStat { usage: Some(usage), throttling: None }),
            memory: Some(v1::MemoryStat { cache: 7, usage: Some(entry), ..v1::MemoryStat::default() }),
            pids: Some(v1::PidsStat { current: 1, limit: 0 }),
            ..v1::Metrics::default()
        };
        let told = runc(&Any::pack(&metrics)).unwrap();
        assert_eq!(told["cpu"]["usage"], json!({"total": 5, "kernel": 2, "user": 0, "percpu": [3, 2]}));
        assert_eq!(told["cpu"]["throttling"], json!({}));
        assert_eq!(told["memory"]["usage"], json!({"limit": 9, "usage": 4, "failcnt": 0}));
        assert_eq!((&told["memory"]["cache"], &told["memory"]["raw"]["cache"]), (&json!(7), &json!(7)));
        assert_eq!((&told["pids"], &told["blkio"]), (&json!({"current": 1}), &json!({})));
        assert_eq!(told["network_interfaces"], Value::Null);
    }

    #[test]
    fn version_2_is_told_in_the_same_units() {
        let io = v2::IoEntry { major: 8, rbytes: 10, wbytes: 20, rios: 1, ..v2::IoEntry::default() };
        let metrics = v2::Metrics {
            cpu: Some(v2::CpuStat { usage_usec: 5, user_usec: 3, system_usec: 2, ..v2::CpuStat::default() }),
            memory: Some(v2::MemoryStat {
                usage: 4,
                usage_limit: u64::MAX,
                swap_usage: 1,
                swap_limit: u64::MAX,
                file: 3,
                ..v2::MemoryStat::default()
            }),
            io: Some(v2::IoStat { usage: vec![io], psi: None }),
            ..v2::Metrics::default()
        };
        let told = runc(&Any::pack(&metrics)).unwrap();
        assert_eq!(told["cpu"]["usage"], json!({"total": 5000, "kernel": 2000, "user": 3000}));
        assert_eq!(told["memory"]["swap"], json!({"limit": u64::MAX, "usage": 5, "failcnt": 0}));
        assert_eq!(told["memory"]["cache"], json!(3));
        assert_eq!(
            told["blkio"]["ioServiceBytesRecursive"],
            json!([{"major": 8, "op": "Read", "value": 10}, {"major": 8, "op": "Write", "value": 20}])
        );
    }
}
