//! The JSON reader: never panics, its places lie in the text, and it agrees with serde_json on what
//! JSON is.
#![no_main]

use bundle_validate::json::{Document, FaultKind, Kind, Limits, Node, Position, parse};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let theirs = serde_json::from_slice::<Value>(bytes);
    match parse(bytes.to_vec(), Limits::default()) {
        Ok(document) => {
            places(&document);
            compare(&document, theirs);
        }
        Err(fault) => {
            assert!(fault.offset <= bytes.len());
            // It reads deeper than serde_json, so there is nothing that only serde_json reads.
            assert!(theirs.is_err(), "refused: {fault}");
        }
    }
});

/// Every place lies in the text, and every pointer leads back to its value: where a key is there twice
/// it may lead elsewhere.
fn places(document: &Document) {
    let text = document.text();
    let end = document.position(text.len());
    assert!(document.faults().iter().all(|fault| fault.offset <= text.len() && fault.position <= end));
    assert!(document.faults().is_sorted_by_key(|fault| fault.offset));
    let unique = !document.faults().iter().any(|fault| matches!(fault.kind, FaultKind::DuplicateKey(_)));
    for (count, node) in document.nodes().enumerate() {
        assert!(!node.raw().is_empty());
        assert!(Position::START <= node.position() && node.position() <= end);
        // Finding a value again takes time; the first ones will do.
        if count < 200 {
            let pointer = node.pointer();
            assert!(!unique || document.root().at(&pointer) == Some(node), "{pointer}");
        }
    }
}

/// What is read is what serde_json reads, but where we are more lenient and say so.
fn compare(document: &Document, theirs: Result<Value, serde_json::Error>) {
    // serde_json takes the last of duplicates without a word.
    let lenient = |kind: &FaultKind| !matches!(kind, FaultKind::DuplicateKey(_));
    match theirs {
        Ok(theirs) => {
            assert!(!document.faults().iter().any(|fault| lenient(&fault.kind)));
            if document.faults().is_empty() {
                assert!(same(document.root(), &theirs));
            }
        }
        Err(error) => {
            let told = document.faults().iter().any(|fault| lenient(&fault.kind));
            let reason = error.to_string();
            // Numbers are kept as text, and the limit of depth is one level further.
            let limit = reason.contains("number out of range") || reason.contains("recursion limit");
            assert!(told || limit, "accepted: {reason}");
        }
    }
}

fn same(ours: Node<'_>, theirs: &Value) -> bool {
    match theirs {
        Value::Null => ours.kind() == Kind::Null,
        Value::Bool(value) => ours.as_bool() == Some(*value),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(value), _) => ours.as_u64() == Some(value),
            (_, Some(value)) => ours.as_i64() == Some(value),
            _ => ours.number_text().is_some(),
        },
        Value::String(text) => ours.as_str() == Some(text),
        Value::Array(list) => {
            ours.kind() == Kind::Array
                && ours.len() == list.len()
                && ours.elements().zip(list).all(|(ours, theirs)| same(ours, theirs))
        }
        Value::Object(map) => {
            ours.kind() == Kind::Object
                && ours.len() == map.len()
                && ours.members().all(|member| map.get(member.key).is_some_and(|it| same(member.value, it)))
        }
    }
}
