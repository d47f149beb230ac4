//! Limits, in the words of either version of cgroups.

use super::Draft;
use crate::CgroupVersion;
use crate::field::Field;

/// What the bundle limits. Absent and 0 are no limit; -1 asks for none.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Limits {
    memory: i64,
    reservation: i64,
    /// Memory and swap together, as in cgroup v1.
    swap: i64,
    shares: u64,
    quota: i64,
    period: u64,
    pids: Option<i64>,
}

type Line = (&'static str, String);

impl Draft<'_> {
    pub(super) fn resources(&mut self, document: Field<'_, '_>, cgroup: CgroupVersion) {
        self.device_rules(document, cgroup);
        let Some(resources) = document.at("/linux/resources") else { return };
        let limits = Limits::read(resources);
        if let Some(memory) = resources.get("memory") {
            if let Some(reason) = limits.contradiction(cgroup) {
                memory.refuse(reason, "correct limit and swap");
                return;
            }
        }
        let lines = match cgroup {
            CgroupVersion::V1 => limits.v1(),
            CgroupVersion::V2 => limits.v2(),
        };
        for (key, value) in lines {
            self.line(resources, &cgroup.key(key), value);
        }
        for (name, key) in [("cpus", "cpuset.cpus"), ("mems", "cpuset.mems")] {
            if let Some((field, list)) = resources.get("cpu").and_then(|cpu| cpu.filled(name)) {
                self.line(field, &cgroup.key(key), list);
            }
        }
    }
}

impl Limits {
    fn read(resources: Field<'_, '_>) -> Self {
        let signed = |pointer: &str| resources.at(pointer).and_then(Field::i64);
        let unsigned = |pointer: &str| resources.at(pointer).and_then(Field::u64).unwrap_or_default();
        Limits {
            memory: signed("/memory/limit").unwrap_or_default(),
            reservation: signed("/memory/reservation").unwrap_or_default(),
            swap: signed("/memory/swap").unwrap_or_default(),
            shares: unsigned("/cpu/shares"),
            quota: signed("/cpu/quota").unwrap_or_default(),
            period: unsigned("/cpu/period"),
            pids: signed("/pids/limit"),
        }
    }

    fn contradiction(&self, cgroup: CgroupVersion) -> Option<&'static str> {
        if self.swap > 0 && self.memory > 0 && self.swap < self.memory {
            Some("swap counts memory too and cannot be less than limit")
        } else if self.swap > 0 && self.memory <= 0 && cgroup == CgroupVersion::V2 {
            Some("cgroup v2 limits swap alone, which needs a limit to subtract")
        } else {
            None
        }
    }

    fn v1(&self) -> Vec<Line> {
        let mut lines = vec![];
        let mut bytes = |key, value: i64| {
            if value != 0 {
                lines.push((key, value.to_string()));
            }
        };
        bytes("memory.limit_in_bytes", self.memory);
        bytes(
            "memory.memsw.limit_in_bytes",
            if self.memory == -1 && self.swap == 0 { -1 } else { self.swap },
        );
        bytes("memory.soft_limit_in_bytes", self.reservation);
        bytes("cpu.cfs_quota_us", self.quota);
        if self.shares != 0 {
            lines.push(("cpu.shares", self.shares.to_string()));
        }
        if self.period != 0 {
            lines.push(("cpu.cfs_period_us", self.period.to_string()));
        }
        lines.extend(self.pids.map(|pids| ("pids.max", or_max(pids))));
        lines
    }

    fn v2(&self) -> Vec<Line> {
        let mut lines = vec![];
        let mut bytes = |key, value: i64| {
            if value != 0 {
                lines.push((key, if value < 0 { "max".to_owned() } else { value.to_string() }));
            }
        };
        bytes("memory.max", self.memory);
        bytes("memory.low", self.reservation);
        match (self.swap, self.memory) {
            (0, -1) | (..=-1, _) => lines.push(("memory.swap.max", "max".to_owned())),
            (1.., 1..) => lines.push(("memory.swap.max", (self.swap - self.memory).to_string())),
            _ => {}
        }
        if self.shares != 0 {
            lines.push(("cpu.weight", weight(self.shares).to_string()));
        }
        if self.quota != 0 || self.period != 0 {
            let period = if self.period == 0 { 100_000 } else { self.period };
            lines.push(("cpu.max", format!("{} {period}", or_max(self.quota))));
        }
        lines.extend(self.pids.map(|pids| ("pids.max", or_max(pids))));
        lines
    }
}

