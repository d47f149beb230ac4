//! The process, beyond the specification.

use crate::Profile::{Crun, Runc, Strict};
use crate::Severity::{Note, Warning};
use crate::json::Node;
use crate::report::Sink;
use crate::rules::Check::Document;
use crate::rules::forms::excerpt;
use crate::rules::{namespaces, rules};
use std::collections::HashSet;

rules! {
    ENV_TWICE {
        id: "OCI-P6-TWICE",
        severity: Warning,
        section: "config.md#process",
        explanation: "Of two entries for one variable some programs see the first, some the last.",
        check: Document(variables_are_unique),
        bad: &[r#"{"process": {"env": ["A=1", "B=1", "A=2"]}}"#],
        good: &[r#"{"process": {"env": ["A=1", "a=1", "AA=1"]}}"#],
    }
    SECRET {
        id: "OCI-P6-SECRET",
        severity: Warning,
        section: "config.md#process",
        explanation: "Who may read config.json or the process's environment reads a password in it too: give its file instead.",
        only_under: &[Strict],
        check: Document(no_secrets),
        bad: &[r#"{"process": {"env": ["DB_PASSWORD=x"]}}"#, r#"{"process": {"env": ["github_token=x"]}}"#],
        good: &[r#"{"process": {"env": ["DB_PASSWORD_FILE=/run/x", "TOKEN=", "TOKENIZERS=1", "COMPASS=1"]}}"#],
    }
    ORDER {
        id: "OCI-P9-ORDER",
        severity: Warning,
        section: "config.md#posix-process",
        explanation: "The kernel refuses a soft limit above the hard one.",
        error_under: &[Runc, Crun],
        check: Document(soft_is_within_hard),
        bad: &[r#"{"process": {"rlimits": [{"type": "RLIMIT_CPU", "soft": 2, "hard": 1}]}}"#],
        good: &[r#"{"process": {"rlimits": [{"type": "RLIMIT_CPU", "soft": 1, "hard": 1}]}}"#],
    }
    SUBSET {
        id: "OCI-P11-SUBSET",
        severity: Warning,
        section: "config.md#linux-process",
        explanation: "What is effective has to be permitted, and what is ambient too: the kernel refuses anything else.",
        check: Document(sets_are_subsets),
        bad: &[
            r#"{"process": {"capabilities": {"effective": ["CAP_KILL"]}}}"#,
            r#"{"process": {"capabilities": {"ambient": ["CAP_KILL"], "inheritable": ["CAP_KILL"]}}}"#,
        ],
        good: &[r#"{"process": {"capabilities": {"effective": ["CAP_KILL"], "permitted": ["CAP_KILL", "CAP_CHOWN"],
            "inheritable": ["CAP_CHOWN"], "ambient": ["CAP_CHOWN"]}}}"#],
    }
    AMBIENT {
        id: "OCI-P11-AMBIENT",
        severity: Note,
        section: "config.md#linux-process",
        explanation: "A capability that is not inheritable cannot become ambient; runtimes go on without it.",
        check: Document(ambient_is_inheritable),
        bad: &[r#"{"process": {"capabilities": {"ambient": ["CAP_KILL"], "permitted": ["CAP_KILL"]}}}"#],
        good: &[r#"{"process": {"capabilities": {"ambient": ["CAP_KILL"], "permitted": ["CAP_KILL"], "inheritable": ["CAP_KILL"]}}}"#],
    }
    OOM {
        id: "OCI-P12-RANGE",
        severity: Warning,
        section: "config.md#linux-process",
        explanation: "The kernel takes OOM scores from -1000 to 1000.",
        error_under: &[Runc, Crun],
        check: Document(oom_score_is_in_range),
        bad: &[r#"{"process": {"oomScoreAdj": 1001}}"#, r#"{"process": {"oomScoreAdj": -1001}}"#],
        good: &[r#"{"process": {"oomScoreAdj": 1000}}"#],
    }
    SCHEDULER {
        id: "OCI-P13-POLICY",
        severity: Warning,
        section: "config.md#linux-process",
        explanation: "A nice value is from -20 to 19; a priority is for FIFO and RR, and runtime, deadline and period are for DEADLINE only.",
        error_under: &[Runc],
        check: Document(scheduler_fits_its_policy),
        bad: &[
            r#"{"process": {"scheduler": {"policy": "SCHED_OTHER", "nice": 20}}}"#,
            r#"{"process": {"scheduler": {"policy": "SCHED_BATCH", "priority": 1}}}"#,
            r#"{"process": {"scheduler": {"policy": "SCHED_RR", "runtime": 1}}}"#,
        ],
        good: &[
            r#"{"process": {"scheduler": {"policy": "SCHED_OTHER", "nice": -20, "priority": 0}}}"#,
            r#"{"process": {"scheduler": {"policy": "SCHED_DEADLINE", "runtime": 1, "deadline": 2, "period": 2}}}"#,
        ],
    }
    LENGTH {
        id: "OCI-G1-LENGTH",
        severity: Warning,
        section: "config.md#hostname",
        explanation: "The kernel takes host and domain names of at most 64 bytes.",
        error_under: &[Runc, Crun],
        check: Document(names_are_short),
        bad: &[r#"{"hostname": "hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh"}"#],
        good: &[r#"{"hostname": "hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh"}"#],
    }
    NAMESPACE {
        id: "OCI-G1-NAMESPACE",
        severity: Warning,
        section: "config.md#hostname",
        explanation: "Without a UTS namespace of the container's own the name would be the host's.",
        error_under: &[Runc, Crun],
        check: Document(names_have_a_namespace),
        bad: &[r#"{"hostname": "h"}"#, r#"{"domainname": "d", "linux": {"namespaces": [{"type": "ipc"}]}}"#],
        good: &[r#"{"hostname": "h", "linux": {"namespaces": [{"type": "uts"}]}}"#],
    }
}

fn variables(config: Node<'_>) -> impl Iterator<Item = (Node<'_>, &str, &str)> {
    let entries = config.at("/process/env").into_iter().flat_map(|env| env.elements());
    entries.filter_map(|entry| entry.as_str()?.split_once('=').map(|(name, value)| (entry, name, value)))
}

fn variables_are_unique(config: Node<'_>, sink: &mut Sink<'_>) {
    let mut seen = HashSet::new();
    for (node, name, _) in variables(config).filter(|(_, name, _)| !seen.insert(*name)) {
        sink.add(node, format!("{} is set already", excerpt(name)));
    }
}

fn no_secrets(config: Node<'_>, sink: &mut Sink<'_>) {
    const LAST: &[&str] = &[
        "PASSWORD",
        "PASSWD",
        "PASSPHRASE",
        "SECRET",
        "TOKEN",
        "APIKEY",
        "API_KEY",
        "ACCESS_KEY",
        "PRIVATE_KEY",
    ];
    let secret = |name: &str| {
        let name = name.to_ascii_uppercase();
        LAST.iter().any(|last| {
            name.strip_suffix(last).is_some_and(|before| before.is_empty() || before.ends_with('_'))
        })
    };
    for (node, name, _) in variables(config).filter(|(_, name, value)| !value.is_empty() && secret(name)) {
        // The value is not quoted: reports are kept where nobody expects secrets.
        sink.add(node, format!("{} looks like a secret", excerpt(name)));
    }
}

fn soft_is_within_hard(config: Node<'_>, sink: &mut Sink<'_>) {
    for limit in config.at("/process/rlimits").into_iter().flat_map(|limits| limits.elements()) {
        let value = |name| limit.get(name).and_then(|node| Some((node, node.as_u64()?)));
        if let (Some((node, soft)), Some((_, hard))) = (value("soft"), value("hard")) {
            if soft > hard {
                sink.add(node, format!("the soft limit is above the hard one of {hard}"));
            }
        }
    }
}

fn sets_are_subsets(config: Node<'_>, sink: &mut Sink<'_>) {
    subset(config, "effective", "permitted", sink);
    subset(config, "ambient", "permitted", sink);
}

fn ambient_is_inheritable(config: Node<'_>, sink: &mut Sink<'_>) {
    let Some(ambient) = config.at("/process/capabilities/ambient") else { return };
    let names: Vec<String> =
        outside(config, "ambient", "inheritable").map(|(_, name)| excerpt(name)).take(4).collect();
    if !names.is_empty() {
        let more = ["", " is", " are", " are", " and others are"][names.len()];
        let names = names[..names.len().min(3)].join(", ");
        sink.add_at_key(ambient, format!("{names}{more} not in `inheritable`"));
    }
}

fn subset(config: Node<'_>, lesser: &str, greater: &str, sink: &mut Sink<'_>) {
    for (node, capability) in outside(config, lesser, greater) {
        sink.add(node, format!("{} is not in `{greater}`", excerpt(capability)));
    }
}

/// Capabilities of one set that another does not have.
fn outside<'d>(config: Node<'d>, lesser: &str, greater: &str) -> impl Iterator<Item = (Node<'d>, &'d str)> {
    let sets = config.at("/process/capabilities");
    let entries = |name: &str| {
        let list = sets.and_then(|sets| sets.get(name)).into_iter().flat_map(|list| list.elements());
        list.filter_map(|node| Some((node, node.as_str()?)))
    };
    let allowed: HashSet<&str> = entries(greater).map(|(_, capability)| capability).collect();
    entries(lesser).filter(move |(_, name)| !allowed.contains(name))
}

fn oom_score_is_in_range(config: Node<'_>, sink: &mut Sink<'_>) {
    let score = config.at("/process/oomScoreAdj");
    if let Some(node) =
        score.filter(|node| node.as_i64().is_some_and(|score| !(-1000..=1000).contains(&score)))
    {
        sink.add(node, "expected a score from -1000 to 1000");
    }
}

fn scheduler_fits_its_policy(config: Node<'_>, sink: &mut Sink<'_>) {
    let Some(scheduler) = config.at("/process/scheduler") else { return };
    let policy = scheduler.get("policy").and_then(|node| node.as_str());
    let number = |name| scheduler.get(name).and_then(|node| Some((node, node.as_i128()?)));
    if let Some((node, _)) = number("nice").filter(|(_, nice)| !(-20..=19).contains(nice)) {
        sink.add(node, "expected a nice value from -20 to 19");
    }
    let real_time = matches!(policy, Some("SCHED_FIFO" | "SCHED_RR"));
    if let Some((node, _)) = number("priority").filter(|(_, priority)| *priority != 0 && !real_time) {
        sink.add(node, "only SCHED_FIFO and SCHED_RR have priorities");
    }
    for (node, _) in
        ["runtime", "deadline", "period"].into_iter().filter_map(number).filter(|(_, time)| *time != 0)
    {
        if policy != Some("SCHED_DEADLINE") {
            sink.add(node, "only SCHED_DEADLINE has it");
        }
    }
}

fn names(config: Node<'_>) -> impl Iterator<Item = (Node<'_>, &str)> {
    let fields = ["hostname", "domainname"].into_iter().filter_map(move |name| config.get(name));
    fields.filter_map(|node| Some((node, node.as_str()?)))
}

fn names_are_short(config: Node<'_>, sink: &mut Sink<'_>) {
    for (node, name) in names(config).filter(|(_, name)| name.len() > 64) {
        sink.add(node, format!("the name has {} bytes, the kernel takes 64", name.len()));
    }
}

fn names_have_a_namespace(config: Node<'_>, sink: &mut Sink<'_>) {
    if config.get("linux").is_none() || namespaces::has(config, "uts") {
        return;
    }
    for (node, _) in names(config).filter(|(_, name)| !name.is_empty()) {
        sink.add_at_key(node, "there is no `uts` namespace");
    }
}
