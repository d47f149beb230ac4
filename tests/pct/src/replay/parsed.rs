//! Verdicts of the conf parser, strict and lax.

use super::{Outcome, mask};
use crate::conf::{Conf, MountPoint, Section, Warning, parse};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// One recording.
#[derive(Debug, Deserialize)]
pub(super) struct Recording {
    pub(super) name: String,
    conf: String,
    strict: Verdict,
    lax: Verdict,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Verdict {
    accepted: bool,
    message: String,
    result: Option<Value>,
}

impl Recording {
    pub(super) fn check(&self) -> Outcome {
        let Ok(vmid) = "900".parse() else { return Outcome::Failed("no VMID".into()) };
        let (conf, warnings) = parse(vmid, self.conf.as_bytes());
        let lax = verdict(&conf, &warnings);
        let refused = warnings.iter().find(|warning| matches!(warning, Warning::Refused(_)));
        let strict = match refused {
            Some(warning) => {
                Verdict { accepted: false, message: format!("PARSE ERROR: {}", warning.text()), result: None }
            }
            None => verdict(&conf, &warnings),
        };
        let pairs = [("strict", &self.strict, &strict), ("lax", &self.lax, &lax)];
        let differences =
            pairs.map(|(name, expected, got)| mask::difference(name, &shown(expected), &shown(got)));
        match differences.into_iter().flatten().next() {
            None => Outcome::Passed,
            Some(difference) => Outcome::Failed(difference),
        }
    }
}

/// Numbers and their text are the same to Perl.
fn shown(verdict: &Verdict) -> String {
    let result = verdict.result.as_ref().map(|result| json!({ "config": result["config"], "properties": result["properties"], "rewritten": result["rewritten"] }));
    format!("accepted: {}\n{}{}\n", verdict.accepted, verdict.message, texts(&result.unwrap_or(Value::Null)))
}

fn texts(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::String(number.to_string()),
        Value::Array(values) => values.iter().map(texts).collect(),
        Value::Object(values) => {
            // The recorder lost the characters of descriptions that are not ASCII.
            let kept = values
                .iter()
                .filter(|(key, value)| *key != "description" || value.as_str().is_some_and(str::is_ascii));
            Value::Object(kept.map(|(key, value)| (key.clone(), texts(value))).collect())
        }
        other => other.clone(),
    }
}

/// What the lax parser says, and the recorder's look at the properties.
fn verdict(conf: &Conf, warnings: &[Warning]) -> Verdict {
    let mut message: String = warnings.iter().map(Warning::text).collect();
    let mut properties = Map::new();
    for (key, value) in &conf.main.values {
        match look(key, value) {
            None => {}
            Some(Ok(property)) => {
                properties.insert(key.clone(), property);
            }
            Some(Err(why)) => {
                message.push_str(&format!("PROPERTY ERROR {key}: {why}"));
                return Verdict { accepted: false, message, result: None };
            }
        }
    }
    let mut config = section(&conf.main);
    config.insert("digest".into(), conf.digest.as_str().into());
    config.insert("pending".into(), section(&conf.pending).into());
    let snapshots: Map<_, _> =
        conf.snapshots.iter().map(|(name, it)| (name.clone(), section(it).into())).collect();
    config.insert("snapshots".into(), snapshots.into());
    let result = json!({ "config": config, "properties": properties, "rewritten": conf.to_string() });
    Verdict { accepted: true, message, result: Some(result) }
}

fn section(section: &Section) -> Map<String, Value> {
    let mut map: Map<_, _> = section.values.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
    if !section.description.is_empty() {
        map.insert("description".into(), json!(section.description));
    }
    if !section.raw.is_empty() {
        map.insert("lxc".into(), json!(section.raw));
    }
    map
}

/// A mount point, network or device as the recorder shows it.
fn look(key: &str, value: &str) -> Option<Result<Value, String>> {
    let family = key.trim_end_matches(|c: char| c.is_ascii_digit());
    let point = |key: &str| {
        MountPoint::parse(key, value).map(|point| {
            let name = value.split(',').next().unwrap_or_default();
            let mut shown = json!({ "type": point.volume.kind(), "volume": name });
            if family != "unused" {
                shown["mp"] = json!(point.target);
            }
            for (key, value) in point.values {
                shown[key] = json!(value);
            }
            shown
        })
    };
    match family {
        "rootfs" | "mp" => Some(point(key)),
        "unused" => Some(point("rootfs")),
        "net" | "dev" => pve_schema::conf_option(key)?.check_type(value).err().map(Err),
        _ => None,
    }
}
