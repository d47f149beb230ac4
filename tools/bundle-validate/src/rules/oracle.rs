//! oci-spec as an oracle: wherever it judges a document otherwise than we do, there is a reason. The
//! documents are the examples of all rules, and the good ones with every value replaced by others.

use super::examples::{changed, good_documents, is_on_text};
use super::mutations::{all_pointers, report};
use super::{Check, all};
use crate::{Finding, Severity};
use oci_spec::runtime::Spec;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A document, and what it is an example of: a rule's id or the pointer that was damaged.
struct Case {
    origin: String,
    document: Value,
}

fn examples() -> impl Iterator<Item = Case> {
    let rules = all().filter(|rule| !is_on_text(rule));
    rules.flat_map(|rule| {
        let texts = rule.good.iter().chain(rule.bad);
        texts.map(|text| Case { origin: rule.id.to_owned(), document: changed(text) })
    })
}

/// Good documents with one value replaced; each place and value once.
fn damaged() -> Vec<Case> {
    let others =
        [json!(null), json!(true), json!(-1), json!(1.5), json!("x"), json!([]), json!({}), json!(["x"])];
    let mut seen = BTreeSet::new();
    let mut cases = vec![];
    for good in good_documents() {
        for pointer in all_pointers(&good).into_iter().filter(|pointer| !pointer.is_empty()) {
            for other in &others {
                let place =
                    pointer.split('/').map(|token| if token.parse::<u32>().is_ok() { "*" } else { token });
                let origin = format!("{} {other}", place.collect::<Vec<_>>().join("/"));
                if seen.insert(origin.clone()) {
                    let mut document = good.clone();
                    if let Some(value) = document.pointer_mut(&pointer) {
                        value.clone_from(other);
                    }
                    cases.push(Case { origin, document });
                }
            }
        }
    }
    cases
}

/// A reason in words, and whether it is the one of a case.
type Reason<T> = (&'static str, fn(&T) -> bool);

/// Why oci-spec is wrong to refuse what we accept, and how one knows such a case by its message.
static REFUSED: &[Reason<String>] = &[
    ("an unknown capability is worth a warning, as the specification says", |message| {
        message.starts_with("no variant for")
    }),
    ("0.0 is the integer 0 to JSON; it is worth a warning", |message| message.contains("floating point")),
    ("a huge page limit is a uint64, not an int64", |message| message.ends_with("expected i64")),
    ("SCHED_FLAG_RESET_ON_FORK and SCHED_FLAG_DL_OVERRUN are misspelt there", |message| {
        message.contains("SCHED_FLAG_RESET_ON_FORK") || message.contains("SCHED_FLAG_DL_OVERRUN")
    }),
    ("an empty list of CPUs means that the affinity is left alone", |message| {
        message == "Invalid execCPUAffinity format: "
    }),
];

/// Why oci-spec is wrong to accept what we refuse, and how one knows such a case by our finding.
static ACCEPTED: &[Reason<Finding>] = &[
    ("what stands between several values, or needs knowledge of the kernel, is beyond types", |finding| {
        !matches!(finding.rule.check, Check::Structure)
    }),
    ("null is no value of any field; there it stands for a field that is absent", |finding| {
        finding.message.ends_with("found null")
    }),
    ("a required field that is absent is filled with a default", |finding| {
        finding.message.ends_with("is required")
    }),
    ("an object is made of an array, its members taken by their order", |finding| {
        finding.message == "expected an object, found an array"
    }),
    ("it knows strings, not their forms: paths, versions, lists", |finding| {
        !finding.message.starts_with("expected one of") && found(finding).starts_with('"')
    }),
    ("it knows the widths of its integers, not the bounds of the specification", |finding| {
        finding.message.starts_with("expected an integer") && found(finding).parse::<i128>().is_ok()
    }),
    ("it knows no least number of entries", |finding| finding.message == "there must be at least one entry"),
    ("these words are strings there", |finding| {
        let free = ["/linux/rootfsPropagation", "/vm/image/format", "/idType"];
        finding.message.starts_with("expected one of")
            && free.iter().any(|end| finding.pointer.ends_with(end))
    }),
    ("devices and the rules of the device cgroup share their types there", |finding| {
        let shared = ["/linux/devices/0/type", "/linux/resources/devices/0/type"];
        shared.contains(&finding.pointer.as_str())
    }),
    ("two flags of the scheduler are misspelt there", |finding| {
        finding.pointer.starts_with("/process/scheduler/flags/")
    }),
    ("these fields are not in it, so they are ignored", |finding| {
        let unknown = ["/freebsd", "/vm/hwConfig", "/linux/intelRdt/enable", "/zos", "/windows/hyperv/"];
        unknown.iter().any(|field| finding.pointer.starts_with(field))
    }),
];

/// What a finding says was found.
fn found(finding: &Finding) -> &str {
    finding.message.split_once(", found ").map_or("", |(_, found)| found)
}

#[test]
fn where_oci_spec_judges_otherwise_there_is_a_reason() {
    let mut used = BTreeSet::new();
    let mut unexplained = vec![];
    let (mut agreed, mut differed) = (0, 0);
    for Case { origin, document } in examples().chain(damaged()) {
        let (_, report) = report(&document.to_string());
        let theirs = serde_json::from_value::<Spec>(document.clone());
        if report.has_errors() == theirs.is_err() {
            agreed += 1;
            continue;
        }
        differed += 1;
        if let Err(error) = theirs {
            let message = error.to_string();
            let reason = REFUSED.iter().find(|(_, fits)| fits(&message));
            used.extend(reason.map(|(reason, _)| reason));
            if reason.is_none() {
                unexplained.push(format!("{origin}: only oci-spec refuses: {message}"));
            }
            continue;
        }
        for finding in report.findings().filter(|finding| finding.severity == Severity::Error) {
            let reason = ACCEPTED.iter().find(|(_, fits)| fits(finding));
            used.extend(reason.map(|(reason, _)| reason));
            if reason.is_none() {
                unexplained.push(format!("{origin}: only we refuse: {finding}"));
            }
        }
    }
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
    let listed: BTreeSet<_> =
        REFUSED.iter().map(|(reason, _)| reason).chain(ACCEPTED.iter().map(|(reason, _)| reason)).collect();
    assert_eq!(used, listed, "reasons without a case");
    assert!(agreed > 1000 && differed > 100, "{agreed} alike, {differed} not");
}
