//! Everything that `bundle-validate` does with a document: no bytes make it panic, every finding is at
//! a place that exists, and every form of output is well-formed.
#![no_main]

use bundle_validate::json::{FaultKind, Limits, parse};
use bundle_validate::{Bundle, Options, Profile, Report, Scope, SpecVersion, SpecVersionChoice, validate};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let Ok(document) = parse(bytes.to_vec(), Limits::default()) else { return };
    let bundle = Bundle::from_document(document);
    let profiles = [None, Some(Profile::Runc), Some(Profile::Crun), Some(Profile::Lxc), Some(Profile::Pve)];
    for profile in profiles.into_iter().chain([Some(Profile::Strict)]) {
        let options = Options { profile, scope: Scope::Document, ..Options::default() };
        places(&bundle, &validate(&bundle, &options));
    }
    let oldest = SpecVersionChoice::Fixed(SpecVersion::V1_0_2);
    places(&bundle, &validate(&bundle, &Options { spec_version: oldest, ..Options::default() }));
    forms(&validate(&bundle, &Options::default()));
});

/// Every finding's pointer and position exist in the document, and its message is one line. What a pointer means where a key is
/// there twice is anyone's guess.
fn places(bundle: &Bundle, report: &Report) {
    let document = bundle.document();
    let unique = !document.faults().iter().any(|fault| matches!(fault.kind, FaultKind::DuplicateKey(_)));
    let end = document.position(document.text().len());
    for finding in report.findings() {
        let shown = format!("{} {}: {}", finding.rule.id, finding.pointer, finding.message);
        assert!(!unique || document.root().at(&finding.pointer).is_some(), "{shown}");
        assert!(finding.position <= end, "{shown}");
        assert!(!finding.message.contains(char::is_control), "{shown}");
    }
}

fn forms(report: &Report) {
    let count = report.findings().count();
    assert!(report.human().chars().all(|c| c == '\n' || !c.is_control()));
    assert_eq!(report.human().lines().count(), count);
    let list: Value = serde_json::from_str(&report.json()).expect("JSON");
    assert_eq!(list["findings"].as_array().map(Vec::len), Some(count));
    assert_eq!(
        report.jsonl().lines().filter(|line| serde_json::from_str::<Value>(line).is_ok()).count(),
        count
    );
    let log: Value = serde_json::from_str(&report.sarif()).expect("SARIF is JSON");
    assert_eq!(log["runs"][0]["results"].as_array().map(Vec::len), Some(count));
    assert_eq!(report.github().lines().count(), count);
    // XML 1.0 has no place for most control characters.
    let forbidden = |c: char| c < ' ' && !matches!(c, '\t' | '\n' | '\r');
    assert!(!report.junit().contains(forbidden));
}
