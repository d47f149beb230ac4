//! The line of the document that a finding stands in, with a caret under the place.

use super::printable;
use crate::json::{Around, Position};

/// Most characters of the line before and from the place on that are shown.
const REACH: usize = 48;

// A character more than is shown tells whether there is more.
const _: () = assert!(Around::BYTES >= 4 * (REACH + 1));

/// What there is of a document's text when its findings are printed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Text<'a> {
    /// Nothing.
    Absent,
    /// All of it.
    Whole(&'a str),
    /// What is around the one finding there is.
    Around(&'a Around),
}

/// Finds places in a text. It goes forward only, so that all findings of a document, which stand
/// in the order of the text, cost one pass over it.
#[derive(Debug)]
pub(super) struct Excerpts<'a> {
    text: Text<'a>,
    offset: usize,
    here: Position,
}

impl<'a> Excerpts<'a> {
    pub(super) fn new(text: Text<'a>) -> Self {
        Excerpts { text, offset: 0, here: Position::START }
    }

    /// The excerpt of a place as two lines, without the last line feed: the number of the line with
    /// what is around the place, and the caret.
    pub(super) fn at(&mut self, position: Position) -> Option<(String, String)> {
        let (before, after) = match self.text {
            Text::Absent => return None,
            Text::Whole(text) => {
                self.advance(text, position);
                text.split_at_checked(self.offset)?
            }
            Text::Around(sides) => (sides.before.as_str(), sides.after.as_str()),
        };
        let (before, after) = (shown_before(before), shown_after(after));
        let number = position.line.to_string();
        let caret = format!(
            "{:gutter$} | {:indent$}",
            "",
            "",
            gutter = number.len(),
            indent = printable::width(&before)
        );
        Some((format!("{number} | {before}{after}"), caret))
    }

    fn advance(&mut self, text: &str, to: Position) {
        while self.here < to {
            let Some(c) = text[self.offset..].chars().next() else { return };
            self.offset += c.len_utf8();
            if c == '\n' {
                self.here = Position { line: self.here.line + 1, column: 1 };
            } else {
                self.here.column += 1;
            }
        }
    }
}

fn shown_before(text: &str) -> String {
    let line = text.rsplit('\n').next().unwrap_or_default();
    let cut = line.char_indices().rev().nth(REACH - 1).map_or(0, |(start, _)| start);
    let ellipsis = if cut > 0 { "…" } else { "" };
    format!("{ellipsis}{}", shown(&line[cut..]))
}

fn shown_after(text: &str) -> String {
    // Most documents of one line are long: look no further than is shown.
    let mut end = text.len();
    let mut ellipsis = "";
    for (count, (start, c)) in text.char_indices().enumerate() {
        if c == '\n' || count == REACH {
            end = start;
            ellipsis = if c == '\n' { "" } else { "…" };
            break;
        }
    }
    format!("{}{ellipsis}", shown(text[..end].trim_end_matches('\r')))
}

/// Tabs as four blanks, the rest [`printable`](printable::printable).
fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\t' { out.push_str("    ") } else { printable::push(&mut out, c) }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, line: u32, column: u32, expected: &str) {
        let (source, caret) = Excerpts::new(Text::Whole(text)).at(Position { line, column }).unwrap();
        assert_eq!(format!("{source}\n{caret}^"), expected);
    }

    #[test]
    fn the_caret_is_under_the_place() {
        check("{\n\t\"cwd\": 1\r\n}", 2, 9, "2 |     \"cwd\": 1\n  |            ^");
        check("{\"容\": \u{1b}1}", 1, 8, "1 | {\"容\": \\u{1b}1}\n  |              ^");
        check("", 1, 1, "1 | \n  | ^");
        check("a", 1, 2, "1 | a\n  |  ^");
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let text = format!("{}X{}", "a".repeat(500), "b".repeat(500));
        let expected =
            format!("1 | …{}X{}…\n  | {}^", "a".repeat(REACH), "b".repeat(REACH - 1), " ".repeat(REACH + 1));
        check(&text, 1, 501, &expected);
    }

    #[test]
    fn places_are_found_one_after_another() {
        let mut excerpts = Excerpts::new(Text::Whole("ab\ncd\nef"));
        let lines = [(1, 2), (2, 1), (2, 1), (3, 2), (9, 9)].map(|(line, column)| {
            let (source, _) = excerpts.at(Position { line, column }).unwrap();
            source
        });
        assert_eq!(lines, ["1 | ab", "2 | cd", "2 | cd", "3 | ef", "9 | ef"]);
        assert!(Excerpts::new(Text::Absent).at(Position::START).is_none());
    }

    #[test]
    fn a_fault_in_bytes_that_are_no_text_has_an_excerpt_too() {
        let fault = crate::json::parse(b"{\"a\": \"\xFF\"}".to_vec(), Default::default()).unwrap_err();
        let (source, caret) =
            Excerpts::new(Text::Around(fault.around.as_ref().unwrap())).at(fault.position).unwrap();
        assert_eq!((source.as_str(), caret.len()), ("1 | {\"a\": \"\u{FFFD}\"}", "1 | {\"a\": \"".len()));
    }
}
