//! The mapping as a table: what becomes of every field of the runtime specification.
//!
//! lxc-render-config refuses by it, explains it and is tested against it; bundle-validate's profiles
//! `lxc` and `pve` and the page nexcage-mapping(7) come from it.
//!
//! Invariant: data only; it reads no document and knows nothing of LXC's grammar.

mod table;

pub use table::TABLE;

use std::collections::HashMap;

/// One field of the specification and what becomes of it.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Its JSON pointer, with `*` for any array index or map key. A refused row stands for
    /// everything below it too.
    pub field: &'static str,
    /// Who carries it out.
    pub target: Target,
    /// How well.
    pub class: Class,
    /// Why it is so, or what is different; one line.
    pub note: &'static str,
}

/// Who carries out what a field asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// LXC, by this key.
    Lxc(&'static str),
    /// nexcage-init, inside the container, before it becomes the process.
    Init,
    /// The shim, on the host, to the container's held process.
    Shim,
    /// The record of the container.
    Record,
    /// Nobody: the field asks for nothing on Linux.
    Nothing,
}

/// How well a field is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// As the specification says. Single values may still be refused; the note says which.
    Exact,
    /// With the difference that the note names.
    Approximate,
    /// Not at all: a bundle that uses the field is refused.
    Refused,
}

/// The table by field.
#[derive(Debug)]
pub struct Lookup(HashMap<&'static str, &'static Row>);

impl Default for Lookup {
    fn default() -> Self {
        Self::new()
    }
}

impl Lookup {
    /// All rows of [`TABLE`].
    #[must_use]
    pub fn new() -> Self {
        Lookup(TABLE.iter().map(|row| (row.field, row)).collect())
    }

    /// The row of a child of `parent`, a field of the table: of this name, or of any name.
    #[must_use]
    pub fn child(&self, parent: &str, name: &str) -> Option<&'static Row> {
        let named = (!name.contains(['/', '*'])).then(|| self.0.get(format!("{parent}/{name}").as_str()));
        named.flatten().or_else(|| self.0.get(format!("{parent}/*").as_str())).copied()
    }
}

#[cfg(test)]
mod tests;
