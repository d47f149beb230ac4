//! Texts that nobody should send, and what the reader makes of them.

use super::{Document, Fault, FaultKind, Limits, parse};

fn read(text: impl Into<Vec<u8>>) -> Result<Document, Fault> {
    parse(text.into(), Limits::default())
}

/// What is said of a text: the fault that ended the reading, or those that were stepped over.
fn said(text: &[u8]) -> String {
    let faults = match read(text) {
        Ok(document) => document.faults().to_vec(),
        Err(fault) => vec![fault],
    };
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[test]
fn every_fault_has_its_words_and_its_place() {
    let utf16 = |text: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>()
    };
    for (text, expected) in [
        (b"".to_vec(), "line 1, column 1: there is no document, only white space"),
        (b"\n \n".to_vec(), "line 3, column 1: there is no document, only white space"),
        (b"\xEF\xBB\xBF".to_vec(), "line 1, column 2: there is no document, only white space"),
        (b"\xEF\xBB\xBF{}".to_vec(), "line 1, column 1: byte order mark before the document"),
        (utf16("\u{FEFF}{}", u16::to_le_bytes), "line 1, column 1: not UTF-8"),
        (utf16("\u{FEFF}{}", u16::to_be_bytes), "line 1, column 1: not UTF-8"),
        (utf16("{}", u16::to_le_bytes), "line 1, column 2: expected a key in quotes"),
        (utf16("{}", u16::to_be_bytes), "line 1, column 1: expected a value"),
        (b"{\"\xC3\xA4\":\n\"\xC3\"}".to_vec(), "line 2, column 2: not UTF-8"),
        (b"[\"\xED\xA0\x80\"]".to_vec(), "line 1, column 3: not UTF-8"),
        (b"{}\0".to_vec(), "line 1, column 3: there is more after the document"),
        (b"{\0}".to_vec(), "line 1, column 2: expected a key in quotes"),
        (b"[\"\0\"]".to_vec(), "line 1, column 3: control character \\u0000 in a string has to be escaped"),
        (
            br#"["\ud834 \udd1e"]"#.to_vec(),
            "line 1, column 3: \\ud834 is half of a surrogate pair; line 1, column 10: \\udd1e is half of a surrogate pair",
        ),
        (br#"{"\ud834": 1}"#.to_vec(), "line 1, column 3: \\ud834 is half of a surrogate pair"),
        (
            b"{\"linux\": {\"sysctl\": {\"a\": \"1\",\n\"a\": \"2\"}}}".to_vec(),
            "line 2, column 1: key \"a\" is there twice",
        ),
        (b"[{\"a\": {}, \"\\u0061\": 1}]".to_vec(), "line 1, column 12: key \"a\" is there twice"),
        (b"{} {}".to_vec(), "line 1, column 4: there is more after the document"),
    ] {
        assert_eq!(said(&text), expected, "{}", text.escape_ascii());
    }
}

#[test]
fn a_nul_that_is_escaped_is_a_character() {
    let document = read(*b"[\"a\\u0000b\"]").unwrap();
    assert_eq!((document.faults().len(), document.root().at("/0").unwrap().as_str()), (0, Some("a\0b")));
}

#[test]
fn numbers_are_what_is_written() {
    let big = i128::from(u64::MAX) + 1;
    for (text, value) in [
        ("18446744073709551616", Some(big)),
        ("-9223372036854775809", Some(i128::from(i64::MIN) - 1)),
        ("999999999999999999", Some(999_999_999_999_999_999)),
        ("-0", Some(0)),
        ("1e3", Some(1000)),
        ("1e400", None),
        ("0.1", None),
    ] {
        let document = read(text).unwrap();
        let number = document.root();
        assert_eq!((number.number_text(), number.as_i128()), (Some(text), value));
        assert_eq!(number.as_u64(), value.and_then(|value| value.try_into().ok()), "{text}");
    }
}

#[test]
fn depth_costs_no_stack() {
    const DEPTH: usize = 10_000;
    let text = "[".repeat(DEPTH) + &"]".repeat(DEPTH);
    let fault = read(text.as_str()).unwrap_err();
    assert_eq!((fault.kind, fault.offset), (FaultKind::TooDeep(128), 128));
    // Whatever the limit: no recursion, in the reader or on the way to a pointer.
    let document = parse(text.into(), Limits { depth: DEPTH, ..Limits::default() }).unwrap();
    let innermost = document.nodes().last().unwrap();
    assert_eq!(innermost.pointer().len(), 2 * (DEPTH - 1));
    assert_eq!(document.root().at(&innermost.pointer()), Some(innermost));
    assert!(read("[{\"a\":".repeat(1_000_000)).is_err());
}

#[test]
fn a_hundred_megabytes_are_read_unless_the_limit_is_lower() {
    let text = format!("{{\"annotations\": {{\"a\": \"{}\"}}}}", "x".repeat(100 << 20));
    let document = read(text.as_str()).unwrap();
    assert_eq!(
        document.root().at("/annotations/a").and_then(|value| value.as_str()).map(str::len),
        Some(100 << 20)
    );
    let limits = Limits { size: text.len() - 1, ..Limits::default() };
    assert_eq!(parse(text.into(), limits).unwrap_err().kind, FaultKind::TooLarge(limits.size));
}

#[test]
fn faults_beyond_number_are_not_all_kept() {
    let text = format!("{{{}\"a\": 1}}", "\"a\": 1, ".repeat(100_000));
    let document = read(text).unwrap();
    assert_eq!(document.root().len(), 100_001);
    assert_eq!(document.faults().len(), super::MOST_FAULTS);
}
