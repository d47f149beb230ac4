//! Numbers of real cgroups.

use crate::cgroup_of_test::{CgroupOfTest, Only, eventually};
use nexcage_cgroup::Version;
use nexcage_cgroup::stats::{Stats, v1};

/// Bytes that a process keeps.
const KEPT: u64 = 20_000_000;
/// Uses a processor.
const SPINNER: &str = "while :; do :; done";

fn v1_stats(test: &CgroupOfTest) -> v1::Stats {
    match test.cgroup().stats().unwrap() {
        Stats::V1(stats) => *stats,
        Stats::V2(_) => panic!("this test needs a host that counts memory by cgroup v1"),
    }
}

#[test]
fn v1_counts_what_processes_use() {
    let mut test = CgroupOfTest::new("used", Only::Everything);
    assert_eq!(v1_stats(&test).cpu.unwrap().total, 0);
    test.start(&format!("kept=$(head -c {KEPT} /dev/zero | tr '\\0' a); {SPINNER}"));
    eventually("time in user mode is counted", || v1_stats(&test).cpu.unwrap().user > 0);
    eventually("only the shell is left", || v1_stats(&test).pids.unwrap().current == 1);
    eventually("memory is counted", || v1_stats(&test).memory.unwrap().stat.total_rss > KEPT);
    let stats = v1_stats(&test);
    let (cpu, memory) = (stats.cpu.unwrap(), stats.memory.unwrap());
    // These were read last, and it goes on meanwhile.
    assert!(cpu.per_cpu.iter().sum::<u64>() >= cpu.total);
    assert_eq!((stats.pids.unwrap().limit, stats.throttling.unwrap().periods), (u64::MAX, 0));
    assert!(memory.usage.usage > KEPT && memory.usage.max > KEPT && memory.stat.total_pgfault > 0);
    assert_eq!(stats.oom_control.unwrap().oom_kill, 0);
}

#[test]
fn v2_counts_time_without_any_controller() {
    let mut test = CgroupOfTest::new("time", Only::Version(Version::V2));
    test.start(SPINNER);
    eventually("time in user mode is counted", || {
        let Stats::V2(stats) = test.cgroup().stats().unwrap() else { panic!("version 1") };
        stats.cpu.is_some_and(|cpu| cpu.user_usec > 0 && cpu.usage_usec >= cpu.user_usec)
    });
}
