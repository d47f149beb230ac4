//! The bundles, as data.

use crate::engines;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::io;

/// A config.json that every case starts from: what `runc spec` makes, less the terminal, the
/// read-only root and the cgroup mount, which cases of their own have.
const BASE: &str = include_str!("../base.json");

const FILES: [(&str, &str); 8] = [
    ("process", include_str!("../bundles/process.json")),
    ("privileges", include_str!("../bundles/privileges.json")),
    ("mounts", include_str!("../bundles/mounts.json")),
    ("namespaces", include_str!("../bundles/namespaces.json")),
    ("devices", include_str!("../bundles/devices.json")),
    ("resources", include_str!("../bundles/resources.json")),
    ("seccomp", include_str!("../bundles/seccomp.json")),
    ("hooks", include_str!("../bundles/hooks.json")),
];

/// A bundle and what is looked at. In every text of it, `@BUNDLE@` and `@SCRATCH@` stand for the
/// bundle's directory and one beside it, `@RUN@` for a name of this run's own, `@PROBE@` for the probe in the
/// root file system, and `@NS@` for the directory of the holder's namespaces.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// `TOPIC-WHAT`.
    pub name: String,
    /// A merge patch (RFC 7396) over the base; a member `+NAME` is appended to the array `NAME`.
    #[serde(default)]
    pub set: Value,
    /// The probe's words.
    #[serde(default)]
    pub probe: Vec<String>,
    /// Files below `rootfs/`, `scratch/` or `bundle/`: a name that ends with `/` is a directory, a text that starts
    /// with `-> ` a link.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// The host's id that owns the root file system and the scratch directory.
    #[serde(default)]
    pub owner: u32,
    /// Files of the container's cgroups that the host reads while the probe waits.
    #[serde(default)]
    pub cgroup: Vec<String>,
    /// Facts that are as the specification says and not as this runc has them.
    #[serde(default)]
    pub expect: BTreeMap<String, String>,
    /// runc cannot run this bundle: only the expected facts are compared.
    #[serde(default)]
    pub only_expected: bool,
    /// Rows and columns of the terminal that the runtime is started in.
    #[serde(default)]
    pub terminal: Option<(u16, u16)>,
    /// Namespaces of the holder, for bundles that join some.
    #[serde(default)]
    pub holder: Vec<String>,
    /// The whole config.json, before the patch; `None` for the base.
    #[serde(skip)]
    pub config: Option<Value>,
}

impl Case {
    /// The config.json, with its placeholders.
    #[must_use]
    pub fn config(&self) -> Value {
        let base = || serde_json::from_str(BASE).unwrap_or_else(|error| panic!("base.json: {error}"));
        let mut config = self.config.clone().unwrap_or_else(base);
        let words = ["/fidelity".to_owned()].into_iter().chain(self.probe.iter().cloned());
        config["process"]["args"] = words.collect();
        merge(&mut config, &self.set);
        config
    }
}

/// All cases, those of real engines too where there are recordings of them.
///
/// # Errors
/// A recording cannot be read.
///
/// # Panics
/// A file of bundles is not what [`Case`] describes.
pub fn cases() -> io::Result<Vec<Case>> {
    let mut cases = Vec::new();
    for (topic, text) in FILES {
        let read: Vec<Case> =
            serde_json::from_str(text).unwrap_or_else(|error| panic!("bundles/{topic}.json: {error}"));
        cases.extend(read.into_iter().map(|case| Case { name: format!("{topic}-{}", case.name), ..case }));
    }
    cases.extend(engines::cases()?);
    Ok(cases)
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(members) = patch else {
        if !patch.is_null() {
            *target = patch.clone();
        }
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(object) = target else { return };
    for (name, value) in members {
        match (name.strip_prefix('+'), value) {
            (Some(name), Value::Array(more)) => {
                let list = object.entry(name).or_insert_with(|| Value::Array(Vec::new()));
                if let Value::Array(list) = list {
                    list.extend(more.iter().cloned());
                }
            }
            (_, Value::Null) => drop(object.remove(name)),
            _ => merge(object.entry(name).or_insert(Value::Null), value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{cases, merge};
    use serde_json::json;
    use std::collections::BTreeSet;

    #[test]
    fn patches_replace_remove_and_append() {
        let mut target = json!({"a": {"b": 1, "c": [1]}, "d": 2});
        merge(&mut target, &json!({"a": {"b": 3, "+c": [2]}, "d": null, "+e": [4]}));
        assert_eq!(target, json!({"a": {"b": 3, "c": [1, 2]}, "e": [4]}));
    }

    #[test]
    fn there_are_sixty_cases_with_names_of_their_own() {
        let own = cases().expect("cases").into_iter().filter(|case| case.config.is_none());
        let names: Vec<String> = own.map(|case| case.name).collect();
        assert!(names.len() >= 60, "{}", names.len());
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    }
}
