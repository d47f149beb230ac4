//! Of cgroup v1.

use super::pids_limit;
use nexcage_cgroup::stats::{Pids, Rdma, RdmaDevice, v1 as from};
use nexcage_task_api::metrics::v1::{
    BlkioEntry, BlkioStat, CpuStat, CpuUsage, HugetlbStat, MemoryEntry, MemoryOomControl, MemoryStat,
    Metrics, PidsStat, RdmaEntry, RdmaStat, Throttle,
};

pub(super) fn metrics(stats: from::Stats) -> Metrics {
    let throttling = stats
        .throttling
        .as_ref()
        .map(|from| copied!(from => Throttle { periods, throttled_periods, throttled_time, }));
    let usage = stats.cpu.map(|from| copied!(from => CpuUsage { total, kernel, user, per_cpu, }));
    let any_time = usage.is_some() || throttling.is_some();
    let pids = |pids: &Pids| PidsStat { current: pids.current, limit: pids_limit(pids) };
    let oom =
        |from: from::OomControl| copied!(from => MemoryOomControl { oom_kill_disable, under_oom, oom_kill, });
    Metrics {
        hugetlb: stats.hugetlb.into_iter().map(huge_pages).collect(),
        pids: stats.pids.as_ref().map(pids),
        cpu: any_time.then_some(CpuStat { usage, throttling }),
        memory: stats.memory.as_ref().map(memory),
        blkio: stats.blkio.map(blkio),
        rdma: stats.rdma.map(rdma),
        memory_oom_control: stats.oom_control.map(oom),
        ..Metrics::default()
    }
}

fn memory(memory: &from::Memory) -> MemoryStat {
    let stat = &memory.stat;
    copied!(stat => MemoryStat {
        cache, rss, rss_huge, mapped_file, dirty, writeback,
        inactive_anon, active_anon, inactive_file, active_file, unevictable,
        hierarchical_memory_limit, hierarchical_swap_limit,
        total_cache, total_rss, total_rss_huge, total_mapped_file, total_dirty, total_writeback,
        total_inactive_anon, total_active_anon, total_inactive_file, total_active_file, total_unevictable,
    } {
        pg_pg_in: stat.pgpgin,
        pg_pg_out: stat.pgpgout,
        pg_fault: stat.pgfault,
        pg_maj_fault: stat.pgmajfault,
        total_pg_pg_in: stat.total_pgpgin,
        total_pg_pg_out: stat.total_pgpgout,
        total_pg_fault: stat.total_pgfault,
        total_pg_maj_fault: stat.total_pgmajfault,
        usage: Some(entry(&memory.usage)),
        swap: memory.swap.as_ref().map(entry),
        kernel: Some(entry(&memory.kernel)),
        kernel_tcp: Some(entry(&memory.kernel_tcp)),
    })
}

fn entry(from: &from::MemoryEntry) -> MemoryEntry {
    copied!(from => MemoryEntry { limit, usage, max, failcnt, })
}

fn blkio(from: from::Blkio) -> BlkioStat {
    let entries = |entries: Vec<from::BlkioEntry>| {
        let entry = |from: from::BlkioEntry| copied!(from => BlkioEntry { op, device, major, minor, value, });
        entries.into_iter().map(entry).collect()
    };
    BlkioStat {
        io_service_bytes_recursive: entries(from.service_bytes),
        io_serviced_recursive: entries(from.serviced),
        io_queued_recursive: entries(from.queued),
        io_service_time_recursive: entries(from.service_time),
        io_wait_time_recursive: entries(from.wait_time),
        io_merged_recursive: entries(from.merged),
        io_time_recursive: entries(from.time),
        sectors_recursive: entries(from.sectors),
    }
}

fn huge_pages(from: from::HugePages) -> HugetlbStat {
    copied!(from => HugetlbStat { usage, max, failcnt, } { pagesize: from.page_size, })
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
        let stats = from::Stats {
            pids: Some(Pids { current: 2, limit: u64::MAX }),
            cpu: Some(from::Cpu { total: 3, kernel: 1, user: 2, per_cpu: vec![1, 2] }),
            memory: Some(from::Memory {
                stat: from::MemoryStat { cache: 4, total_pgmajfault: 5, ..Default::default() },
                usage: from::MemoryEntry { limit: 6, usage: 7, max: 8, failcnt: 9 },
                ..Default::default()
            }),
            hugetlb: vec![from::HugePages { page_size: "2MB".to_owned(), usage: 1, max: 2, failcnt: 3 }],
            ..Default::default()
        };
        let found = metrics(stats);
        assert_eq!(found.pids, Some(PidsStat { current: 2, limit: 0 }));
        let usage = CpuUsage { total: 3, kernel: 1, user: 2, per_cpu: vec![1, 2] };
        assert_eq!(found.cpu, Some(CpuStat { usage: Some(usage), throttling: None }));
        let memory = found.memory.unwrap();
        assert_eq!((memory.cache, memory.total_pg_maj_fault), (4, 5));
        assert_eq!(memory.usage, Some(MemoryEntry { limit: 6, usage: 7, max: 8, failcnt: 9 }));
        assert_eq!((memory.swap, found.blkio), (None, None));
        assert_eq!(found.hugetlb[0].pagesize, "2MB");
    }
}
