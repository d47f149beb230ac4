//! What a root file system on a storage is made from, and where: wishes that no CT's configuration has.

use std::fmt;
use std::path::{Path, PathBuf};

/// The wish for an archive in the place of the bundle's root file system.
pub(super) const TEMPLATE: &str = "template";
/// The wish for a storage.
pub(super) const STORAGE: &str = "rootfs-storage";

/// An archive with a root file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Template {
    /// A file of the host, absolute.
    Path(PathBuf),
    /// `STORAGE:vztmpl/NAME`
    Volume {
        /// The storage.
        storage: String,
        /// The file's name, without a slash.
        name: String,
    },
}

/// A disk to be made: `STORAGE:SIZE`
#[derive(Debug, Clone, PartialEq)]
pub struct Disk {
    /// The storage.
    pub storage: String,
    /// In GiB; 0 is a directory without a limit, on a storage that has directories.
    pub size: f64,
    text: String,
}

impl Template {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.starts_with('/') {
            return Ok(Template::Path(Path::new(text).to_owned()));
        }
        let parts = text.split_once(':').and_then(|(storage, name)| {
            let name = name.strip_prefix("vztmpl/")?;
            let is_name = !name.is_empty() && !name.contains('/') && !name.starts_with('.');
            (is_storage(storage) && is_name).then(|| (storage.to_owned(), name.to_owned()))
        });
        let (storage, name) = parts.ok_or("neither STORAGE:vztmpl/NAME nor an absolute path")?;
        Ok(Template::Volume { storage, name })
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Template::Path(path) => path.display().fmt(f),
            Template::Volume { storage, name } => write!(f, "{storage}:vztmpl/{name}"),
        }
    }
}

impl Disk {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_size = |size: &str| match size.split_once('.') {
            Some((whole, part)) => digits(whole) && digits(part),
            None => digits(size),
        };
        let parts = text.split_once(':').filter(|(storage, size)| is_storage(storage) && is_size(size));
        let (storage, size) = parts.ok_or("no STORAGE:SIZE with a size in GiB")?;
        let size = size.parse().map_err(|_| "a size that is no number")?;
        Ok(Disk { storage: storage.to_owned(), size, text: text.to_owned() })
    }
}

impl fmt::Display for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A storage's name, in Proxmox's form: it begins with a letter and ends with none of `-`, `_`, `.`.
fn is_storage(name: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let ends = |c: char| c.is_ascii_alphanumeric();
    name.len() > 1
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.ends_with(ends)
        && name.chars().all(is_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_exact() {
        for good in ["/srv/a.tar", "local:vztmpl/debian-12_amd64.tar.zst"] {
            assert_eq!(Template::parse(good).unwrap().to_string(), good);
        }
        for bad in [
            "debian",
            "local:debian",
            "local:vztmpl/",
            "local:vztmpl/../x",
            "local:vztmpl/a/b",
            "l:vztmpl/a",
            "",
        ] {
            assert!(Template::parse(bad).is_err(), "{bad}");
        }
        for (good, size) in [("local-lvm:8", 8.0), ("local:0", 0.0), ("local:0.1", 0.1)] {
            let disk = Disk::parse(good).unwrap();
            assert_eq!((disk.to_string().as_str(), disk.size), (good, size));
        }
        for bad in [
            "8",
            "local",
            "local:",
            "local:8G",
            "local:-1",
            "local:1e3",
            "local:8,ro=1",
            "-a:8",
            "local:.5",
            "local:inf",
        ] {
            assert!(Disk::parse(bad).is_err(), "{bad}");
        }
    }
}
