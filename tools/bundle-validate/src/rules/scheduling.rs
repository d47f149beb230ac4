//! Scheduling of the process: config.md#linux-process.

use super::Check::Structure;
use super::forms::LIST;
use super::rules;
use super::shape::{INT32, Shape, UINT64, optional, required};
use crate::Severity::Error;

pub(super) static SCHEDULER: Shape = Shape::Object(&[
    required("policy", &POLICIES, &POLICY),
    optional("nice", &INT32, &POLICY),
    optional("priority", &INT32, &POLICY),
    optional("flags", &Shape::Array(&FLAGS), &POLICY),
    optional("runtime", &UINT64, &POLICY),
    optional("deadline", &UINT64, &POLICY),
    optional("period", &UINT64, &POLICY),
]);

static POLICIES: Shape = Shape::Word(&[
    "SCHED_OTHER",
    "SCHED_FIFO",
    "SCHED_RR",
    "SCHED_BATCH",
    "SCHED_ISO",
    "SCHED_IDLE",
    "SCHED_DEADLINE",
]);

static FLAGS: Shape = Shape::Word(&[
    "SCHED_FLAG_RESET_ON_FORK",
    "SCHED_FLAG_RECLAIM",
    "SCHED_FLAG_DL_OVERRUN",
    "SCHED_FLAG_KEEP_POLICY",
    "SCHED_FLAG_KEEP_PARAMS",
    "SCHED_FLAG_UTIL_CLAMP_MIN",
    "SCHED_FLAG_UTIL_CLAMP_MAX",
]);

pub(super) static IO_PRIORITY: Shape = Shape::Object(&[
    required("class", &Shape::Word(&["IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"]), &IO),
    required("priority", &Shape::Integer(0, 7), &IO),
]);

pub(super) static AFFINITY: Shape =
    Shape::Object(&[optional("initial", &LIST, &CPUS), optional("final", &LIST, &CPUS)]);

rules! {
    POLICY {
        id: "OCI-P13",
        severity: Error,
        section: "config.md#linux-process",
        explanation: "A scheduler needs one of the policies of sched(7); its flags and numbers are of the types given.",
        check: Structure,
        bad: &[
            r#"{"process": {"scheduler": {}}}"#,
            r#"{"process": {"scheduler": {"policy": "SCHED_FAST"}}}"#,
            r#"{"process": {"scheduler": {"policy": "SCHED_RR", "flags": ["SCHED_RESET_ON_FORK"]}}}"#,
            r#"{"process": {"scheduler": {"policy": "SCHED_DEADLINE", "runtime": -1}}}"#,
        ],
        good: &[r#"{"process": {"scheduler": {"policy": "SCHED_FIFO", "priority": 10, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}}}"#],
    }
    IO {
        id: "OCI-P14",
        severity: Error,
        section: "config.md#linux-process",
        explanation: "An I/O priority needs one of three classes and a priority from 0 to 7.",
        check: Structure,
        bad: &[
            r#"{"process": {"ioPriority": {"class": "IOPRIO_CLASS_BE"}}}"#,
            r#"{"process": {"ioPriority": {"class": "BE", "priority": 1}}}"#,
            r#"{"process": {"ioPriority": {"class": "IOPRIO_CLASS_RT", "priority": 8}}}"#,
        ],
        good: &[r#"{"process": {"ioPriority": {"class": "IOPRIO_CLASS_IDLE", "priority": 0}}}"#],
    }
    CPUS {
        id: "OCI-P15",
        severity: Error,
        section: "config.md#linux-process",
        explanation: "CPU affinities are lists of CPUs and ranges, as in cpuset(7).",
        check: Structure,
        bad: &[r#"{"process": {"execCPUAffinity": {"initial": "all"}}}"#, r#"{"process": {"execCPUAffinity": {"final": "3-1"}}}"#],
        good: &[r#"{"process": {"execCPUAffinity": {"initial": "0-3,7", "final": ""}}}"#],
    }
}
