//! Weights and limits of block I/O.

use super::resources::Lines;
use crate::CgroupVersion::V1;
use crate::field::Field;
use std::fs;

/// The members of `blockIO` that limit a device, with the file of cgroup v1 and the word in v2's
/// io.max.
const THROTTLES: &[(&str, &str, &str)] = &[
    ("throttleReadBpsDevice", "blkio.throttle.read_bps_device", "rbps"),
    ("throttleWriteBpsDevice", "blkio.throttle.write_bps_device", "wbps"),
    ("throttleReadIOPSDevice", "blkio.throttle.read_iops_device", "riops"),
    ("throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", "wiops"),
];

pub(super) fn block_io<'r, 'd>(block_io: Field<'r, 'd>, lines: &mut Lines<'r, 'd>) {
    let weighted = |field: Field<'_, '_>| field.get("weight")?.u64().filter(|weight| *weight != 0);
    let bfq = lines.version == V1 || has_bfq();
    let file = if bfq { "io.bfq.weight" } else { "io.weight" };
    let converted = |weight| if bfq { weight } else { io_weight(weight) };
    if let Some(weight) = weighted(block_io) {
        let value = if bfq { weight.to_string() } else { format!("default {}", io_weight(weight)) };
        lines.put(block_io, "blkio.bfq.weight", file, value);
    }
    for device in block_io.each("weightDevice") {
        let (Some(number), Some(weight)) = (number(device), weighted(device)) else { continue };
        let value = format!("{number} {}", converted(weight));
        lines.put(device, "blkio.bfq.weight_device", file, value);
    }
    for (name, v1, word) in THROTTLES {
        for device in block_io.each(name) {
            let (Some(number), Some(rate)) = (number(device), device.get("rate").and_then(Field::u64)) else {
                continue;
            };
            let value = match (lines.version, rate) {
                (V1, rate) => format!("{number} {rate}"),
                (_, 0) => format!("{number} {word}=max"),
                (_, rate) => format!("{number} {word}={rate}"),
            };
            lines.put(device, v1, "io.max", value);
        }
    }
}

/// The number of a device, as the kernel writes it.
fn number(device: Field<'_, '_>) -> Option<String> {
    let part = |name: &str| device.get(name).and_then(Field::i64);
    Some(format!("{}:{}", part("major")?, part("minor")?))
}

/// io.weight (1 to 10000) for the weights of the specification (10 to 1000).
fn io_weight(weight: u64) -> u64 {
    1 + weight.clamp(10, 1000).saturating_sub(10) * 9999 / 990
}

/// Whether cgroup v2 has the files of the scheduler BFQ here, which the root has not.
fn has_bfq() -> bool {
    let entries = fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten();
    entries.into_iter().any(|entry| entry.path().join("io.bfq.weight").exists())
}

#[cfg(test)]
mod tests {
    use super::io_weight;

    #[test]
    fn weights_run_from_end_to_end() {
        for (weight, expected) in [(1, 1), (10, 1), (100, 910), (1000, 10_000), (u64::MAX, 10_000)] {
            assert_eq!(io_weight(weight), expected, "{weight}");
        }
    }
}
