//! Of cgroup v2.

use super::pids_limit;
use nexcage_cgroup::stats::{Pids, Rdma, RdmaDevice, v2 as from};
use nexcage_task_api::metrics::v2::{
    CpuStat, HugeTlbStat, IoEntry, IoStat, MemoryEvents, MemoryStat, Metrics, PidsStat, PsiData, PsiStats,
    RdmaEntry, RdmaStat,
};

pub(super) fn metrics(stats: from::Stats) -> Metrics {
    let pids = |pids: &Pids| PidsStat { current: pids.current, limit: pids_limit(pids) };
    let events = |from: from::MemoryEvents| {
        // A number that is 0 is not sent.
        copied!(from => MemoryEvents { low, high, max, oom, oom_kill, } { oom_group_kill: 0, })
    };
    let (cpu_pressure, memory_pressure) = (stats.cpu_pressure.as_ref(), stats.memory_pressure.as_ref());
    Metrics {
        pids: stats.pids.as_ref().map(pids),
        cpu: stats.cpu.map(|from| cpu(&from, cpu_pressure)),
        memory: stats.memory.map(|from| memory(&from, memory_pressure)),
        rdma: stats.rdma.map(rdma),
        io: stats.io.map(|from| io(from, stats.io_pressure.as_ref())),
        hugetlb: stats.hugetlb.into_iter().map(huge_pages).collect(),
        memory_events: stats.memory_events.map(events),
        ..Metrics::default()
    }
}

fn cpu(from: &from::Cpu, pressure: Option<&from::Pressure>) -> CpuStat {
    copied!(from => CpuStat {
        usage_usec, user_usec, system_usec,
        nr_periods, nr_throttled, throttled_usec, nr_bursts, burst_usec,
    } { psi: pressure.map(psi), })
}

fn memory(from: &from::Memory, pressure: Option<&from::Pressure>) -> MemoryStat {
    let stat = &from.stat;
    copied!(stat => MemoryStat {
        anon, file, kernel_stack, slab, sock, shmem, file_mapped, file_dirty, file_writeback, anon_thp,
        inactive_anon, active_anon, inactive_file, active_file, unevictable,
        slab_reclaimable, slab_unreclaimable, pgfault, pgmajfault, workingset_nodereclaim,
        pgrefill, pgscan, pgsteal, pgactivate, pgdeactivate, pglazyfree, pglazyfreed,
        thp_fault_alloc, thp_collapse_alloc,
    } {
        // The message is older than the kernel's telling these apart.
        workingset_refault:
            stat.workingset_refault + stat.workingset_refault_anon + stat.workingset_refault_file,
        workingset_activate:
            stat.workingset_activate + stat.workingset_activate_anon + stat.workingset_activate_file,
        usage: from.usage,
        usage_limit: from.limit,
        swap_usage: from.swap_usage,
        swap_limit: from.swap_limit,
        max_usage: from.max_usage,
        swap_max_usage: from.swap_max_usage,
        psi: pressure.map(psi),
    })
}

fn io(devices: Vec<from::Io>, pressure: Option<&from::Pressure>) -> IoStat {
    let entry = |from: from::Io| copied!(from => IoEntry { major, minor, rbytes, wbytes, rios, wios, });
    IoStat { usage: devices.into_iter().map(entry).collect(), psi: pressure.map(psi) }
}

fn psi(pressure: &from::Pressure) -> PsiStats {
    let data = |from: &from::Waiting| copied!(from => PsiData { avg10, avg60, avg300, total, });
    PsiStats { some: Some(data(&pressure.some)), full: Some(data(&pressure.full)) }
}

fn huge_pages(from: from::HugePages) -> HugeTlbStat {
    copied!(from => HugeTlbStat { current, max, } { pagesize: from.page_size, failcnt: 0, })
}

fn rdma(from: Rdma) -> RdmaStat {
    let entries = |devices: Vec<RdmaDevice>| {
        let entry = |from: RdmaDevice| copied!(from => RdmaEntry { device, hca_handles, hca_objects, });
        devices.into_iter().map(entry).collect()
    };
    RdmaStat { current: entries(from.current), limit: entries(from.limit) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_finds_its_place() {
        let waiting = from::Waiting { avg10: 1.5, total: 9, ..Default::default() };
        let stats = from::Stats {
            pids: Some(Pids { current: 2, limit: 5 }),
            cpu: Some(from::Cpu { usage_usec: 3, nr_bursts: 4, ..Default::default() }),
            cpu_pressure: Some(from::Pressure { some: waiting, ..Default::default() }),
            memory: Some(from::Memory {
                stat: from::MemoryStat {
                    workingset_refault_anon: 1,
                    workingset_refault_file: 2,
                    ..Default::default()
                },
                limit: u64::MAX,
                ..Default::default()
            }),
            io: Some(vec![from::Io { major: 8, wios: 6, ..Default::default() }]),
            ..Default::default()
        };
        let found = metrics(stats);
        assert_eq!(found.pids, Some(PidsStat { current: 2, limit: 5 }));
        let cpu = found.cpu.unwrap();
        assert_eq!((cpu.usage_usec, cpu.nr_bursts), (3, 4));
        let some = cpu.psi.unwrap().some.unwrap();
        assert_eq!((some.avg10, some.total), (1.5, 9));
        let memory = found.memory.unwrap();
        assert_eq!((memory.workingset_refault, memory.usage_limit), (3, u64::MAX));
        assert_eq!(found.io.unwrap().usage, [IoEntry { major: 8, wios: 6, ..Default::default() }]);
        assert_eq!((found.memory_events, found.rdma), (None, None));
    }
}
