//! Foreign text on a terminal: what must not be printed as it is, and how wide the rest is.

use std::fmt::Write as _;

/// A text with everything escaped that could steer a terminal, break a line or show the rest in
/// another order than it is stored: control characters, line and paragraph separators, the
/// directional controls, and characters that cannot be seen.
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        push(&mut out, c);
    }
    out
}

/// Appends one character, escaped if it has to be.
pub(super) fn push(out: &mut String, c: char) {
    match c {
        '\n' | '\r' | '\t' => out.extend(c.escape_default()),
        _ if c.is_control() || is_invisible(c) => {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        }
        _ => out.push(c),
    }
}

/// Format characters of Unicode that change how others are shown, or hide.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

/// The text with its middle replaced by an ellipsis if it has more than `most` characters.
pub(super) fn shortened(text: &str, most: usize) -> String {
    if text.len() <= most || text.chars().nth(most).is_none() {
        return text.to_owned();
    }
    let head: String = text.chars().take(most / 2).collect();
    let mut tail: Vec<char> = text.chars().rev().take(most / 2).collect();
    tail.reverse();
    format!("{head}…{}", tail.into_iter().collect::<String>())
}

/// The columns of a terminal that a text takes which is [`printable`]. Ranges as coarse as a caret
/// needs: combining marks take none, East Asian wide characters and pictures two.
pub(super) fn width(text: &str) -> usize {
    let columns = |c: char| match u32::from(c) {
        0x300..=0x36F | 0x1AB0..=0x1AFF | 0x1DC0..=0x1DFF | 0x20D0..=0x20FF | 0xFE00..=0xFE0F => 0,
        0xFE20..=0xFE2F => 0,
        0x1100..=0x115F | 0x2E80..=0x303E | 0x3041..=0xA4CF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF => 2,
        0xFE30..=0xFE6F | 0xFF00..=0xFF60 | 0xFFE0..=0xFFE6 | 0x1F300..=0x1F64F | 0x1F680..=0x1F6FF => 2,
        0x1F900..=0x1F9FF | 0x20000..=0x3FFFD => 2,
        _ => 1,
    };
    text.chars().map(columns).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_or_hides_is_left() {
        for (text, expected) in [
            ("a\nb\t\u{1b}[31m", "a\\nb\\t\\u{1b}[31m"),
            ("\u{202e}txt\u{2066}\u{200b}", "\\u{202e}txt\\u{2066}\\u{200b}"),
            ("\u{85}\u{2028}\u{feff}", "\\u{85}\\u{2028}\\u{feff}"),
            ("ä 容器 ∀", "ä 容器 ∀"),
        ] {
            assert_eq!(printable(text), expected);
        }
    }

    #[test]
    fn long_texts_lose_their_middle_and_widths_are_a_terminals() {
        assert_eq!(shortened("abcdefgh", 4), "ab…gh");
        assert_eq!(shortened("ääää", 4), "ääää");
        assert_eq!((width("abc"), width("容器"), width("e\u{301}")), (3, 4, 1));
    }
}
