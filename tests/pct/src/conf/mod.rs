//! A CT's configuration, `/etc/pve/lxc/<vmid>.conf`.

mod digest;
#[cfg(test)]
mod hostile;
mod parse;
mod raw_keys;
mod store;
mod text;
mod volume;
mod write;

pub(crate) use parse::{Warning, parse};
pub(crate) use store::{Store, configured};
pub(crate) use text::encode;
pub(crate) use volume::{MountPoint, Volume, check_storage, mount_points};

use crate::vmid::Vmid;
use std::collections::BTreeMap;

/// A parsed configuration.
#[derive(Debug, Clone, Default)]
pub(crate) struct Conf {
    /// SHA-1 of the file, in hex.
    pub(crate) digest: String,
    pub(crate) main: Section,
    /// What `[pve:pending]` holds: changes for the next stop or start.
    pub(crate) pending: Section,
    pub(crate) snapshots: BTreeMap<String, Section>,
}

/// One section of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) description: String,
    /// All `key: value` lines; environment entries under `env`, separated by NULs.
    pub(crate) values: BTreeMap<String, String>,
    /// The raw `lxc.*` lines in their order.
    pub(crate) raw: Vec<(String, String)>,
}

impl Section {
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// Whether a boolean is set.
    pub(crate) fn is_set(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| value != "0")
    }

    /// A number, if the value is one.
    pub(crate) fn number(&self, key: &str) -> Option<u64> {
        self.get(key)?.parse().ok()
    }

    /// Whether a raw line sets the LXC key.
    pub(crate) fn has_raw(&self, key: &str) -> bool {
        self.raw.iter().any(|(raw, _)| raw == key)
    }

    /// The host name, or the name Proxmox makes up.
    pub(crate) fn name(&self, vmid: Vmid) -> String {
        self.get("hostname").map_or_else(|| format!("CT{vmid}"), str::to_owned)
    }

    fn is_empty(&self) -> bool {
        self.values.is_empty() && self.raw.is_empty() && self.description.trim_end_matches('\n').is_empty()
    }

    /// Takes a value, or a description, in.
    pub(crate) fn put(&mut self, key: &str, value: String) {
        if key == "description" {
            self.description = value;
        } else {
            self.values.insert(key.to_owned(), value);
        }
    }

    /// Takes a value, or a description, out.
    pub(crate) fn take(&mut self, key: &str) -> Option<String> {
        if key == "description" {
            let old = std::mem::take(&mut self.description);
            (!old.is_empty()).then_some(old)
        } else {
            self.values.remove(key)
        }
    }
}

impl Conf {
    /// Applies what is pending, as a stop or a start does.
    pub(crate) fn apply_pending(&mut self) {
        let mut pending = std::mem::take(&mut self.pending);
        for key in pending.take("delete").unwrap_or_default().split(',').filter(|key| !key.is_empty()) {
            if !pending.values.contains_key(key) {
                self.main.take(key);
            }
        }
        self.main.values.extend(pending.values);
    }
}
