//! The storages of a cluster, as `/etc/pve/storage.cfg` has them: a line `TYPE: NAME`, then indented
//! properties.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The storage that is there even if nobody has configured it, and its directory.
const LOCAL: (&str, &str) = ("local", "/var/lib/vz");
/// Types with a directory that Proxmox mounts itself, below this one.
const MOUNTED: (&[&str], &str) = (&["nfs", "cifs", "cephfs"], "/mnt/pve");
/// Where the templates of a storage are, unless it says otherwise.
const TEMPLATES: &str = "template/cache";

/// A storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// Its type: `dir`, `lvmthin`, …
    pub kind: String,
    /// Its name.
    pub name: String,
    properties: BTreeMap<String, String>,
}

/// All storages of a configuration.
#[must_use]
pub fn storages(text: &str) -> Vec<Storage> {
    let mut found: Vec<Storage> = Vec::new();
    for line in text.lines() {
        if let Some((kind, name)) = line.split_once(": ").filter(|_| !line.starts_with(char::is_whitespace)) {
            let (kind, name) = (kind.trim().to_owned(), name.trim().to_owned());
            found.push(Storage { kind, name, properties: BTreeMap::new() });
        } else if let (Some(storage), property) = (found.last_mut(), line.trim()) {
            let (key, value) = property.split_once(char::is_whitespace).unwrap_or((property, "1"));
            if !key.is_empty() {
                storage.properties.insert(key.to_owned(), value.trim().to_owned());
            }
        }
    }
    if !found.iter().any(|storage| storage.name == LOCAL.0) {
        let properties = BTreeMap::from([("path".to_owned(), LOCAL.1.to_owned())]);
        found.push(Storage { kind: "dir".to_owned(), name: LOCAL.0.to_owned(), properties });
    }
    found
}

impl Storage {
    /// Whether it takes this content; one that says nothing may.
    #[must_use]
    pub fn takes(&self, content: &str) -> bool {
        self.properties.get("content").is_none_or(|list| list.split(',').any(|one| one.trim() == content))
    }

    /// What it takes, in its own words.
    #[must_use]
    pub fn content(&self) -> &str {
        self.properties.get("content").map_or("anything", String::as_str)
    }

    /// Whether it may be used on a node.
    #[must_use]
    pub fn serves(&self, node: &str) -> bool {
        let is_off = self.properties.get("disable").is_some_and(|value| value != "0");
        let nodes = self.properties.get("nodes");
        !is_off && nodes.is_none_or(|nodes| nodes.split(',').any(|one| one.trim() == node))
    }

    /// Where its templates are; none if it has no directory.
    #[must_use]
    pub fn templates(&self) -> Option<PathBuf> {
        let root = match self.properties.get("path") {
            Some(path) => PathBuf::from(path),
            None if MOUNTED.0.contains(&self.kind.as_str()) => Path::new(MOUNTED.1).join(&self.name),
            None => return None,
        };
        let elsewhere = self.properties.get("content-dirs").and_then(|list| {
            list.split(',')
                .filter_map(|one| one.trim().split_once('='))
                .find(|(content, _)| *content == "vztmpl")
        });
        let inside = elsewhere.map_or(TEMPLATES, |(_, directory)| directory.trim_start_matches('/'));
        Some(root.join(inside))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "dir: local\n\tpath /var/lib/vz\n\tcontent iso,vztmpl,backup\n\n\
        lvmthin: local-lvm\n\tvgname pve\n\tcontent rootdir,images\n\tnodes a, b\n\n\
        nfs: far\n\texport /x\n\tcontent-dirs iso=/i,vztmpl=/t/x\n\tdisable\n";

    fn named(name: &str) -> Storage {
        storages(TEXT).into_iter().find(|storage| storage.name == name).unwrap()
    }

    #[test]
    fn a_storage_is_what_its_lines_say() {
        let local = named("local");
        assert!(
            local.takes("vztmpl") && !local.takes("tmpl") && !local.takes("rootdir") && local.serves("a")
        );
        assert_eq!(local.templates().unwrap(), Path::new("/var/lib/vz/template/cache"));
        let lvm = named("local-lvm");
        assert!(lvm.takes("rootdir") && lvm.serves("b") && !lvm.serves("c") && lvm.templates().is_none());
        let far = named("far");
        assert!(far.takes("vztmpl") && !far.serves("a"));
        assert_eq!(far.templates().unwrap(), Path::new("/mnt/pve/far/t/x"));
    }

    #[test]
    fn local_is_always_there() {
        let local = &storages("")[0];
        assert_eq!((local.name.as_str(), local.takes("rootdir")), ("local", true));
    }
}
