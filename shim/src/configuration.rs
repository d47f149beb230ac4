//! The administrator's configuration: `/etc/nexcage/config.json`, or the file that
//! `NEXCAGE_CONFIG` names. Never one of the working directory.

use nexcage_cli::{Code, Diagnose};
use serde::Deserialize;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const FILE: &str = "/etc/nexcage/config.json";

/// Everything that can be configured. An unknown key is an error.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub(crate) struct Configuration {
    pub(crate) pct: Pct,
}

/// Where Proxmox VE's parts are.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub(crate) struct Pct {
    /// The `pct` program.
    pub(crate) program: PathBuf,
    /// The directory of the CTs' configurations, in a mounted pmxcfs.
    pub(crate) conf_directory: PathBuf,
    /// LXC's own directory, where Proxmox writes what it renders.
    pub(crate) lxc_directory: PathBuf,
    /// The ids that new CTs may take.
    pub(crate) vmids: Vmids,
}

/// A range of VMIDs, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vmids {
    pub(crate) first: u32,
    pub(crate) last: u32,
}

impl Default for Pct {
    fn default() -> Self {
        Pct {
            program: "/usr/sbin/pct".into(),
            conf_directory: "/etc/pve/lxc".into(),
            lxc_directory: "/var/lib/lxc".into(),
            vmids: Vmids { first: 900_000, last: 999_999 },
        }
    }
}

/// The file cannot be used.
#[derive(Debug)]
pub(crate) enum Error {
    Unreadable { path: PathBuf, source: io::Error },
    Wrong { path: PathBuf, source: serde_json::Error },
}

impl Configuration {
    /// Reads the file. Without `NEXCAGE_CONFIG` it need not exist.
    pub(crate) fn read() -> Result<Self, Error> {
        let named = std::env::var_os("NEXCAGE_CONFIG").map(PathBuf::from);
        let path = named.as_deref().unwrap_or(Path::new(FILE));
        match fs::read(path) {
            Ok(text) => Self::parse(&text).map_err(|source| Error::Wrong { path: path.to_owned(), source }),
            Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => Ok(Self::default()),
            Err(source) => Err(Error::Unreadable { path: path.to_owned(), source }),
        }
    }

    fn parse(text: &[u8]) -> Result<Self, serde_json::Error> {
        let configuration: Configuration = serde_json::from_slice(text)?;
        let Vmids { first, last } = configuration.pct.vmids;
        // The limits of Proxmox VE (pct.md, section 1).
        if first < 100 || last > 999_999_999 || first > last {
            let text = format!("pct.vmids: {first} to {last} is no range within 100 to 999999999");
            return Err(serde::de::Error::custom(text));
        }
        Ok(configuration)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Unreadable { path, .. } => write!(f, "cannot read the configuration {}", path.display()),
            Error::Wrong { path, .. } => write!(f, "the configuration {} is wrong", path.display()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Unreadable { source, .. } => Some(source),
            Error::Wrong { source, .. } => Some(source),
        }
    }
}

impl Diagnose for Error {
    fn code(&self) -> Code {
        Code::Configuration
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_object_is_the_default_and_a_key_changes_only_itself() {
        assert_eq!(Configuration::parse(b"{}").unwrap(), Configuration::default());
        let text = br#"{"pct": {"vmids": {"first": 100, "last": 200}}}"#;
        let pct = Configuration::parse(text).unwrap().pct;
        assert_eq!(pct, Pct { vmids: Vmids { first: 100, last: 200 }, ..Pct::default() });
    }

    #[test]
    fn the_packaged_file_says_what_holds_without_it() {
        let packaged = include_bytes!("../../packaging/config.json");
        assert_eq!(Configuration::parse(packaged).unwrap(), Configuration::default());
    }

    #[test]
    fn unknown_keys_wrong_types_and_wrong_values_are_refused_with_their_place() {
        for (text, needle) in [
            ("{\"pct\": {\n\"programm\": \"x\"}}", "unknown field `programm`"),
            ("{\"pct\": {\n\"program\": 1}}", "line 2"),
            ("{\"pct\": {\"vmids\": {\"first\": 99, \"last\": 200}}}", "pct.vmids"),
            ("{\"pct\": {\"vmids\": {\"first\": 300, \"last\": 200}}}", "pct.vmids"),
            ("", "EOF"),
        ] {
            let error = Configuration::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(needle), "{error}");
        }
    }
}
