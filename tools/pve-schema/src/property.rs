//! Comma-separated lists of `key=value`, one key of which may go without its name.

use crate::{Kind, boolean};
use std::collections::BTreeMap;

/// The members that a list may have.
#[derive(Debug)]
pub struct Properties {
    /// The member whose key may be left out.
    pub(crate) default: Option<&'static str>,
    pub(crate) members: &'static [Property],
}

/// One member of a list.
#[derive(Debug)]
pub struct Property {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) needed: Needed,
}

/// Whether a list goes without a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needed {
    Always,
    Optional,
}

impl Properties {
    /// Reads a list and checks every member.
    ///
    /// # Errors
    /// Proxmox's words, ending in a newline; `path` prefixes the members' names.
    pub fn parse(&self, text: &str, path: Option<&str>) -> Result<BTreeMap<String, String>, String> {
        let values = self.split(text)?;
        let missing = self.members.iter().filter(|member| member.needed == Needed::Always);
        let missing = missing
            .filter(|member| !values.contains_key(member.name))
            .map(|member| (member.name, "property is missing and it is not optional".to_owned()));
        let wrong = values.iter().filter_map(|(key, value)| {
            match self.member(key) {
                None => Some(
                    "property is not defined in schema and the schema does not allow additional properties"
                        .into(),
                ),
                Some(member) => member.kind.verify(key, value).err(),
            }
            .map(|why| (key.as_str(), why))
        });
        let faults: String = missing
            .chain(wrong)
            .map(|(key, why)| match path {
                Some(path) => format!("{path}.{key}: {why}\n"),
                None => format!("{key}: {why}\n"),
            })
            .collect();
        if faults.is_empty() { Ok(values) } else { Err(format!("format error\n{faults}")) }
    }

    /// The list as Proxmox writes it: the nameless member, those that are needed, the rest by name.
    #[must_use]
    pub fn print(&self, values: &BTreeMap<String, String>) -> String {
        let rank = |key: &str| match self.member(key) {
            _ if self.default == Some(key) => 0,
            Some(member) if member.needed == Needed::Always => 1,
            _ => 2,
        };
        let mut keys: Vec<&String> = values.keys().collect();
        keys.sort_by_key(|key| rank(key));
        let parts: Vec<String> = keys
            .into_iter()
            .map(|key| match (rank(key), &values[key]) {
                (0, value) => value.clone(),
                (_, value) => format!("{key}={value}"),
            })
            .collect();
        parts.join(",")
    }

    fn split(&self, text: &str) -> Result<BTreeMap<String, String>, String> {
        let mut values = BTreeMap::new();
        for part in text.split(',').filter(|part| !part.trim().is_empty()) {
            let (key, value) = match (part.split_once('='), self.default) {
                (Some((key, value)), _) if !key.is_empty() && !value.is_empty() => (key, value),
                (Some(_), _) => return Err("missing key in comma-separated list property\n".into()),
                (None, Some(default)) => (default, part),
                (None, None) => {
                    return Err("value without key, but schema does not define a default key\n".into());
                }
            };
            let value = match self.member(key) {
                Some(Property { kind: Kind::Boolean, .. }) => boolean(value).unwrap_or(value),
                _ => value,
            };
            if values.insert(key.to_owned(), value.to_owned()).is_some() {
                return Err(format!("duplicate key in comma-separated list property: {key}\n"));
            }
        }
        Ok(values)
    }

    fn member(&self, key: &str) -> Option<&'static Property> {
        self.members.iter().find(|member| member.name == key)
    }
}
