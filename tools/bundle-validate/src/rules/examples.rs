//! Every rule has examples, and they are run here.

use super::config::CONFIG;
use super::{Check, Rule, all};
use crate::{Bundle, Options, Report, check, validate};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::fs;

/// A valid document for every rule to start from.
pub(super) fn base() -> Value {
    json!({
        "ociVersion": "1.3.0",
        "root": {"path": "rootfs"},
        "process": {"cwd": "/", "args": ["sh"], "user": {"uid": 0, "gid": 0}},
        "linux": {},
    })
}

/// RFC 7396.
pub(super) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(members) = patch else {
        target.clone_from(patch);
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in members {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(key);
        } else {
            merge(&mut target[key], value);
        }
    }
}

/// The report on a bundle with this document.
fn report(text: &str) -> Report {
    let bundle = tempfile::tempdir().unwrap();
    fs::create_dir(bundle.path().join("rootfs")).unwrap();
    fs::write(bundle.path().join("config.json"), text).unwrap();
    check(bundle.path(), &Options::default()).unwrap()
}

/// Whether the examples of a rule are whole texts.
pub(super) fn is_on_text(rule: &Rule) -> bool {
    rule.id.starts_with("OCI-JSON-") && matches!(rule.check, Check::Structure)
}

/// The base, changed by an example of a rule that is not on the text.
pub(super) fn changed(example: &str) -> Value {
    let patch = serde_json::from_str(example).unwrap_or_else(|error| panic!("{example}: {error}"));
    let mut document = base();
    merge(&mut document, &patch);
    document
}

/// All documents that the rules give as good.
pub(super) fn good_documents() -> impl Iterator<Item = Value> {
    let rules = all().filter(|rule| !is_on_text(rule) && rule.id != "OCI-E2");
    rules.flat_map(|rule| rule.good).map(|good| changed(good))
}

fn example(rule: &Rule, example: &str) -> String {
    if is_on_text(rule) { example.to_owned() } else { changed(example).to_string() }
}

#[test]
fn bad_examples_break_their_rule_and_good_ones_do_not() {
    for rule in all() {
        assert!(!rule.bad.is_empty() && !rule.good.is_empty(), "{} lacks examples", rule.id);
        for bad in rule.bad {
            let report = report(&example(rule, bad));
            assert!(
                report.findings().any(|f| f.rule.id == rule.id),
                "{}: {bad}\n{}",
                rule.id,
                report.human()
            );
        }
        for good in rule.good {
            let report = report(&example(rule, good));
            assert!(
                report.findings().all(|f| f.rule.id != rule.id),
                "{}: {good}\n{}",
                rule.id,
                report.human()
            );
        }
    }
}

#[test]
fn a_good_example_breaks_no_other_rule_either() {
    for document in good_documents() {
        let report = report(&document.to_string());
        assert!(!report.has_errors(), "{document}\n{}", report.human());
    }
}

#[test]
fn the_base_is_clean() {
    assert_eq!(report(&base().to_string()).human(), "");
}

#[test]
fn ids_are_unique_and_well_formed() {
    let mut seen = HashSet::new();
    for rule in all() {
        assert!(seen.insert(rule.id), "{} twice", rule.id);
        assert!(rule.id.starts_with("OCI-") && rule.explanation.ends_with('.'), "{}", rule.id);
        assert!(rule.section.contains(".md"), "{}", rule.id);
    }
}

#[test]
fn every_field_names_a_rule_of_the_table() {
    let known: HashSet<*const Rule> = all().map(std::ptr::from_ref).collect();
    let mut fields = 0;
    CONFIG.fields(&mut |field| {
        fields += 1;
        assert!(known.contains(&std::ptr::from_ref(field.rule)), "{}: {}", field.name, field.rule.id);
    });
    assert!(fields > 200, "{fields}");
}

#[test]
fn everything_is_found_in_one_run() {
    let text = r#"{"ociVersion": "1", "root": {"path": "rootfs", "readonly": 1}, "process": {"cwd": "a",
        "args": [1], "user": {"uid": -1, "gid": 0}, "env": ["x"], "nope": 1},
        "linux": {"namespaces": [{"type": "pid"}, {"type": "pid"}, 3], "maskedPaths": ["a", 1]}}"#;
    let pointers: Vec<String> = report(text).findings().map(|f| f.pointer.clone()).collect();
    let expected = [
        "/ociVersion",
        "/root/readonly",
        "/process/cwd",
        "/process/args/0",
        "/process/user/uid",
        "/process/env/0",
        "/process/nope",
        "/linux/namespaces/1/type",
        "/linux/namespaces/2",
        "/linux/maskedPaths/0",
        "/linux/maskedPaths/1",
    ];
    assert_eq!(pointers, expected);
}

#[test]
fn files_are_looked_for_only_where_they_can_be_and_shall_be() {
    let mut document = base();
    merge(&mut document, &json!({"root": {"path": "/nowhere/at/all"}}));
    let text = document.to_string();
    assert!(report(&text).has_errors());
    let bundle = tempfile::tempdir().unwrap();
    fs::write(bundle.path().join("config.json"), &text).unwrap();
    let scope = crate::Scope::Document;
    assert!(!check(bundle.path(), &Options { scope, ..Options::default() }).unwrap().has_errors());
    let document = crate::json::parse(text.into(), crate::json::Limits::default()).unwrap();
    assert!(!validate(&Bundle::from_document(document), &Options::default()).has_errors());
}
