//! The rules, one table: every rule stands once, in the file of its part of the specification, with
//! its id, weight, section, explanation, examples and, if it needs one, its check.
//!
//! A new rule is an entry in one of the `rules!` lists below this module and nothing else: the list
//! makes it known, and a test runs its examples. Rules on the type, presence or spelling of a field
//! have no check of their own; the field names them in the table of its object.

mod annotations;
mod beyond;
mod block_io;
mod compliance;
mod config;
mod covers;
mod devices;
mod files;
mod forms;
mod hooks;
mod host;
pub(crate) mod json;
mod linux;
mod memory_policy;
mod mounts;
mod namespaces;
mod platform;
mod process;
mod profiles;
mod rdt;
mod resources;
mod root;
mod scheduling;
mod schema;
mod seccomp;
mod shape;
pub(crate) mod structure;
mod text;
pub(crate) mod version;
mod virtual_machine;
mod windows;

pub use compliance::compliance_table;
pub use schema::schema;

use crate::host::Host;
use crate::json::Node;
use crate::report::Sink;
use crate::{Bundle, Profile, Severity, SpecVersion};
pub(crate) use files::Image;
pub(crate) use mounts::{Mount, mounts};

/// One rule. What most rules have in common need not be said: the list takes it from
/// `Rule::DEFAULT`.
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
    /// The version of the specification that brought it.
    pub since: SpecVersion,
    /// The version of the specification that it no longer holds for.
    pub until: Option<SpecVersion>,
    /// Profiles that make its findings errors: of runtimes that refuse what breaks it, and
    /// [`Profile::Strict`] where the specification advises it.
    pub error_under: &'static [Profile],
    /// The profiles that it belongs to; a rule of none is always told.
    pub only_under: &'static [Profile],
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
    /// The reader, the walk over the shapes, or the function of a rule beside it.
    Structure,
    /// A function over the document.
    Document(fn(Node<'_>, &mut Sink<'_>)),
    /// A function over each mount.
    Mount(fn(&Mount<'_>, &mut Sink<'_>)),
    /// A function over the bundle's directory.
    Files(fn(&Bundle, &mut Sink<'_>)),
    /// A function over the files of the image.
    Image(fn(&Image<'_>, &mut Sink<'_>)),
    /// A function over the bundle and this host.
    Host(fn(&Bundle, &Host, &mut Sink<'_>)),
}

impl Rule {
    const DEFAULT: Rule = Rule {
        id: "",
        severity: Severity::Error,
        section: "",
        explanation: "",
        since: SpecVersion::V1_0_2,
        until: None,
        error_under: &[],
        only_under: &[],
        check: Check::Structure,
        bad: &[],
        good: &[],
    };

    /// The section of a version of the specification as a link; of the version that brought the
    /// rule for one that is older.
    #[must_use]
    pub fn link(&self, version: SpecVersion) -> String {
        let version = version.max(self.since);
        format!("https://github.com/opencontainers/runtime-spec/blob/v{version}/{}", self.section)
    }

    /// Whether a document of this version is held against it, under this profile.
    pub(crate) fn applies(&self, version: SpecVersion, profile: Option<Profile>) -> bool {
        self.since <= version
            && self.until.is_none_or(|until| version < until)
            && (self.only_under.is_empty()
                || profile.is_some_and(|profile| self.only_under.contains(&profile)))
    }
}

/// Defines rules and lists them in `RULES`.
macro_rules! rules {
    ($($name:ident { $($member:ident: $value:expr),* $(,)? })*) => {
        $(pub(in crate::rules) static $name: crate::rules::Rule =
            crate::rules::Rule { $($member: $value,)* ..crate::rules::Rule::DEFAULT };)*
        /// The rules of this part of the specification.
        pub(in crate::rules) static RULES: &[&crate::rules::Rule] = &[$(&$name),*];
    };
}
use rules;

static FAMILIES: &[&[&Rule]] = &[
    json::RULES,
    text::RULES,
    config::RULES,
    version::RULES,
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
    beyond::mounts::RULES,
    beyond::process::RULES,
    beyond::linux::RULES,
    beyond::resources::RULES,
    beyond::seccomp::RULES,
    files::RULES,
    host::RULES,
    profiles::RULES,
];

/// All rules, in the order of the specification; those that go beyond it, look at files or belong
/// to a profile come last.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    FAMILIES.iter().flat_map(|family| family.iter().copied())
}

#[cfg(test)]
mod examples;
#[cfg(test)]
mod mutations;
#[cfg(test)]
mod oracle;
