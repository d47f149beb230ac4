//! How the kernel schedules the process and its I/O: numbers for the shim.

use crate::field::Field;

/// What sched_setattr(2) takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scheduler {
    /// `SCHED_*`.
    pub policy: u32,
    /// `SCHED_FLAG_*`.
    pub flags: u64,
    /// -20 to 19, of the policies OTHER and BATCH.
    pub nice: i32,
    /// 1 to 99, of the policies FIFO and RR.
    pub priority: u32,
    /// Nanoseconds, of the policy DEADLINE.
    pub runtime: u64,
    /// Nanoseconds, of the policy DEADLINE.
    pub deadline: u64,
    /// Nanoseconds, of the policy DEADLINE.
    pub period: u64,
}

/// The policies by name (linux/sched.h).
const POLICIES: &[(&str, u32)] = &[
    ("SCHED_OTHER", 0),
    ("SCHED_FIFO", 1),
    ("SCHED_RR", 2),
    ("SCHED_BATCH", 3),
    ("SCHED_IDLE", 5),
    ("SCHED_DEADLINE", 6),
];

/// The flags by name, bit by bit.
const FLAGS: &[&str] = &[
    "SCHED_FLAG_RESET_ON_FORK",
    "SCHED_FLAG_RECLAIM",
    "SCHED_FLAG_DL_OVERRUN",
    "SCHED_FLAG_KEEP_POLICY",
    "SCHED_FLAG_KEEP_PARAMS",
    "SCHED_FLAG_UTIL_CLAMP_MIN",
    "SCHED_FLAG_UTIL_CLAMP_MAX",
];

/// The classes of I/O priority by name (linux/ioprio.h).
const IO_CLASSES: &[(&str, u16)] =
    &[("IOPRIO_CLASS_RT", 1), ("IOPRIO_CLASS_BE", 2), ("IOPRIO_CLASS_IDLE", 3)];
/// Where the class stands above the priority in it.
const IO_CLASS_SHIFT: u16 = 13;

/// Reads `process.scheduler`.
pub(super) fn scheduler(field: Field<'_, '_>) -> Option<Scheduler> {
    let policy = named(field.get("policy")?, POLICIES, "the kernel has no such policy")?;
    let mut flags = 0;
    for flag in field.each("flags") {
        let Some(name) = flag.str() else { continue };
        match FLAGS.iter().position(|known| *known == name) {
            Some(bit) => flags |= 1 << bit,
            None => flag.refuse(format!("the kernel has no flag {name}"), "correct it"),
        }
    }
    let number = |key: &str| field.get(key).and_then(Field::u64).unwrap_or_default();
    Some(Scheduler {
        policy,
        flags,
        nice: field.get("nice").map_or(Some(0), nice)?,
        priority: field.get("priority").and_then(Field::u32).unwrap_or_default(),
        runtime: number("runtime"),
        deadline: number("deadline"),
        period: number("period"),
    })
}

fn nice(field: Field<'_, '_>) -> Option<i32> {
    let nice = field.i64().and_then(|number| i32::try_from(number).ok());
    if nice.is_none() {
        field.refuse("the kernel knows -20 to 19", "correct it");
    }
    nice
}

/// Reads `process.ioPriority` into what ioprio_set(2) takes.
pub(super) fn io_priority(field: Field<'_, '_>) -> Option<u16> {
    let class = named(field.get("class")?, IO_CLASSES, "the kernel has no such class")?;
    let level = field.get("priority").and_then(Field::u32).unwrap_or_default();
    let level = u16::try_from(level).ok().filter(|level| *level < 8);
    if level.is_none() {
        field.refuse("the priority is not in 0 to 7", "correct it");
    }
    Some(class << IO_CLASS_SHIFT | level?)
}

fn named<T: Copy>(field: Field<'_, '_>, known: &[(&str, T)], reason: &str) -> Option<T> {
    let name = field.str()?;
    let found = known.iter().find(|(known, _)| *known == name);
    if found.is_none() {
        field.refuse(format!("{reason} as {name}"), "correct it");
    }
    found.map(|(_, number)| *number)
}
