//! Cgroup v1. Times are nanoseconds.

use super::text::{device, keyed, number, of_key, page_sizes, read as read_text};
use super::{Pids, Rdma};
use crate::{Cgroup, Version};
use std::collections::HashMap;
use std::fs;
use std::path::Path;

const SECOND: u64 = 1_000_000_000;

/// All numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Processes and threads.
    pub pids: Option<Pids>,
    /// Processor time that was used.
    pub cpu: Option<Cpu>,
    /// Processor time that was denied.
    pub throttling: Option<Throttling>,
    /// Memory.
    pub memory: Option<Memory>,
    /// What happens when memory runs out.
    pub oom_control: Option<OomControl>,
    /// Block devices.
    pub blkio: Option<Blkio>,
    /// Huge pages, by size.
    pub hugetlb: Vec<HugePages>,
    /// RDMA devices.
    pub rdma: Option<Rdma>,
}

/// Processor time that was used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cpu {
    /// All of it.
    pub total: u64,
    /// In the kernel.
    pub kernel: u64,
    /// Outside the kernel.
    pub user: u64,
    /// By processor.
    pub per_cpu: Vec<u64>,
}

keyed! {
    /// Processor time that was denied.
    Throttling "cpu.stat" {
        periods "nr_periods",
        throttled_periods "nr_throttled",
        throttled_time "throttled_time",
    }
}

/// Memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// Its kinds.
    pub stat: MemoryStat,
    /// Memory.
    pub usage: MemoryEntry,
    /// Memory and swap, if the kernel counts swap.
    pub swap: Option<MemoryEntry>,
    /// The kernel's memory.
    pub kernel: MemoryEntry,
    /// The kernel's memory for TCP.
    pub kernel_tcp: MemoryEntry,
}

keyed! {
    /// Kinds of memory, in bytes, and what happened to it.
    MemoryStat "memory.stat" {
        cache "cache",
        rss "rss",
        rss_huge "rss_huge",
        mapped_file "mapped_file",
        dirty "dirty",
        writeback "writeback",
        pgpgin "pgpgin",
        pgpgout "pgpgout",
        pgfault "pgfault",
        pgmajfault "pgmajfault",
        inactive_anon "inactive_anon",
        active_anon "active_anon",
        inactive_file "inactive_file",
        active_file "active_file",
        unevictable "unevictable",
        hierarchical_memory_limit "hierarchical_memory_limit",
        hierarchical_swap_limit "hierarchical_memsw_limit",
        total_cache "total_cache",
        total_rss "total_rss",
        total_rss_huge "total_rss_huge",
        total_mapped_file "total_mapped_file",
        total_dirty "total_dirty",
        total_writeback "total_writeback",
        total_pgpgin "total_pgpgin",
        total_pgpgout "total_pgpgout",
        total_pgfault "total_pgfault",
        total_pgmajfault "total_pgmajfault",
        total_inactive_anon "total_inactive_anon",
        total_active_anon "total_active_anon",
        total_inactive_file "total_inactive_file",
        total_active_file "total_active_file",
        total_unevictable "total_unevictable",
    }
}

/// One count of memory with its limit, in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryEntry {
    /// The most that may be used.
    pub limit: u64,
    /// What is used.
    pub usage: u64,
    /// The most that was used.
    pub max: u64,
    /// How often the limit was met.
    pub failcnt: u64,
}

keyed! {
    /// What happens when memory runs out, and whether it has.
    OomControl "memory.oom_control" {
        oom_kill_disable "oom_kill_disable",
        under_oom "under_oom",
        oom_kill "oom_kill",
    }
}

/// Block devices, by what is counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Blkio {
    /// Bytes.
    pub service_bytes: Vec<BlkioEntry>,
    /// Operations.
    pub serviced: Vec<BlkioEntry>,
    /// Operations that wait. This and what follows only with the schedulers CFQ and BFQ.
    pub queued: Vec<BlkioEntry>,
    /// Time that operations took.
    pub service_time: Vec<BlkioEntry>,
    /// Time that operations waited.
    pub wait_time: Vec<BlkioEntry>,
    /// Operations that became part of others.
    pub merged: Vec<BlkioEntry>,
    /// Time that the device was given.
    pub time: Vec<BlkioEntry>,
    /// Sectors.
    pub sectors: Vec<BlkioEntry>,
}

/// One count of one device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BlkioEntry {
    /// The operation, such as `Read`; empty where all are counted together.
    pub op: String,
    /// The device's path, if it has a name.
    pub device: String,
    /// The device's number.
    pub major: u64,
    /// The second part of it.
    pub minor: u64,
    /// The count.
    pub value: u64,
}

/// Huge pages of one size, in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HugePages {
    /// The size as the kernel writes it: `2MB`.
    pub page_size: String,
    /// What is used.
    pub usage: u64,
    /// The most that was used.
    pub max: u64,
    /// How often the limit was met.
    pub failcnt: u64,
}

