//! Strings and their escape sequences.

use super::FaultKind;

/// A string that was passed over, both places inside its quotes.
pub(super) struct Scanned {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) escaped: bool,
}

/// Passes over a string whose opening quote is at `quote`.
///
/// # Errors
/// The kind of the fault and its offset.
pub(super) fn scan(text: &[u8], quote: usize) -> Result<Scanned, (FaultKind, usize)> {
    let start = quote + 1;
    let mut at = start;
    let mut escaped = false;
    loop {
        let Some(plain) = plain(text.get(at..).unwrap_or_default()) else {
            return Err((FaultKind::UnterminatedString, text.len()));
        };
        at += plain;
        match text[at] {
            b'"' => return Ok(Scanned { start, end: at, escaped }),
            b'\\' => {
                escaped = true;
                at += escape_length(&text[at..]).ok_or((FaultKind::Escape, at))?;
            }
            control => return Err((FaultKind::ControlCharacter(control), at)),
        }
    }
}

/// How many bytes stand before the first that ends or interrupts a string. Eight at a time: strings
/// are most of a document.
fn plain(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    for eight in text.chunks_exact(8) {
        let special = special(u64::from_le_bytes(eight.try_into().ok()?));
        if special != 0 {
            return Some(at + special.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let found = text[at..].iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1F));
    found.map(|far| at + far)
}

/// Marks the bytes of a word that are a quote, a backslash or a control character in their highest
/// bits. A borrow may mark bytes above the first such byte wrongly, so only the lowest mark counts.
fn special(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let below = |word: u64, bound: u64| word.wrapping_sub(ONES * bound) & !word;
    let quote = below(word ^ (ONES * 0x22), 1);
    let backslash = below(word ^ (ONES * 0x5C), 1);
    (below(word, 0x20) | quote | backslash) & (ONES * 0x80)
}

/// The length of the escape sequence at the start of `text`.
fn escape_length(text: &[u8]) -> Option<usize> {
    match text.get(1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => text.get(2..6)?.iter().all(u8::is_ascii_hexdigit).then_some(6),
        _ => None,
    }
}

/// Appends the text of a string that was scanned, its escape sequences resolved. A lone surrogate
/// becomes U+FFFD and is handed to `lone` with its offset.
pub(super) fn unescape(raw: &str, out: &mut String, mut lone: impl FnMut(u16, usize)) {
    let mut at = 0;
    while let Some(plain) = raw[at..].find('\\') {
        out.push_str(&raw[at..at + plain]);
        at += plain;
        let simple = match raw.as_bytes().get(at + 1) {
            Some(b'u') => None,
            Some(b'b') => Some('\u{8}'),
            Some(b'f') => Some('\u{c}'),
            Some(b'n') => Some('\n'),
            Some(b'r') => Some('\r'),
            Some(b't') => Some('\t'),
            Some(itself) => Some(char::from(*itself)),
            None => return,
        };
        if let Some(c) = simple {
            out.push(c);
            at += 2;
            continue;
        }
        let first = unit(raw, at).unwrap_or(0);
        let second = (0xD800..0xDC00).contains(&first).then(|| unit(raw, at + 6)).flatten();
        let pair = second.map_or_else(|| decode(&[first]), |second| decode(&[first, second]));
        match pair.or_else(|| decode(&[first])) {
            Some(c) => {
                out.push(c);
                at += if u32::from(c) > 0xFFFF { 12 } else { 6 };
            }
            None => {
                out.push(char::REPLACEMENT_CHARACTER);
                lone(first, at);
                at += 6;
            }
        }
    }
    out.push_str(&raw[at..]);
}

/// The code unit of a `\uXXXX` at this place.
fn unit(raw: &str, at: usize) -> Option<u16> {
    let hex = raw.get(at..at + 6)?.strip_prefix("\\u")?;
    u16::from_str_radix(hex, 16).ok()
}

/// The one character that the units make.
fn decode(units: &[u16]) -> Option<char> {
    let mut decoded = char::decode_utf16(units.iter().copied());
    let first = decoded.next()?.ok()?;
    decoded.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_resolved_and_lone_surrogates_reported() {
        for (raw, text, lone) in [
            (r#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t", &[][..]),
            (r"a\u00e4\u0000b", "aä\0b", &[]),
            (r"\ud834\udd1E!", "\u{1D11E}!", &[]),
            (r"x\ud834y", "x\u{FFFD}y", &[(0xD834, 1)]),
            (r"\ud834\ud834\udd1e", "\u{FFFD}\u{1D11E}", &[(0xD834, 0)]),
            (r"\udd1e\ud834\n", "\u{FFFD}\u{FFFD}\n", &[(0xDD1E, 0), (0xD834, 6)]),
            (r"\ud834\u0041", "\u{FFFD}A", &[(0xD834, 0)]),
        ] {
            let (mut out, mut found) = (String::new(), vec![]);
            unescape(raw, &mut out, |unit, at| found.push((unit, at)));
            assert_eq!((out.as_str(), found.as_slice()), (text, lone), "{raw}");
        }
    }

    #[test]
    fn eight_bytes_at_a_time_are_seen_as_one_by_one() {
        let ends = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1F);
        for byte in 0..=u8::MAX {
            for at in 0..20 {
                // What follows could hide or fake the first special byte.
                for behind in [b' ', b'!', b'"', b'#', 0, 0x1F, 0x7F, 0x80, 0xFF] {
                    let mut text = [b'~'; 20];
                    text[at] = byte;
                    text[at + 1..].fill(behind);
                    let shown = text.escape_ascii().to_string();
                    assert_eq!(plain(&text), text.iter().position(ends), "{shown}");
                }
            }
        }
        assert_eq!(plain(b""), None);
    }

    #[test]
    fn a_scan_ends_at_the_closing_quote_or_says_what_is_wrong() {
        assert!(matches!(scan(b"\"a\\\"b\" ", 0), Ok(Scanned { start: 1, end: 5, escaped: true })));
        for (bad, at) in [("\"abc", 4), ("\"a\nb\"", 2), (r#""\x""#, 1), (r#""\u12g4""#, 1), ("\"\\", 1)] {
            assert_eq!(scan(bad.as_bytes(), 0).map_err(|(_, at)| at).err(), Some(at), "{bad}");
        }
    }
}
