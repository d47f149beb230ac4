//! Memory limits.

use super::resources::Lines;
use crate::CgroupVersion::V1;
use crate::field::Field;

/// How willingly cgroup v1 swaps, at most.
const MOST_SWAPPINESS: u64 = 100;
const V1_ONLY: &str = "leave it out on a host with cgroup v2";

/// Absent and 0 are no limit; negative numbers ask for none.
pub(super) fn memory<'r, 'd>(memory: Field<'r, 'd>, lines: &mut Lines<'r, 'd>) {
    let bytes = |name: &str| memory.get(name).and_then(Field::i64).unwrap_or_default();
    let (limit, swap) = (bytes("limit"), bytes("swap"));
    if let Some(reason) = contradiction(limit, swap) {
        return memory.refuse(reason, "correct limit and swap");
    }
    lines.bytes(memory, "memory.limit_in_bytes", "memory.max", limit);
    lines.bytes(memory, "memory.soft_limit_in_bytes", "memory.low", bytes("reservation"));
    let swap = if limit < 0 && swap == 0 { -1 } else { swap };
    match lines.version {
        V1 => lines.bytes(memory, "memory.memsw.limit_in_bytes", "", swap),
        _ if swap > 0 => lines.put(memory, "", "memory.swap.max", swap - limit),
        _ => lines.bytes(memory, "", "memory.swap.max", swap),
    }
    let tcp = memory.get("kernelTCP").filter(|field| field.i64().is_some_and(|bytes| bytes > 0));
    if let Some(tcp) = tcp {
        let reason = "cgroup v2 has no limit of its own for TCP memory";
        lines.v1_only(tcp, "memory.kmem.tcp.limit_in_bytes", tcp.i64(), reason, V1_ONLY);
    }
    // The greatest number is old engines' -1.
    let swappiness = memory.get("swappiness").filter(|field| field.u64() != Some(u64::MAX));
    if let Some(field) = swappiness {
        let percent = field.u64().filter(|percent| *percent <= MOST_SWAPPINESS);
        if percent.is_none() {
            field.refuse(format!("it is more than {MOST_SWAPPINESS}"), "correct it");
        }
        lines.v1_only(field, "memory.swappiness", percent, "cgroup v2 has no swappiness", V1_ONLY);
    }
    let no_killer = memory.get("disableOOMKiller").filter(|field| field.bool() == Some(true));
    if let Some(field) = no_killer {
        let reason = "cgroup v2 cannot do without the OOM killer";
        lines.v1_only(field, "memory.oom_control", Some(1), reason, V1_ONLY);
    }
}

/// Either version refuses these: v2 limits swap alone, v1 both together by more than memory.
fn contradiction(limit: i64, swap: i64) -> Option<&'static str> {
    if swap > 0 && limit <= 0 {
        Some("swap counts memory too and needs a limit")
    } else if swap > 0 && swap < limit {
        Some("swap counts memory too and cannot be less than limit")
    } else {
        None
    }
}
