//! The container's cgroup and its device rules.

use super::Draft;
use crate::CgroupVersion;
use crate::field::Field;

/// The devices that every container may use (config-linux.md, Default Devices): making any node,
/// the default devices, ptmx and the ptys.
const ALWAYS: &[&str] = &[
    "c *:* m",
    "b *:* m",
    "c 1:3 rwm",
    "c 1:5 rwm",
    "c 1:7 rwm",
    "c 1:8 rwm",
    "c 1:9 rwm",
    "c 5:0 rwm",
    "c 5:2 rwm",
    "c 136:* rwm",
];

impl Draft<'_> {
    /// `linux.cgroupsPath`, relative to the root of every hierarchy.
    pub(super) fn cgroups_path(&mut self, document: Field<'_, '_>) -> Option<String> {
        let (field, text) = document.get("linux")?.filled("cgroupsPath")?;
        let path = systemd(text).unwrap_or_else(|| text.trim_matches('/').to_owned());
        if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
            field.refuse("this is no plain path of a cgroup", "name one below the root");
            return None;
        }
        let monitor = format!("{path}.monitor");
        if monitor.contains("..") {
            field.refuse(
                "LXC takes no path with two dots in a row, nor one that ends with a dot",
                "rename it",
            );
            return None;
        }
        self.line(field, "lxc.cgroup.dir.container", path.as_str());
        self.line(field, "lxc.cgroup.dir.monitor", monitor);
        Some(path)
    }

    /// The rules for devices: nothing, then what the bundle says, then what is always there.
    pub(super) fn device_rules(&mut self, document: Field<'_, '_>, cgroup: CgroupVersion) {
        let key = |verb: &str| cgroup.key(&format!("devices.{verb}"));
        self.line(document, &key("deny"), "a");
        for field in document.at("/linux/resources/devices").into_iter().flat_map(Field::elements) {
            let verb = if field.get("allow").and_then(Field::bool) == Some(true) { "allow" } else { "deny" };
            for rule in rules(field) {
                self.line(field, &key(verb), rule);
            }
        }
        for rule in ALWAYS {
            self.line(document, &key("allow"), *rule);
        }
    }
}

/// The rules that one entry stands for: both kinds of devices need one each unless all is meant.
fn rules(field: Field<'_, '_>) -> Vec<String> {
    let access = field.text("access").filter(|access| !access.is_empty()).unwrap_or("rwm");
    // Negative numbers are old engines' way of saying any.
    let number = |key: &str| field.get(key).and_then(Field::i64).filter(|number| *number >= 0);
    let (major, minor) = (number("major"), number("minor"));
    let all_access = ['r', 'w', 'm'].iter().all(|right| access.contains(*right));
    let any = |number: Option<i64>| number.map_or("*".to_owned(), |number| number.to_string());
    let numbers = format!("{}:{} {access}", any(major), any(minor));
    match field.text("type").unwrap_or("a") {
        "a" | "" if all_access && major.is_none() && minor.is_none() => vec!["a".to_owned()],
        "a" | "" => vec![format!("b {numbers}"), format!("c {numbers}")],
        "b" => vec![format!("b {numbers}")],
        _ => vec![format!("c {numbers}")],
    }
}

/// The path that systemd gives to `slice:prefix:name`: every dash in a slice's name is a level.
fn systemd(text: &str) -> Option<String> {
    let [slice, prefix, name] = text.split(':').collect::<Vec<_>>().try_into().ok()?;
    let stem = slice.strip_suffix(".slice")?;
    let mut path = String::new();
    for (index, _) in stem.match_indices('-').chain([(stem.len(), "")]) {
        path.push_str(&format!("{}.slice/", &stem[..index]));
    }
    let scope = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}-{name}") };
    Some(format!("{path}{scope}.scope"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Reading;
    use bundle_validate::json::{Limits, parse};

    #[test]
    fn systemd_paths_are_spelt_out() {
        let check = |text: &str, expected: Option<&str>| assert_eq!(systemd(text).as_deref(), expected);
        check("system.slice:docker:ab", Some("system.slice/docker-ab.scope"));
        check("a-b-c.slice::x", Some("a.slice/a-b.slice/a-b-c.slice/x.scope"));
        check("/default/c1", None);
        check("a:b", None);
    }

    #[test]
    fn a_device_entry_becomes_the_rules_it_means() {
        let check = |text: &str, expected: &[&str]| {
            let document = parse(text.into(), Limits::default()).unwrap();
            let reading = Reading::default();
            assert_eq!(rules(reading.field(document.root())), expected, "{text}");
        };
        check(r#"{"access": "rwm"}"#, &["a"]);
        check(r#"{"type": "a", "major": -1, "access": "mrw"}"#, &["a"]);
        check(r#"{"type": "a", "access": "r"}"#, &["b *:* r", "c *:* r"]);
        check(r#"{"major": 8}"#, &["b 8:* rwm", "c 8:* rwm"]);
        check(r#"{"type": "c", "major": 1, "minor": 3, "access": "rw"}"#, &["c 1:3 rw"]);
        check(r#"{"type": "u", "minor": 0}"#, &["c *:0 rwm"]);
    }
}
