//! The rules, one table: every rule stands once, in the file of its part of the specification, with
//! its id, weight, section, explanation, examples and, if it needs one, its check.
//!
//! A new rule is an entry in one of the `rules!` lists below this module and nothing else: the list
//! makes it known, and a test runs its examples. Rules on the type, presence or spelling of a field
//! have no check of their own; the field names them in the table of its object.

mod annotations;
mod block_io;
mod config;
mod devices;
mod forms;
mod hooks;
pub(crate) mod json;
mod linux;
mod memory_policy;
mod mounts;
mod namespaces;
mod platform;
mod process;
mod rdt;
mod resources;
mod root;
mod scheduling;
mod seccomp;
mod shape;
pub(crate) mod structure;
mod text;
mod virtual_machine;
mod windows;

use crate::json::Node;
use crate::report::Sink;
use crate::{Bundle, Severity};

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Its stable name, such as `OCI-P2`. A part after a second dash is a lesser rule of the same
    /// requirement.
    pub id: &'static str,
    /// How much its findings weigh.
    pub severity: Severity,
    /// File and anchor in the specification, such as `config.md#process`.
    pub section: &'static str,
    /// What it demands and why, in a sentence.
    pub explanation: &'static str,
    /// Who finds its violations.
    pub(crate) check: Check,
    /// Changes (RFC 7396 merge patches) that make a valid document break it. For rules on
    /// the text, `OCI-JSON-…`: whole texts.
    pub bad: &'static [&'static str],
    /// Changes that do not.
    pub good: &'static [&'static str],
}

/// Who finds the violations of a rule.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Check {
    /// The reader, or the walk over the shapes.
    Structure,
    /// A function over the document.
    Document(fn(Node<'_>, &mut Sink<'_>)),
    /// A function over the files of the bundle.
    Files(fn(&Bundle, &mut Sink<'_>)),
}

impl Rule {
    /// The section of the specification as a link.
    #[must_use]
    pub fn link(&self) -> String {
        format!("https://github.com/opencontainers/runtime-spec/blob/v1.3.0/{}", self.section)
    }
}

/// Defines rules and lists them in `RULES`.
macro_rules! rules {
    ($($name:ident { $($body:tt)* })*) => {
        $(pub(super) static $name: crate::rules::Rule = crate::rules::Rule { $($body)* };)*
        /// The rules of this part of the specification.
        pub(super) static RULES: &[&crate::rules::Rule] = &[$(&$name),*];
    };
}
use rules;

static FAMILIES: &[&[&Rule]] = &[
    json::RULES,
    text::RULES,
    config::RULES,
    root::RULES,
    mounts::RULES,
    process::RULES,
    scheduling::RULES,
    hooks::RULES,
    annotations::RULES,
    linux::RULES,
    namespaces::RULES,
    devices::RULES,
    resources::RULES,
    block_io::RULES,
    rdt::RULES,
    memory_policy::RULES,
    seccomp::RULES,
    platform::RULES,
    virtual_machine::RULES,
    windows::RULES,
];

/// All rules, in the order of the specification.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    FAMILIES.iter().flat_map(|family| family.iter().copied())
}

#[cfg(test)]
mod examples;
#[cfg(test)]
mod mutations;
#[cfg(test)]
mod oracle;