pub(super) fn read(cgroup: &Cgroup) -> Stats {
    let of = |controller| cgroup.of_controller(Version::V1, controller);
    Stats {
        pids: of("pids").map(Pids::read),
        cpu: of("cpuacct").map(Cpu::read),
        throttling: of("cpu").map(Throttling::read),
        memory: of("memory").map(Memory::read),
        oom_control: of("memory").map(OomControl::read),
        blkio: of("blkio").map(Blkio::read),
        hugetlb: of("hugetlb").map(HugePages::read).unwrap_or_default(),
        rdma: of("rdma").map(Rdma::read),
    }
}

impl Cpu {
    fn read(directory: &Path) -> Self {
        let text = read_text(directory, "cpuacct.stat");
        let tick = SECOND / rustix::param::clock_ticks_per_second().max(1);
        let time = |key| of_key(&text, key).saturating_mul(tick);
        let per_cpu = read_text(directory, "cpuacct.usage_percpu");
        Cpu {
            total: number(directory, "cpuacct.usage"),
            kernel: time("system"),
            user: time("user"),
            per_cpu: per_cpu.split_whitespace().filter_map(|word| word.parse().ok()).collect(),
        }
    }
}

impl Memory {
    fn read(directory: &Path) -> Self {
        let has_swap = directory.join("memory.memsw.usage_in_bytes").exists();
        Memory {
            stat: MemoryStat::read(directory),
            usage: MemoryEntry::read(directory, "memory"),
            swap: has_swap.then(|| MemoryEntry::read(directory, "memory.memsw")),
            kernel: MemoryEntry::read(directory, "memory.kmem"),
            kernel_tcp: MemoryEntry::read(directory, "memory.kmem.tcp"),
        }
    }
}

impl MemoryEntry {
    fn read(directory: &Path, what: &str) -> Self {
        let number = |file: &str| number(directory, &format!("{what}.{file}"));
        MemoryEntry {
            limit: number("limit_in_bytes"),
            usage: number("usage_in_bytes"),
            max: number("max_usage_in_bytes"),
            failcnt: number("failcnt"),
        }
    }
}

impl Blkio {
    /// Bytes and operations are counted for every scheduler where limits are kept; the rest is known to
    /// the scheduler alone.
    fn read(directory: &Path) -> Self {
        let names = device_names(&fs::read_to_string("/proc/diskstats").unwrap_or_default());
        let entries = |files: [String; 2]| {
            let file = files.iter().find(|file| directory.join(file).exists());
            let text = file.map(|file| read_text(directory, file)).unwrap_or_default();
            text.lines().filter_map(|line| BlkioEntry::of(line, &names)).collect()
        };
        let limits = |what: &str| {
            entries([format!("blkio.throttle.{what}_recursive"), format!("blkio.throttle.{what}")])
        };
        let scheduler =
            |what: &str| entries([format!("blkio.bfq.{what}_recursive"), format!("blkio.{what}_recursive")]);
        Blkio {
            service_bytes: limits("io_service_bytes"),
            serviced: limits("io_serviced"),
            queued: scheduler("io_queued"),
            service_time: scheduler("io_service_time"),
            wait_time: scheduler("io_wait_time"),
            merged: scheduler("io_merged"),
            time: scheduler("time"),
            sectors: scheduler("sectors"),
        }
    }
}

impl BlkioEntry {
    /// `8:0 Read 4096` or `8:0 4096`. The sum of all devices has no device.
    fn of(line: &str, names: &HashMap<(u64, u64), String>) -> Option<Self> {
        let (major, minor, rest) = device(line)?;
        let (op, value) = rest.rsplit_once(' ').unwrap_or(("", rest));
        let device = names.get(&(major, minor)).cloned().unwrap_or_default();
        Some(BlkioEntry { op: op.to_owned(), device, major, minor, value: value.parse().ok()? })
    }
}

/// The paths of block devices, from a diskstats file (proc(5)).
fn device_names(diskstats: &str) -> HashMap<(u64, u64), String> {
    let of = |line: &str| {
        let mut words = line.split_whitespace();
        let number = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some((number, format!("/dev/{}", words.next()?)))
    };
    diskstats.lines().filter_map(of).collect()
}

impl HugePages {
    fn read(directory: &Path) -> Vec<Self> {
        let of = |page_size: String| {
            let number = |file: &str| number(directory, &format!("hugetlb.{page_size}.{file}"));
            let (usage, max) = (number("usage_in_bytes"), number("max_usage_in_bytes"));
            HugePages { usage, max, failcnt: number("failcnt"), page_size }
        };
        page_sizes(directory, ".usage_in_bytes").into_iter().map(of).collect()
    }
}
