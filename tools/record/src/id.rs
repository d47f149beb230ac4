//! Container ids and namespaces: names that are safe as file names, cgroup names and LXC names.

use crate::Error;
use std::fmt;

/// Longest container id in bytes. With the longest namespace and LXC's prefix it still fits into
/// the 255 bytes of a cgroup's name.
const MAX_ID: usize = 128;
/// Longest namespace in bytes, containerd's own limit.
const MAX_NAMESPACE: usize = 76;

/// A container's id, unique within its namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerId(String);

/// A namespace of container ids, as containerd has them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(String);

fn check(what: &'static str, text: &str, max: usize) -> Result<String, Error> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_+-.".contains(&b);
    let reason = if text.is_empty() {
        "is empty"
    } else if text.len() > max {
        "is too long"
    } else if !text.bytes().all(allowed) {
        "has a character that is not allowed"
    } else if text.starts_with('.') || text.starts_with('-') {
        "starts with a dot or a dash"
    } else if text.contains("..") {
        // LXC takes it for a way upwards in a cgroup's path.
        "has two dots in a row"
    } else {
        return Ok(text.to_owned());
    };
    Err(Error::BadId { what, text: text.to_owned(), reason })
}

impl ContainerId {
    /// Checks an id: 1 to 128 bytes of ASCII letters, digits, `_`, `+`, `-`, `.`, not starting with
    /// a dot or a dash, without two dots in a row.
    ///
    /// # Errors
    /// [`Error::BadId`] with the reason.
    pub fn new(text: &str) -> Result<Self, Error> {
        check("container id", text, MAX_ID).map(ContainerId)
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Namespace {
    /// Checks a namespace: as an id, at most 76 bytes.
    ///
    /// # Errors
    /// [`Error::BadId`] with the reason.
    pub fn new(text: &str) -> Result<Self, Error> {
        check("namespace", text, MAX_NAMESPACE).map(Namespace)
    }

    /// The namespace as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Namespace {
    fn default() -> Self {
        Namespace("default".to_owned())
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_engines_use_are_accepted() {
        for id in ["demo", "a", "k8s_POD_x.y+z-1_0", &"f".repeat(64), &"x".repeat(128)] {
            assert!(ContainerId::new(id).is_ok(), "{id}");
        }
    }

    #[test]
    fn ids_that_could_leave_their_place_are_refused() {
        let long = "x".repeat(129);
        for id in
            ["", ".", "..", "../x", "a/b", "-rf", ".hidden", "a b", "a\n", "é", "a\0", "a..b", "a..", &long]
        {
            assert!(ContainerId::new(id).is_err(), "{id:?}");
        }
    }
}
