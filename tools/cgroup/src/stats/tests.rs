//! Statistics of a directory that looks like a cgroup.

use super::*;
use crate::Hierarchies;
use std::fs;

/// Reads a cgroup `c` that has these files, in hierarchies with these kinds and options.
fn stats(hierarchies: &[(&str, &str)], files: &[(&str, &str)]) -> Result<Stats, Error> {
    let root = tempfile::tempdir().unwrap();
    // One directory plays them all.
    let place = root.path().display();
    fs::create_dir(root.path().join("c")).unwrap();
    files.iter().for_each(|(file, text)| fs::write(root.path().join("c").join(file), text).unwrap());
    let mut mountinfo = String::new();
    for (kind, controllers) in hierarchies {
        if *kind == "cgroup2" {
            fs::write(root.path().join("cgroup.controllers"), controllers).unwrap();
        }
        mountinfo.push_str(&format!("1 2 0:3 / {place} rw - {kind} {kind} rw,{controllers}\n"));
    }
    Cgroup::find_in(&Hierarchies::in_mountinfo(&mountinfo), Path::new("c")).stats()
}

fn v2_stats(controllers: &str, files: &[(&str, &str)]) -> v2::Stats {
    match stats(&[("cgroup2", controllers)], files).unwrap() {
        Stats::V2(stats) => *stats,
        Stats::V1(_) => panic!("version 1"),
    }
}

fn v1_stats(controllers: &str, files: &[(&str, &str)]) -> v1::Stats {
    match stats(&[("cgroup", controllers), ("cgroup2", "")], files).unwrap() {
        Stats::V1(stats) => *stats,
        Stats::V2(_) => panic!("version 2"),
    }
}

#[test]
fn v2_memory_and_its_events() {
    let found = v2_stats(
        "memory",
        &[
            ("memory.stat", "anon 1\nanon_thp 2\nfile 3\nworkingset_refault_anon 4\nthp_collapse_alloc 5\n"),
            ("memory.current", "6\n"),
            ("memory.max", "max\n"),
            ("memory.peak", "7\n"),
            ("memory.swap.max", "8\n"),
            ("memory.events", "low 1\nhigh 2\nmax 3\noom 4\noom_kill 5\noom_group_kill 9\n"),
        ],
    );
    let memory = found.memory.unwrap();
    let stat = &memory.stat;
    let kinds = [stat.anon, stat.anon_thp, stat.file, stat.workingset_refault_anon, stat.thp_collapse_alloc];
    assert_eq!(kinds, [1, 2, 3, 4, 5]);
    assert_eq!((memory.usage, memory.limit, memory.max_usage), (6, u64::MAX, 7));
    assert_eq!((memory.swap_usage, memory.swap_limit, memory.swap_max_usage), (0, 8, 0));
    let events = v2::MemoryEvents { low: 1, high: 2, max: 3, oom: 4, oom_kill: 5 };
    assert_eq!(found.memory_events, Some(events));
}

#[test]
fn v2_processors_devices_and_processes() {
    let found = v2_stats(
        "io pids hugetlb rdma",
        &[
            ("cpu.stat", "usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_throttled 2\n"),
            ("io.stat", "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=9 dios=9\n253:1 \n"),
            ("pids.current", "3\n"),
            ("pids.max", "max\n"),
            ("hugetlb.2MB.current", "4096\n"),
            ("hugetlb.2MB.max", "max\n"),
            ("hugetlb.2MB.rsvd.current", "1\n"),
            ("rdma.current", "mlx4_0 hca_handle=2 hca_object=20\n"),
            ("rdma.max", "mlx4_0 hca_handle=max hca_object=2000\n"),
            (
                "io.pressure",
                "some avg10=1.50 avg60=2.00 avg300=0.25 total=7\n\
                 full avg10=0.00 avg60=0.00 avg300=0.00 total=1\n",
            ),
        ],
    );
    let cpu =
        v2::Cpu { usage_usec: 30, user_usec: 20, system_usec: 10, nr_throttled: 2, ..v2::Cpu::default() };
    assert_eq!(found.cpu, Some(cpu));
    let devices = [
        v2::Io { major: 8, minor: 0, rbytes: 1, wbytes: 2, rios: 3, wios: 4 },
        v2::Io { major: 253, minor: 1, ..v2::Io::default() },
    ];
    assert_eq!(found.io, Some(devices.to_vec()));
    assert_eq!(found.pids, Some(Pids { current: 3, limit: u64::MAX }));
    assert_eq!(found.hugetlb, [v2::HugePages { page_size: "2MB".into(), current: 4096, max: u64::MAX }]);
    let device = |hca_handles, hca_objects| RdmaDevice { device: "mlx4_0".into(), hca_handles, hca_objects };
    let rdma = Rdma { current: vec![device(2, 20)], limit: vec![device(u32::MAX, 2000)] };
    assert_eq!(found.rdma, Some(rdma));
    let some = v2::Waiting { avg10: 1.5, avg60: 2.0, avg300: 0.25, total: 7 };
    let full = v2::Waiting { total: 1, ..v2::Waiting::default() };
    assert_eq!(found.io_pressure, Some(v2::Pressure { some, full }));
    assert_eq!((found.memory, found.memory_pressure), (None, None));
}

