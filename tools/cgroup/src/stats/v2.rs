//! Cgroup v2. Times are microseconds.

use super::text::{device, keyed, number, option, page_sizes, read as read_text};
use super::{Pids, Rdma};
use crate::{Cgroup, Version};
use std::path::Path;

/// All numbers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stats {
    /// Processes and threads.
    pub pids: Option<Pids>,
    /// Processor time.
    pub cpu: Option<Cpu>,
    /// How much processes waited for processors.
    pub cpu_pressure: Option<Pressure>,
    /// Memory.
    pub memory: Option<Memory>,
    /// How often limits of memory were met.
    pub memory_events: Option<MemoryEvents>,
    /// How much processes waited for memory.
    pub memory_pressure: Option<Pressure>,
    /// Block devices.
    pub io: Option<Vec<Io>>,
    /// How much processes waited for block devices.
    pub io_pressure: Option<Pressure>,
    /// Huge pages, by size.
    pub hugetlb: Vec<HugePages>,
    /// RDMA devices.
    pub rdma: Option<Rdma>,
}

keyed! {
    /// Processor time. Even a cgroup without the controller has the first three.
    Cpu "cpu.stat" {
        usage_usec "usage_usec",
        user_usec "user_usec",
        system_usec "system_usec",
        nr_periods "nr_periods",
        nr_throttled "nr_throttled",
        throttled_usec "throttled_usec",
        nr_bursts "nr_bursts",
        burst_usec "burst_usec",
    }
}

/// Memory, in bytes; limits are `u64::MAX` where there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// Its kinds.
    pub stat: MemoryStat,
    /// What is used.
    pub usage: u64,
    /// What may be used.
    pub limit: u64,
    /// The most that was used.
    pub max_usage: u64,
    /// Swap that is used.
    pub swap_usage: u64,
    /// Swap that may be used.
    pub swap_limit: u64,
    /// The most swap that was used.
    pub swap_max_usage: u64,
}

keyed! {
    /// Kinds of memory, in bytes, and what happened to it.
    MemoryStat "memory.stat" {
        anon "anon",
        file "file",
        kernel_stack "kernel_stack",
        slab "slab",
        sock "sock",
        shmem "shmem",
        file_mapped "file_mapped",
        file_dirty "file_dirty",
        file_writeback "file_writeback",
        anon_thp "anon_thp",
        inactive_anon "inactive_anon",
        active_anon "active_anon",
        inactive_file "inactive_file",
        active_file "active_file",
        unevictable "unevictable",
        slab_reclaimable "slab_reclaimable",
        slab_unreclaimable "slab_unreclaimable",
        pgfault "pgfault",
        pgmajfault "pgmajfault",
        // Since Linux 5.9 these three are counted for anonymous memory and files apart.
        workingset_refault "workingset_refault",
        workingset_refault_anon "workingset_refault_anon",
        workingset_refault_file "workingset_refault_file",
        workingset_activate "workingset_activate",
        workingset_activate_anon "workingset_activate_anon",
        workingset_activate_file "workingset_activate_file",
        workingset_nodereclaim "workingset_nodereclaim",
        pgrefill "pgrefill",
        pgscan "pgscan",
        pgsteal "pgsteal",
        pgactivate "pgactivate",
        pgdeactivate "pgdeactivate",
        pglazyfree "pglazyfree",
        pglazyfreed "pglazyfreed",
        thp_fault_alloc "thp_fault_alloc",
        thp_collapse_alloc "thp_collapse_alloc",
    }
}

keyed! {
    /// How often limits of memory were met.
    MemoryEvents "memory.events" {
        low "low",
        high "high",
        max "max",
        oom "oom",
        oom_kill "oom_kill",
    }
}

/// One block device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Io {
    /// Its number.
    pub major: u64,
    /// The second part of it.
    pub minor: u64,
    /// Bytes that were read.
    pub rbytes: u64,
    /// Bytes that were written.
    pub wbytes: u64,
    /// Operations that read.
    pub rios: u64,
    /// Operations that wrote.
    pub wios: u64,
}

/// Huge pages of one size, in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HugePages {
    /// The size as the kernel writes it: `2MB`.
    pub page_size: String,
    /// What is used.
    pub current: u64,
    /// What may be used; `u64::MAX` for any number.
    pub max: u64,
}

/// How much of the time processes waited.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pressure {
    /// Some of them.
    pub some: Waiting,
    /// All of them.
    pub full: Waiting,
}

/// Shares of the time in percent, and the whole time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Waiting {
    /// Of the last ten seconds.
    pub avg10: f64,
    /// Of the last minute.
    pub avg60: f64,
    /// Of the last five minutes.
    pub avg300: f64,
    /// Since ever.
    pub total: u64,
}

pub(super) fn read(cgroup: &Cgroup) -> Stats {
    let of = |controller| cgroup.of_controller(Version::V2, controller);
    let all = cgroup.unified();
    let pressure = |file| all.and_then(|directory| Pressure::read(directory, file));
    Stats {
        pids: of("pids").map(Pids::read),
        cpu: all.map(Cpu::read),
        cpu_pressure: pressure("cpu.pressure"),
        memory: of("memory").map(Memory::read),
        memory_events: of("memory").map(MemoryEvents::read),
        memory_pressure: pressure("memory.pressure"),
        io: of("io").map(|directory| read_text(directory, "io.stat").lines().filter_map(Io::of).collect()),
        io_pressure: pressure("io.pressure"),
        hugetlb: of("hugetlb").map(HugePages::read).unwrap_or_default(),
        rdma: of("rdma").map(Rdma::read),
    }
}

impl Memory {
    fn read(directory: &Path) -> Self {
        let number = |file| number(directory, file);
        Memory {
            stat: MemoryStat::read(directory),
            usage: number("memory.current"),
            limit: number("memory.max"),
            max_usage: number("memory.peak"),
            swap_usage: number("memory.swap.current"),
            swap_limit: number("memory.swap.max"),
            swap_max_usage: number("memory.swap.peak"),
        }
    }
}

impl Io {
    /// `8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0`
    fn of(line: &str) -> Option<Self> {
        let (major, minor, rest) = device(line)?;
        let value = |key| option(rest, key);
        let (rbytes, wbytes) = (value("rbytes"), value("wbytes"));
        Some(Io { major, minor, rbytes, wbytes, rios: value("rios"), wios: value("wios") })
    }
}

impl HugePages {
    fn read(directory: &Path) -> Vec<Self> {
        let of = |page_size: String| {
            let number = |file: &str| number(directory, &format!("hugetlb.{page_size}.{file}"));
            HugePages { current: number("current"), max: number("max"), page_size }
        };
        page_sizes(directory, ".current").into_iter().map(of).collect()
    }
}

impl Pressure {
    /// None if the kernel does not count it.
    fn read(directory: &Path, file: &str) -> Option<Self> {
        let text = read_text(directory, file);
        let of = |who: &str| text.lines().find_map(|line| line.strip_prefix(who)).map(Waiting::of);
        Some(Pressure { some: of("some ")?, full: of("full ").unwrap_or_default() })
    }
}

impl Waiting {
    /// `avg10=0.00 avg60=0.00 avg300=0.00 total=0`
    fn of(line: &str) -> Self {
        let average = |key| option(line, key);
        let (avg10, avg60, avg300) = (average("avg10"), average("avg60"), average("avg300"));
        Waiting { avg10, avg60, avg300, total: option(line, "total") }
    }
}
