//! Checks OCI bundles against the runtime specification 1.3.
//!
//! A [`Bundle`] is opened (its config.json read by [`json`], which keeps the position of
//! everything), [`validate`] runs the rules of [`rules`] over it, and the [`Report`] holds every
//! finding in the order of the file.
//!
//! ```
//! use bundle_validate::{Bundle, Options, json, validate};
//! let text = r#"{"ociVersion": "1.3.0", "root": {"path": "/srv/image"}, "process":
//!     {"cwd": "tmp", "args": ["sh"]}}"#;
//! let document = json::parse(text.into(), json::Limits::default())?;
//! let report = validate(&Bundle::from_document(document), &Options::default());
//! let finding = report.findings().next().unwrap();
//! assert_eq!((finding.rule.id, finding.pointer.as_str()), ("OCI-P2", "/process/cwd"));
//! assert_eq!((finding.position.line, finding.position.column), (2, 13));
//! assert!(report.has_errors());
//! # Ok::<(), json::Fault>(())
//! ```
//!
//! Invariants: nothing here panics on any input; the rules read the bundle and nothing else of the
//! host; [`json`] and the rules on the document do no I/O.

mod bundle;
pub mod command;
pub mod json;
mod report;
pub mod rules;

pub use bundle::{Bundle, OpenError};
pub use report::{Finding, Report, Severity};

use report::Sink;
use rules::Check;
use std::path::Path;

/// What a validation looks at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// How far it goes beyond the document.
    pub scope: Scope,
    /// Which version of the specification the document is held against.
    pub spec_version: SpecVersionChoice,
    /// The runtime whose refusals are told as well.
    pub profile: Option<Profile>,
}

/// How far a validation goes beyond the document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scope {
    /// The document, and the files of the bundle if its directory is known.
    #[default]
    Bundle,
    /// The document alone, even if the directory is known.
    Document,
    /// As [`Scope::Bundle`], and what the document names on this host.
    Host,
}

/// Versions of the runtime specification that config.json was changed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SpecVersion {
    /// 1.0.2 and before.
    V1_0_2,
    /// 1.1.0.
    V1_1_0,
    /// 1.2.0.
    V1_2_0,
    /// 1.2.1.
    V1_2_1,
    /// 1.3.0.
    V1_3_0,
}

/// Which version of the specification a document is held against.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SpecVersionChoice {
    /// The one that its `ociVersion` names.
    #[default]
    Auto,
    /// This one, whatever it names.
    Fixed(SpecVersion),
}

/// A runtime whose refusals and approximations are told as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// runc.
    Runc,
    /// crun.
    Crun,
    /// nexcage on plain LXC.
    Lxc,
    /// nexcage on Proxmox VE.
    Pve,
    /// The strictest reading: every advice of the specification is a demand.
    Strict,
}

/// Runs every rule over a bundle.
#[must_use]
pub fn validate(bundle: &Bundle, options: &Options) -> Report {
    let mut findings = vec![];
    for fault in bundle.document().faults() {
        rules::json::report(fault, bundle, &mut findings);
    }
    rules::structure::check(bundle, &mut findings);
    for rule in rules::all() {
        let mut sink = Sink::new(rule, bundle.file(), &mut findings);
        match rule.check {
            Check::Structure => {}
            Check::Document(check) => check(bundle.document().root(), &mut sink),
            Check::Files(check) if options.scope != Scope::Document => check(bundle, &mut sink),
            Check::Files(_) => {}
        }
    }
    Report::new(findings)
}

/// Opens what `path` names (see [`Bundle::open`]) and validates it. A document that cannot be read
/// to its end because it is not JSON gives a report with that one finding: its position is what the
/// user needs.
///
/// # Errors
/// A file that cannot be read.
pub fn check(path: &Path, options: &Options) -> Result<Report, OpenError> {
    match Bundle::open(path) {
        Ok(bundle) => Ok(validate(&bundle, options)),
        Err(OpenError::Syntax { file, fault }) => Ok(Report::new(vec![rules::json::fatal(&fault, &file)])),
        Err(error) => Err(error),
    }
}