fn or_max(value: i64) -> String {
    if value <= 0 { "max".to_owned() } else { value.to_string() }
}

/// cpu.weight (1 to 10000) for cpu.shares (2 to 262144): the curve through both ends that takes the
/// default 1024 to the default 100, as runc and crun have it.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the result is 1 to 10000")]
fn weight(shares: u64) -> u64 {
    match shares {
        ..=2 => 1,
        262_144.. => 10_000,
        _ => {
            let log = (shares as f64).log2();
            let exponent = (log * log + 125.0 * log) / 612.0 - 7.0 / 34.0;
            10_f64.powf(exponent).ceil() as u64
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(limits: &Limits, v1: &[(&str, &str)], v2: &[(&str, &str)]) {
        for (lines, expected) in [(limits.v1(), v1), (limits.v2(), v2)] {
            let lines: Vec<(&str, &str)> = lines.iter().map(|(key, value)| (*key, value.as_str())).collect();
            assert_eq!(lines, expected, "{limits:?}");
        }
    }

    #[test]
    fn limits_in_the_words_of_either_version() {
        let none = Limits::default;
        check(&none(), &[], &[]);
        check(
            &Limits { memory: 100, swap: 300, reservation: 50, ..none() },
            &[
                ("memory.limit_in_bytes", "100"),
                ("memory.memsw.limit_in_bytes", "300"),
                ("memory.soft_limit_in_bytes", "50"),
            ],
            &[("memory.max", "100"), ("memory.low", "50"), ("memory.swap.max", "200")],
        );
        check(
            &Limits { memory: -1, ..none() },
            &[("memory.limit_in_bytes", "-1"), ("memory.memsw.limit_in_bytes", "-1")],
            &[("memory.max", "max"), ("memory.swap.max", "max")],
        );
        check(
            &Limits { quota: 150_000, period: 50_000, shares: 1024, ..none() },
            &[("cpu.cfs_quota_us", "150000"), ("cpu.shares", "1024"), ("cpu.cfs_period_us", "50000")],
            &[("cpu.weight", "100"), ("cpu.max", "150000 50000")],
        );
        check(&Limits { quota: -1, ..none() }, &[("cpu.cfs_quota_us", "-1")], &[("cpu.max", "max 100000")]);
        check(&Limits { pids: Some(7), ..none() }, &[("pids.max", "7")], &[("pids.max", "7")]);
        check(&Limits { pids: Some(-1), ..none() }, &[("pids.max", "max")], &[("pids.max", "max")]);
        check(&Limits { pids: Some(0), ..none() }, &[("pids.max", "max")], &[("pids.max", "max")]);
    }

    #[test]
    fn weights_run_from_end_to_end() {
        for (shares, expected) in [(0, 1), (2, 1), (1024, 100), (262_144, 10_000), (u64::MAX, 10_000)] {
            assert_eq!(weight(shares), expected, "{shares}");
        }
        let weights: Vec<u64> = (2..4096).map(weight).collect();
        assert!(weights.is_sorted() && weights.iter().all(|weight| (1..=10_000).contains(weight)));
    }

    #[test]
    fn contradictions_are_named() {
        let limits = Limits { memory: 10, swap: 5, ..Limits::default() };
        assert!(limits.contradiction(CgroupVersion::V1).is_some());
        let limits = Limits { swap: 5, ..Limits::default() };
        assert!(limits.contradiction(CgroupVersion::V1).is_none());
        assert!(limits.contradiction(CgroupVersion::V2).is_some());
    }
}
