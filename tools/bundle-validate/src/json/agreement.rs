//! The reader against serde_json: they accept the same texts, but for the points listed here.

use super::{Document, FaultKind, Kind, Limits, Node, parse};
use proptest::prelude::*;
use serde_json::{Map, Value};

fn read(text: &[u8]) -> Option<Document> {
    parse(text.to_vec(), Limits::default()).ok()
}

/// The document as serde_json would have it.
fn value(node: Node<'_>) -> Value {
    match node.kind() {
        Kind::Null => Value::Null,
        Kind::Bool => node.as_bool().into(),
        // Its text read by serde_json: whether floats are rounded alike is no matter here.
        Kind::Number => serde_json::from_str(node.raw()).unwrap(),
        Kind::String => node.as_str().into(),
        Kind::Array => node.elements().map(value).collect(),
        Kind::Object => {
            let members = node.members().map(|member| (member.key.to_owned(), value(member.value)));
            Value::Object(members.collect::<Map<_, _>>())
        }
    }
}

/// Texts that are JSON or nearly so.
fn texts() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("-0".to_owned()),
        "-?(0|[1-9][0-9]{0,22})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,3})?",
        "\"([a-zé𝄞]|\\\\[\"\\\\/bfnrt]|\\\\u[0-9a-f]{4}|\\\\ud83d\\\\ude00){0,5}\"",
    ];
    let json = leaf.prop_recursive(4, 30, 5, |inner| {
        let member = ("\"[ab]{0,2}\"", inner.clone()).prop_map(|(key, value)| format!("{key} :{value}"));
        prop_oneof![
            prop::collection::vec(inner, 0..5).prop_map(|list| format!("[{}]", list.join(" ,\n"))),
            prop::collection::vec(member, 0..5).prop_map(|list| format!("{{{}}}", list.join(","))),
        ]
    });
    let damage = prop_oneof![any::<u8>(), prop::sample::select(b"{}[]\",:\\0eE.-+ \n\t/u".to_vec())];
    let edits = prop::collection::vec((any::<prop::sample::Index>(), 0..3_u8, damage), 0..3);
    (json, edits).prop_map(|(json, edits)| {
        let mut text = json.into_bytes();
        for (place, edit, byte) in edits {
            let at = place.index(text.len() + 1);
            match (edit, text.get_mut(at)) {
                (0, Some(_)) => drop(text.remove(at)),
                (1, Some(old)) => *old = byte,
                _ => text.insert(at, byte),
            }
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn the_same_texts_are_accepted_and_read_alike(text in texts()) {
        let theirs = serde_json::from_slice::<Value>(&text);
        let document = read(&text);
        let shown = text.escape_ascii().to_string();
        let faults = document.as_ref().map(Document::faults).unwrap_or_default();
        let duplicates = faults.iter().all(|fault| matches!(fault.kind, FaultKind::DuplicateKey(_)));
        match (theirs, document.as_ref().filter(|_| duplicates)) {
            (Ok(theirs), Some(ours)) => prop_assert_eq!(value(ours.root()), theirs, "{}", shown),
            (Err(_), None) => {}
            // Numbers are kept as text, so none is too large.
            (Err(error), Some(_)) => prop_assert!(error.to_string().contains("out of range"), "{shown}: {error}"),
            (Ok(_), None) => prop_assert!(false, "refused: {shown}: {faults:?}"),
        }
    }

    #[test]
    fn no_bytes_make_it_panic(text in prop::collection::vec(any::<u8>(), 0..64)) {
        prop_assert_eq!(read(&text).is_some(), parse(text, Limits::default()).is_ok());
    }

    #[test]
    fn pointers_lead_back_to_their_values(text in texts()) {
        let document = read(&text).filter(|document| document.faults().is_empty());
        for node in document.iter().flat_map(Document::nodes) {
            prop_assert_eq!(node.document().root().at(&node.pointer()), Some(node));
        }
    }
}
