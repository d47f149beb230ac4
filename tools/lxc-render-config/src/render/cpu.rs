//! Limits of processor time, and the processors and memory nodes that may be used.

use super::resources::Lines;
use crate::CgroupVersion::{V1, V2};
use crate::field::Field;

/// The period of a quota in microseconds, where there is none.
const PERIOD: u64 = 100_000;

/// Absent and 0 are no limit; a negative quota asks for none. Every order of lines here is one that
/// the kernel takes in a new cgroup, whatever limits stand above it.
pub(super) fn cpu<'r, 'd>(cpu: Field<'r, 'd>, lines: &mut Lines<'r, 'd>) {
    let signed = |name: &str| cpu.get(name).and_then(Field::i64).filter(|value| *value != 0);
    let unsigned = |name: &str| cpu.get(name).and_then(Field::u64).filter(|value| *value != 0);
    if let Some(shares) = unsigned("shares") {
        let value = if lines.version == V1 { shares } else { weight(shares) };
        lines.put(cpu, "cpu.shares", "cpu.weight", value);
    }
    if let Some(idle) = signed("idle") {
        // After the weight, which an idle cgroup does not take.
        lines.put(cpu, "cpu.idle", "cpu.idle", idle);
    }
    let (period, quota) = (unsigned("period"), signed("quota"));
    if lines.version == V2 && (period.is_some() || quota.is_some()) {
        let quota = quota.filter(|quota| *quota > 0).map_or("max".to_owned(), |quota| quota.to_string());
        lines.put(cpu, "", "cpu.max", format!("{quota} {}", period.unwrap_or(PERIOD)));
    } else {
        period.into_iter().for_each(|period| lines.put(cpu, "cpu.cfs_period_us", "", period));
        quota.into_iter().for_each(|quota| lines.put(cpu, "cpu.cfs_quota_us", "", quota.max(-1)));
    }
    if let Some(burst) = unsigned("burst") {
        lines.put(cpu, "cpu.cfs_burst_us", "cpu.max.burst", burst);
    }
    for (name, file) in [("realtimePeriod", "cpu.rt_period_us"), ("realtimeRuntime", "cpu.rt_runtime_us")] {
        if let Some(field) = cpu.get(name).filter(|field| field.i64() != Some(0)) {
            let reason = "cgroup v2 has no limits for real-time processes";
            lines.v1_only(field, file, field.i64(), reason, "leave it out on a host with cgroup v2");
        }
    }
    for (name, file) in [("cpus", "cpuset.cpus"), ("mems", "cpuset.mems")] {
        if let Some((field, list)) = cpu.filled(name) {
            lines.put(field, file, file, list);
        }
    }
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

    #[test]
    fn weights_run_from_end_to_end() {
        for (shares, expected) in [(0, 1), (2, 1), (1024, 100), (262_144, 10_000), (u64::MAX, 10_000)] {
            assert_eq!(weight(shares), expected, "{shares}");
        }
        assert!((2..262_144).map(weight).is_sorted());
    }
}
