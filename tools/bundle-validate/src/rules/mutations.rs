//! What happens to the rules when valid documents are damaged in every way.

use super::config::CONFIG;
use super::examples::{base, good_documents, merge};
use super::shape::Shape;
use crate::json::{self, Limits};
use crate::{Bundle, Options, Profile, Report, Severity, SpecVersion, SpecVersionChoice, validate};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::LazyLock;

pub(super) fn report(text: &str) -> (Bundle, Report) {
    report_under(text, &Options::default())
}

fn report_under(text: &str, options: &Options) -> (Bundle, Report) {
    let document = json::parse(text.into(), Limits { depth: 1000, ..Limits::default() }).unwrap();
    let bundle = Bundle::from_document(document);
    let report = validate(&bundle, options);
    (bundle, report)
}

/// Every version with every profile.
static OPTIONS: LazyLock<Vec<Options>> = LazyLock::new(|| {
    let versions = SpecVersion::ALL.iter().map(|version| SpecVersionChoice::Fixed(*version));
    let versions = versions.chain([SpecVersionChoice::Auto]);
    let profiles: Vec<_> = Profile::ALL.iter().copied().map(Some).chain([None]).collect();
    let every = |spec_version| {
        let options =
            |profile: &Option<Profile>| Options { spec_version, profile: *profile, ..Options::default() };
        profiles.iter().map(options).collect::<Vec<_>>()
    };
    versions.flat_map(every).collect()
});

/// The pointers of a value and of everything in it.
fn pointers(value: &Value, here: &str, found: &mut Vec<String>) {
    found.push(here.to_owned());
    match value {
        Value::Array(list) => {
            for (index, element) in list.iter().enumerate() {
                pointers(element, &format!("{here}/{index}"), found);
            }
        }
        Value::Object(map) => {
            for (key, member) in map {
                let token = key.replace('~', "~0").replace('/', "~1");
                pointers(member, &format!("{here}/{token}"), found);
            }
        }
        _ => {}
    }
}

pub(super) fn all_pointers(value: &Value) -> Vec<String> {
    let mut found = vec![];
    pointers(value, "", &mut found);
    found
}

/// Fields of the specification by their paths, `*` for entries of arrays and maps.
fn fields(shape: &Shape, here: &str, found: &mut BTreeSet<String>) {
    match shape {
        Shape::Array(of) | Shape::NonEmptyArray(of) | Shape::Map(of) => {
            fields(of, &format!("{here}/*"), found);
        }
        Shape::Object(list) => {
            for field in *list {
                let path = format!("{here}/{}", field.name);
                fields(field.shape, &path, found);
                found.insert(path);
            }
        }
        _ => {}
    }
}

/// Removes from `missing` every field that a value has.
fn seen(shape: &Shape, value: &Value, here: &str, missing: &mut BTreeSet<String>) {
    match (shape, value) {
        (Shape::Array(of) | Shape::NonEmptyArray(of), Value::Array(list)) => {
            list.iter().for_each(|element| seen(of, element, &format!("{here}/*"), missing));
        }
        (Shape::Map(of), Value::Object(map)) => {
            map.values().for_each(|member| seen(of, member, &format!("{here}/*"), missing));
        }
        (Shape::Object(list), Value::Object(map)) => {
            for field in *list {
                let path = format!("{here}/{}", field.name);
                if let Some(member) = map.get(field.name) {
                    seen(field.shape, member, &path, missing);
                    missing.remove(&path);
                }
            }
        }
        _ => {}
    }
}

#[test]
fn the_good_examples_show_every_field_of_the_specification() {
    let mut missing = BTreeSet::new();
    fields(&CONFIG, "", &mut missing);
    for document in &*DOCUMENTS {
        assert!(!report(&document.to_string()).1.has_errors(), "{document}");
        seen(&CONFIG, document, "", &mut missing);
    }
    assert_eq!(missing, BTreeSet::new());
}

/// A valid document with the fields that no example needs.
fn rest() -> Value {
    let mut document = base();
    let annex: Value = serde_json::from_str(include_str!("rest.json")).unwrap();
    merge(&mut document, &annex);
    document
}

#[test]
fn a_wrong_type_is_an_error_at_its_pointer_whatever_the_field() {
    // In turn, as all of them at every place would take minutes.
    let mut options = OPTIONS.iter().cycle();
    let others = [json!(null), json!(true), json!(1.5), json!("\u{1}"), json!([]), json!({})];
    for document in &*DOCUMENTS {
        for pointer in all_pointers(document) {
            if pointer.contains("/credentialSpec/") {
                continue;
            }
            let original = document.pointer(&pointer).unwrap();
            let kind = std::mem::discriminant(original);
            for other in others.iter().filter(|other| std::mem::discriminant(*other) != kind) {
                let mut damaged = document.clone();
                *damaged.pointer_mut(&pointer).unwrap() = other.clone();
                let options = options.next().unwrap();
                let (_, report) = report_under(&damaged.to_string(), options);
                let found = report.findings().any(|f| f.severity == Severity::Error && f.pointer == pointer);
                assert!(found, "{other} at {pointer} in {document}, {options:?}:\n{}", report.human());
            }
        }
    }
}

static DOCUMENTS: LazyLock<Vec<Value>> = LazyLock::new(|| good_documents().chain([rest()]).collect());

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
        "[/A-Z_=\u{0}\n.:-]{0,12}".prop_map(Value::from),
    ];
    let key = prop_oneof!["[a-zA-Z/~\u{0}]{0,6}", Just("path".to_owned()), Just("type".to_owned())];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_finding_points_at_something_that_is_there(
        which in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
        value in any_value(),
        options in any::<prop::sample::Index>(),
    ) {
        let mut document = which.get(&DOCUMENTS).clone();
        let places = all_pointers(&document);
        *document.pointer_mut(&places[place.index(places.len())]).unwrap() = value;
        let text = format!("{document:#}");
        let (bundle, report) = report_under(&text, options.get(&OPTIONS));
        for finding in report.findings() {
            let node = bundle.document().root().at(&finding.pointer);
            prop_assert!(node.is_some(), "{} is not there", finding.pointer);
            let node = node.unwrap();
            let key = bundle.document().position(node.key_offset().unwrap_or_else(|| node.offset()));
            prop_assert!([node.position(), key].contains(&finding.position), "{finding:?}");
        }
    }
}
