//! Limits that Proxmox VE has keys for. They stand in the CT's own configuration alone, where the GUI
//! shows and changes them; what its keys cannot say exactly stays in the included file.

use super::Host;
use crate::LxcConfig;

const MIB: u64 = 1 << 20;
/// What Proxmox takes as memory, in MiB.
const LEAST_MEMORY: u64 = 16;
/// The period of Proxmox's `cpulimit`, in microseconds.
const PERIOD: u64 = 100_000;
/// The most processors that `cpulimit` and `cores` may be.
const MOST_CPUS: u64 = 8192;

pub(super) const MEMORY: &str = "lxc.cgroup2.memory.max";
const SWAP: &str = "lxc.cgroup2.memory.swap.max";
/// Proxmox throttles from a little below `memory` on.
pub(super) const HIGH: &str = "lxc.cgroup2.memory.high";
const CPU: &str = "lxc.cgroup2.cpu.max";
/// It is bound to the quota, whose period must then stay as it is.
const BURST: &str = "lxc.cgroup2.cpu.max.burst";
const WEIGHT: &str = "lxc.cgroup2.cpu.weight";
/// The only one that stays a raw line: Proxmox then chooses no processors itself.
pub(super) const CPUS: &str = "lxc.cgroup2.cpuset.cpus";

/// A CT's limits in Proxmox's terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Limits {
    /// MiB.
    pub(super) memory: u64,
    /// MiB, without memory.
    pub(super) swap: u64,
    pub(super) cpulimit: Option<String>,
    pub(super) cpuunits: Option<u64>,
    /// How many processors, and which.
    pub(super) cpus: Option<(u64, String)>,
    /// Keys of LXC that say nothing more.
    pub(super) taken: Vec<&'static str>,
}

impl Limits {
    /// Reads them from a rendered configuration. Without a limit there is all that the host has:
    /// Proxmox's own default of 512 MiB each would be one that nobody asked for. Lines for cgroup v1,
    /// for which Proxmox renders none, are shown and stay.
    pub(super) fn of(config: &LxcConfig, host: Host) -> Self {
        let mut taken = Vec::new();
        let mut size = |key: &'static str| {
            let size = bytes(config.get(key)?)?;
            taken.push(key);
            Some(size)
        };
        let (memory, swap) = (size(MEMORY), size(SWAP));
        let v1 = |name: &str| bytes(config.get(&format!("lxc.cgroup.memory.{name}"))?)?;
        let memory = memory.unwrap_or_else(|| v1("limit_in_bytes"));
        let swap = swap.unwrap_or_else(|| Some(v1("memsw.limit_in_bytes")?.saturating_sub(memory?)));
        let mib = |bytes: u64| bytes.div_ceil(MIB);
        let cpulimit = config.get(CPU).filter(|_| config.get(BURST).is_none()).and_then(cpulimit);
        let cpuunits: Option<u64> = config.get(WEIGHT).and_then(|weight| weight.parse().ok());
        let cpus = config.get(CPUS).and_then(|list| Some((count(list)?, list.to_owned())));
        let also = [(CPU, cpulimit.is_some()), (WEIGHT, cpuunits.is_some()), (CPUS, cpus.is_some())];
        taken.extend(also.into_iter().filter_map(|(key, is_taken)| is_taken.then_some(key)));
        Limits {
            memory: memory.map_or(host.memory, mib).max(LEAST_MEMORY),
            swap: swap.map_or(host.swap, mib),
            cpulimit: cpulimit.flatten(),
            cpuunits,
            cpus,
            taken,
        }
    }
}

/// A number of bytes, `None` inside for no limit.
fn bytes(value: &str) -> Option<Option<u64>> {
    match value {
        "max" | "-1" => Some(None),
        number => number.parse().ok().map(Some),
    }
}

/// `QUOTA PERIOD` of cpu.max as Proxmox's number of processors, if that is the same: it multiplies by
/// its own period and cuts off. `None` inside for no limit.
fn cpulimit(value: &str) -> Option<Option<String>> {
    let (quota, period) = value.split_once(' ')?;
    if quota == "max" {
        return (period == PERIOD.to_string()).then_some(None);
    }
    let quota: u64 = quota.parse().ok()?;
    let (whole, part) = (quota / PERIOD, format!("{:05}", quota % PERIOD));
    let text = match part.trim_end_matches('0') {
        "" => whole.to_string(),
        part => format!("{whole}.{part}"),
    };
    let product = text.parse::<f64>().ok()? * 100_000.0;
    let exact =
        [product.floor(), product.round()].iter().all(|number| number.to_string() == quota.to_string());
    (exact && quota > 0 && period == PERIOD.to_string() && whole < MOST_CPUS).then_some(Some(text))
}

/// The processors of a list like `0-2,4`, if it is one.
fn count(list: &str) -> Option<u64> {
    let mut count = 0;
    for range in list.split(',') {
        let (first, last) = range.trim().split_once('-').unwrap_or((range.trim(), range.trim()));
        let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
        count += last.checked_sub(first)?.checked_add(1)?;
    }
    (1..=MOST_CPUS).contains(&count).then_some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: Host = Host { arch: "amd64", memory: 4096, swap: 1024 };

    fn limits(lines: &[(&str, &str)]) -> Limits {
        let mut config = LxcConfig::new();
        lines.iter().for_each(|(key, value)| config.push(key, *value).unwrap());
        Limits::of(&config, HOST)
    }

    #[test]
    fn sizes_are_rounded_up_to_mib_and_without_a_limit_the_host_s() {
        for (memory, swap, expected) in [
            (None, None, (4096, 1024)),
            (Some("max"), Some("max"), (4096, 1024)),
            (Some("1"), Some("0"), (16, 0)),
            (Some("67108864"), Some("1048577"), (64, 2)),
            (Some("67108865"), None, (65, 1024)),
        ] {
            let lines = [memory.map(|value| (MEMORY, value)), swap.map(|value| (SWAP, value))];
            let limits = limits(&lines.into_iter().flatten().collect::<Vec<_>>());
            assert_eq!((limits.memory, limits.swap), expected, "{memory:?} {swap:?}");
        }
        let v1 = [("limit_in_bytes", "33554432"), ("memsw.limit_in_bytes", "50331648")];
        let v1 = v1.map(|(name, value)| (format!("lxc.cgroup.memory.{name}"), value));
        let limits = limits(&v1.each_ref().map(|(key, value)| (key.as_str(), *value)));
        assert_eq!((limits.memory, limits.swap, limits.taken), (32, 16, vec![]));
    }

    #[test]
    fn a_quota_is_a_number_of_processors_only_if_it_is_exactly_that() {
        for (value, expected) in [
            ("150000 100000", Some(Some("1.5"))),
            ("12345 100000", Some(Some("0.12345"))),
            ("100000 100000", Some(Some("1"))),
            ("max 100000", Some(None)),
            ("10000 20000", None),
            ("max 50000", None),
            ("0 100000", None),
            ("x", None),
        ] {
            let got = cpulimit(value);
            assert_eq!(got.as_ref().map(|limit| limit.as_deref()), expected, "{value}");
        }
    }

    #[test]
    fn a_limit_stands_in_one_place() {
        let odd = limits(&[(CPU, "10000 20000"), (WEIGHT, "39"), (CPUS, "0-2,4")]);
        assert_eq!((odd.cpulimit, odd.cpuunits, odd.cpus), (None, Some(39), Some((4, "0-2,4".to_owned()))));
        assert_eq!(odd.taken, [WEIGHT, CPUS]);
    }
}