#[test]
fn v1_memory() {
    let found = v1_stats(
        "memory",
        &[
            ("memory.stat", "cache 1\nrss 2\nhierarchical_memsw_limit 3\ntotal_cache 4\ntotal_pgfault 5\n"),
            ("memory.limit_in_bytes", "10\n"),
            ("memory.usage_in_bytes", "11\n"),
            ("memory.max_usage_in_bytes", "12\n"),
            ("memory.failcnt", "13\n"),
            ("memory.kmem.usage_in_bytes", "14\n"),
            ("memory.kmem.tcp.usage_in_bytes", "15\n"),
            ("memory.oom_control", "oom_kill_disable 1\nunder_oom 0\noom_kill 6\n"),
        ],
    );
    let memory = found.memory.unwrap();
    let stat = &memory.stat;
    let kinds = [stat.cache, stat.rss, stat.hierarchical_swap_limit, stat.total_cache, stat.total_pgfault];
    assert_eq!(kinds, [1, 2, 3, 4, 5]);
    assert_eq!(memory.usage, v1::MemoryEntry { limit: 10, usage: 11, max: 12, failcnt: 13 });
    assert_eq!((memory.swap, memory.kernel.usage, memory.kernel_tcp.usage), (None, 14, 15));
    let control = v1::OomControl { oom_kill_disable: 1, under_oom: 0, oom_kill: 6 };
    assert_eq!(found.oom_control, Some(control));
    assert_eq!(found.cpu, None);
}

#[test]
fn v1_processors_devices_and_huge_pages() {
    let found = v1_stats(
        "memory,cpu,cpuacct,blkio,hugetlb",
        &[
            ("cpuacct.usage", "70\n"),
            ("cpuacct.stat", "user 3\nsystem 2\n"),
            ("cpuacct.usage_percpu", "40 30 \n"),
            ("cpu.stat", "nr_periods 1\nnr_throttled 2\nthrottled_time 3\n"),
            ("blkio.throttle.io_service_bytes_recursive", "4095:7 Read 1\n4095:7 Total 2\nTotal 2\n"),
            ("blkio.throttle.io_serviced", "4095:7 Write 3\n"),
            ("blkio.bfq.sectors_recursive", "4095:7 4\n"),
            ("hugetlb.1GB.usage_in_bytes", "1\n"),
            ("hugetlb.1GB.max_usage_in_bytes", "2\n"),
            ("hugetlb.1GB.failcnt", "3\n"),
            ("hugetlb.1GB.rsvd.usage_in_bytes", "9\n"),
        ],
    );
    // A tick is ten milliseconds on every architecture of ours.
    let cpu = v1::Cpu { total: 70, kernel: 20_000_000, user: 30_000_000, per_cpu: vec![40, 30] };
    assert_eq!(found.cpu, Some(cpu));
    let throttling = v1::Throttling { periods: 1, throttled_periods: 2, throttled_time: 3 };
    assert_eq!(found.throttling, Some(throttling));
    let entry = |op: &str, value| v1::BlkioEntry {
        op: op.into(),
        device: String::new(),
        major: 4095,
        minor: 7,
        value,
    };
    let blkio = found.blkio.unwrap();
    assert_eq!(blkio.service_bytes, [entry("Read", 1), entry("Total", 2)]);
    assert_eq!(blkio.serviced, [entry("Write", 3)]);
    assert_eq!(blkio.sectors, [entry("", 4)]);
    let huge = v1::HugePages { page_size: "1GB".into(), usage: 1, max: 2, failcnt: 3 };
    assert_eq!(found.hugetlb, [huge]);
}

#[test]
fn the_version_that_counts_memory_is_read() {
    let both = [("cgroup", "cpu"), ("cgroup2", "memory")];
    assert!(matches!(stats(&both, &[]).unwrap(), Stats::V2(_)));
    let both = [("cgroup", "memory"), ("cgroup2", "pids")];
    assert!(matches!(stats(&both, &[]).unwrap(), Stats::V1(_)));
    let error = Cgroup::find_in(&Hierarchies::default(), Path::new("c")).stats().unwrap_err();
    assert_eq!(error.to_string(), "there is no cgroup c");
}
