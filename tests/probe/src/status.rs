//! What the process is and may do: /proc/self/status and the files beside it.

use crate::facts::Facts;
use crate::files::{text, zero_separated};

/// Fields of /proc/self/status; the others are memory sizes and pids.
const FIELDS: [&str; 22] = [
    "Umask",
    "Uid",
    "Gid",
    "Groups",
    "CapInh",
    "CapPrm",
    "CapEff",
    "CapBnd",
    "CapAmb",
    "NoNewPrivs",
    "Seccomp",
    "Seccomp_filters",
    "Speculation_Store_Bypass",
    "SpeculationIndirectBranch",
    "SigPnd",
    "ShdPnd",
    "SigBlk",
    "SigIgn",
    "SigCgt",
    "Threads",
    "Cpus_allowed_list",
    "Mems_allowed_list",
];

pub(crate) fn look(facts: &mut Facts) {
    let status = text("/proc/self/status");
    for line in status.lines() {
        if let Some((name, value)) = line.split_once(':') {
            if FIELDS.contains(&name) {
                facts.say(&format!("status.{name}"), value.trim().replace('\t', " "));
            }
        }
    }
    listed(facts, "argv", &zero_separated("/proc/self/cmdline"));
    listed(facts, "env", &zero_separated("/proc/self/environ"));
    for name in ["uid_map", "gid_map", "timens_offsets"] {
        lines(facts, name, &text(&format!("/proc/self/{name}")));
    }
    for name in ["oom_score_adj", "setgroups", "comm", "coredump_filter", "loginuid", "timerslack_ns"] {
        facts.say(&format!("proc.{name}"), text(&format!("/proc/self/{name}")).trim());
    }
    for name in ["current", "exec", "fscreate", "keycreate", "sockcreate", "prev"] {
        facts.say(&format!("attr.{name}"), text(&format!("/proc/self/attr/{name}")).trim());
    }
    for line in text("/proc/self/limits").lines().skip(1) {
        // Names are 25 wide and have blanks.
        let (name, values) = line.split_at_checked(25).unwrap_or((line, ""));
        let values: Vec<&str> = values.split_whitespace().take(2).collect();
        facts.say(&format!("limit.{}", name.trim().replace(' ', "_")), values.join(":"));
    }
    for line in text("/proc/self/cgroup").lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next().unwrap_or(""), fields.next().unwrap_or(""));
        facts.say(&format!("cgroup.{controllers}"), path);
    }
}

/// A list with its length, in order.
pub(crate) fn listed(facts: &mut Facts, name: &str, values: &[Vec<u8>]) {
    facts.say(&format!("{name}.count"), values.len());
    for (number, value) in values.iter().enumerate() {
        facts.bytes(&format!("{name}.{number}"), value);
    }
}

/// Lines with single blanks between words.
fn lines(facts: &mut Facts, name: &str, text: &str) {
    for (number, line) in text.lines().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        facts.say(&format!("{name}.{number}"), words.join(" "));
    }
}
