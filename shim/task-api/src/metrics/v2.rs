//! io.containerd.cgroups.v2. Numbers are as the kernel's files say them; times in microseconds.

messages! {
    /// Everything. The number 3 was never used.
    struct Metrics = "io.containerd.cgroups.v2.Metrics" {
        1 pids: Option<PidsStat>,
        2 cpu: Option<CpuStat>,
        4 memory: Option<MemoryStat>,
        5 rdma: Option<RdmaStat>,
        6 io: Option<IoStat>,
        7 hugetlb: Vec<HugeTlbStat>,
        8 memory_events: Option<MemoryEvents>,
        9 network: Vec<NetworkStat>,
    }

    /// How much of the time some or all tasks waited.
    struct PsiStats {
        1 some: Option<PsiData>,
        2 full: Option<PsiData>,
    }

    /// Shares of the time in percent, and the whole of it.
    struct PsiData {
        1 avg10: f64,
        2 avg60: f64,
        3 avg300: f64,
        4 total: u64,
    }

    /// Processes and threads.
    struct PidsStat {
        1 current: u64,
        /// 0 for no limit.
        2 limit: u64,
    }

    /// Processor time.
    struct CpuStat {
        1 usage_usec: u64,
        2 user_usec: u64,
        3 system_usec: u64,
        4 nr_periods: u64,
        5 nr_throttled: u64,
        6 throttled_usec: u64,
        7 psi: Option<PsiStats>,
        8 nr_bursts: u64,
        9 burst_usec: u64,
    }

    /// Memory, in bytes.
    struct MemoryStat {
        1 anon: u64,
        2 file: u64,
        3 kernel_stack: u64,
        4 slab: u64,
        5 sock: u64,
        6 shmem: u64,
        7 file_mapped: u64,
        8 file_dirty: u64,
        9 file_writeback: u64,
        10 anon_thp: u64,
        11 inactive_anon: u64,
        12 active_anon: u64,
        13 inactive_file: u64,
        14 active_file: u64,
        15 unevictable: u64,
        16 slab_reclaimable: u64,
        17 slab_unreclaimable: u64,
        18 pgfault: u64,
        19 pgmajfault: u64,
        20 workingset_refault: u64,
        21 workingset_activate: u64,
        22 workingset_nodereclaim: u64,
        23 pgrefill: u64,
        24 pgscan: u64,
        25 pgsteal: u64,
        26 pgactivate: u64,
        27 pgdeactivate: u64,
        28 pglazyfree: u64,
        29 pglazyfreed: u64,
        30 thp_fault_alloc: u64,
        31 thp_collapse_alloc: u64,
        32 usage: u64,
        /// The greatest number for no limit.
        33 usage_limit: u64,
        34 swap_usage: u64,
        /// As usage_limit.
        35 swap_limit: u64,
        36 max_usage: u64,
        37 swap_max_usage: u64,
        38 psi: Option<PsiStats>,
    }

    /// How often a limit of memory was met.
    struct MemoryEvents {
        1 low: u64,
        2 high: u64,
        3 max: u64,
        4 oom: u64,
        5 oom_kill: u64,
        6 oom_group_kill: u64,
    }

    /// RDMA devices.
    struct RdmaStat {
        1 current: Vec<RdmaEntry>,
        2 limit: Vec<RdmaEntry>,
    }

    /// One RDMA device.
    struct RdmaEntry {
        1 device: String,
        2 hca_handles: u32,
        3 hca_objects: u32,
    }

    /// Block devices.
    struct IoStat {
        1 usage: Vec<IoEntry>,
        2 psi: Option<PsiStats>,
    }

    /// One block device.
    struct IoEntry {
        1 major: u64,
        2 minor: u64,
        3 rbytes: u64,
        4 wbytes: u64,
        5 rios: u64,
        6 wios: u64,
    }

    /// Huge pages of one size.
    struct HugeTlbStat {
        1 current: u64,
        2 max: u64,
        3 pagesize: String,
        4 failcnt: u64,
    }

    /// A network interface.
    struct NetworkStat {
        1 name: String,
        2 rx_bytes: u64,
        3 rx_packets: u64,
        4 rx_errors: u64,
        5 rx_dropped: u64,
        6 tx_bytes: u64,
        7 tx_packets: u64,
        8 tx_errors: u64,
        9 tx_dropped: u64,
    }
}
