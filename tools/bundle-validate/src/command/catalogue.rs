//! The rules as they are told to people and programs.

use crate::report::form::Format;
use crate::report::printable::printable;
use crate::rules::{self, Rule};
use crate::{Profile, SpecVersion};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Columns of a line of explanation.
const WIDTH: usize = 96;

/// All rules.
pub(super) fn list(format: Format) -> String {
    if format == Format::Json {
        return format!("{:#}\n", rules::all().map(object).collect::<Value>());
    }
    let width = rules::all().map(|rule| rule.id.len()).max().unwrap_or_default();
    let mut text = String::new();
    for rule in rules::all() {
        let (id, severity) = (rule.id, rule.severity.name());
        let _ = writeln!(text, "{id:width$}  {severity:7}  {}", rule.explanation);
    }
    text
}

/// One rule with its examples.
pub(super) fn explain(rule: &Rule, format: Format) -> String {
    if format == Format::Json {
        return format!("{:#}\n", object(rule));
    }
    let mut text = format!("{}: {}\n{}\n", rule.id, rule.severity.name(), rule.link(SpecVersion::NEWEST));
    let _ = writeln!(text, "{}", versions(rule));
    if !rule.only_under.is_empty() {
        let _ = writeln!(text, "Told only with --profile {}.", names(rule.only_under).join(" or "));
    }
    if !rule.error_under.is_empty() {
        let _ = writeln!(text, "An error with --profile {}.", names(rule.error_under).join(" or "));
    }
    let _ = writeln!(text, "\n{}", wrapped(rule.explanation));
    for (title, examples) in [("Breaks it:", rule.bad), ("Does not:", rule.good)] {
        let _ = writeln!(text, "\n{title}");
        for example in examples {
            let example = if example.is_empty() { "(nothing)" } else { example };
            let lines: Vec<String> = example.lines().map(|line| printable(line.trim())).collect();
            let _ = writeln!(text, "    {}", lines.join("\n      "));
        }
    }
    let kind = if rule.id.starts_with("OCI-JSON-") { "whole texts, or " } else { "" };
    let _ = writeln!(text, "\nExamples are {kind}changes of a valid config.json (RFC 7396; null removes).");
    text
}

fn object(rule: &Rule) -> Value {
    json!({
        "rule": rule.id,
        "severity": rule.severity.name(),
        "section": rule.section,
        "link": rule.link(SpecVersion::NEWEST),
        "since": rule.since.name(),
        "until": rule.until.map(SpecVersion::name),
        "only_under": names(rule.only_under),
        "error_under": names(rule.error_under),
        "explanation": rule.explanation,
        "bad": rule.bad,
        "good": rule.good,
    })
}

fn versions(rule: &Rule) -> String {
    let until = rule.until.map_or(String::new(), |version| format!(", no longer in {version}"));
    match rule.since {
        SpecVersion::V1_0_2 => format!("In every version of the specification{until}."),
        since => format!("In the specification since {since}{until}."),
    }
}

fn names(profiles: &[Profile]) -> Vec<&'static str> {
    profiles.iter().map(|profile| profile.name()).collect()
}

fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}
