//! The version of Proxmox VE's part that makes CTs, learned without running any of its Perl.

use crate::Pct;
use std::cmp::Ordering;
use std::fs;

/// Where dpkg keeps what is installed, a paragraph a package (deb822(5)).
const STATUS: &str = "/var/lib/dpkg/status";
const PACKAGE: &str = "pve-container";
/// The first that maps the ids of a directory that a CT has as its rootfs (`idmap=passthrough`; pct.md,
/// section 0).
const PASSTHROUGH: &str = "6.1.6";

/// A version, which is compared by its numbers.
#[derive(Debug, Clone)]
pub struct Version {
    text: String,
    numbers: Vec<u32>,
}

impl Version {
    /// Reads one; none if the text does not begin with a number.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let parts = text.split(|c: char| !c.is_ascii_digit());
        let numbers: Vec<u32> = parts.map_while(|part| part.parse().ok()).collect();
        (!numbers.is_empty()).then(|| Version { text: text.to_owned(), numbers })
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether Proxmox maps the owners of an unprivileged CT's root file system if it is asked to.
    #[must_use]
    pub fn maps_root_file_systems(&self) -> bool {
        Version::parse(PASSTHROUGH).is_some_and(|first| *self >= first)
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.numbers == other.numbers
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers)
    }
}

impl Pct {
    /// The version of pve-container that is configured, or else installed.
    #[must_use]
    pub fn pve_container(&self) -> Option<Version> {
        self.version.clone().or_else(|| installed(&fs::read_to_string(STATUS).ok()?))
    }
}

fn installed(status: &str) -> Option<Version> {
    let paragraph = status.split("\n\n").find(|paragraph| field(paragraph, "Package") == Some(PACKAGE))?;
    let is_there = field(paragraph, "Status")?.split(' ').next_back() == Some("installed");
    field(paragraph, "Version").filter(|_| is_there).and_then(Version::parse)
}

fn field<'p>(paragraph: &'p str, name: &str) -> Option<&'p str> {
    paragraph.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        for (version, maps) in [
            ("6.1.10", true),
            ("6.1.6", true),
            ("6.1.6~1", true),
            ("7", true),
            ("6.1.5", false),
            ("6.1", false),
            ("5.2.10", false),
        ] {
            assert_eq!(Version::parse(version).unwrap().maps_root_file_systems(), maps, "{version}");
        }
        assert!(["", "x", "."].iter().all(|text| Version::parse(text).is_none()));
    }

    #[test]
    fn dpkg_says_what_is_installed() {
        let before = "Package: pve-container-x\nStatus: install ok installed\nVersion: 9\n\n";
        let text = |status: &str| {
            format!(
                "{before}Package: pve-container\nStatus: {status}\nVersion: 6.1.10\nDepends: x\n\n{before}"
            )
        };
        assert_eq!(installed(&text("install ok installed")).unwrap().text(), "6.1.10");
        assert_eq!(installed(&text("deinstall ok config-files")), None);
        assert_eq!(installed(before), None);
    }
}
