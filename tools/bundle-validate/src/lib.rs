//! Checks OCI bundles against the runtime specification, versions 1.0 to 1.3.
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
//! Invariants: nothing here panics on any input; the rules read the bundle and, unless the scope is
//! [`Scope::Host`], nothing else of the host; [`json`] and the rules on the document do no I/O.

mod bundle;
pub mod command;
mod host;
pub mod json;
mod options;
mod report;
mod rootfs;
pub mod rules;

pub use bundle::{Bundle, OpenError};
pub use options::{Options, Profile, Scope, SpecVersion, SpecVersionChoice};
pub use report::{Finding, Report, Severity};

use host::Host;
use report::Sink;
use rules::{Check, Image};
use std::path::Path;

/// Runs every rule that applies over a bundle.
///
/// ```
/// use bundle_validate::{Bundle, Options, Profile, Severity, json, validate};
/// let text = r#"{"ociVersion": "1.0.2", "root": {"path": "/srv"}, "hostname": "h", "process":
///     {"cwd": "/", "args": ["sh"], "user": {"uid": 0, "gid": 0}}, "linux": {"readOnlyPaths": []}}"#;
/// let bundle = Bundle::from_document(json::parse(text.into(), json::Limits::default())?);
/// let report = validate(&bundle, &Options::default());
/// let told: Vec<_> = report.findings().map(|finding| (finding.rule.id, finding.severity)).collect();
/// assert_eq!(told, [("OCI-G1-NAMESPACE", Severity::Warning), ("OCI-E1", Severity::Warning)]);
/// assert!(report.human().ends_with("did you mean `readonlyPaths`?\n"));
/// // What runc refuses is an error of its profile.
/// let options = Options { profile: Some(Profile::Runc), ..Options::default() };
/// assert!(!report.has_errors() && validate(&bundle, &options).has_errors());
/// # Ok::<(), json::Fault>(())
/// ```
#[must_use]
pub fn validate(bundle: &Bundle, options: &Options) -> Report {
    validate_on(bundle, options, &Host::default())
}

fn validate_on(bundle: &Bundle, options: &Options, host: &Host) -> Report {
    let mut findings = vec![];
    let Options { scope, spec_version, profile } = *options;
    let version = rules::version::settle(bundle, spec_version, &mut findings);
    for fault in bundle.document().faults() {
        rules::json::report(fault, bundle, version, &mut findings);
    }
    rules::structure::check(bundle, version, &mut findings);
    let root = bundle.document().root();
    let image = if scope == Scope::Document { None } else { Image::of(bundle) };
    // Mounts are what a document may have thousands of: they are gone through once.
    let mut on_mounts = vec![];
    for rule in rules::all().filter(|rule| rule.applies(version, profile)) {
        let mut sink = Sink::new(rule, version, bundle.file(), &mut findings);
        match (rule.check, &image) {
            (Check::Document(check), _) => check(root, &mut sink),
            (Check::Mount(check), _) => on_mounts.push((rule, check)),
            (Check::Files(check), _) if scope != Scope::Document => check(bundle, &mut sink),
            (Check::Image(check), Some(image)) => check(image, &mut sink),
            (Check::Host(check), _) if scope == Scope::Host => check(bundle, host, &mut sink),
            _ => {}
        }
    }
    for mount in rules::mounts(root) {
        for (rule, check) in &on_mounts {
            check(&mount, &mut Sink::new(rule, version, bundle.file(), &mut findings));
        }
    }
    for finding in &mut findings {
        if profile.is_some_and(|profile| finding.rule.error_under.contains(&profile)) {
            finding.severity = Severity::Error;
        }
    }
    Report::new(bundle.file(), findings)
}

/// Opens what `path` names (see [`Bundle::open`]) and validates it. A document that cannot be read
/// to its end because it is not JSON gives a report with that one finding: its position is what the
/// user needs.
///
/// # Errors
/// A file that cannot be read.
///
/// ```
/// use bundle_validate::{Options, check};
/// # let bundle = tempfile::tempdir().unwrap();
/// std::fs::write(bundle.path().join("config.json"), "{\"ociVersion\": \"1.3.0\",}")?;
/// let report = check(bundle.path(), &Options::default()).unwrap();
/// assert!(report.human().ends_with("config.json:1:24: error[OCI-JSON-SYNTAX]: expected a key in quotes\n"));
/// assert!(check(&bundle.path().join("missing"), &Options::default()).is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn check(path: &Path, options: &Options) -> Result<Report, OpenError> {
    match Bundle::open(path) {
        Ok(bundle) => Ok(validate(&bundle, options)),
        Err(OpenError::Syntax { path, fault }) => Ok(rules::json::fatal(&fault, &path)),
        Err(error) => Err(error),
    }
}
