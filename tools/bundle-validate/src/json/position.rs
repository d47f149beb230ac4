//! Byte offsets to lines and columns.

use std::fmt;

/// A place in a text as people and editors count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line, from 1; lines end with a line feed.
    pub line: u32,
    /// The column, from 1, in Unicode scalar values (not bytes, not UTF-16 units). A byte order
    /// mark counts as one.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

impl Position {
    /// The first place of a text.
    pub const START: Position = Position { line: 1, column: 1 };

    /// Where one gets to from here over some text. Bytes that are not UTF-8 count as the scalar
    /// values that their leading bytes announce.
    pub(super) fn advance(mut self, text: &[u8]) -> Position {
        for &byte in text {
            if byte == b'\n' {
                self.line += 1;
                self.column = 1;
            } else {
                self.column += u32::from(byte & 0xC0 != 0x80);
            }
        }
        self
    }
}

/// Positions of every 256th byte, so that a place in a large one-line file is found quickly.
#[derive(Debug, Clone)]
pub(super) struct Milestones(Vec<Position>);

const STEP: usize = 256;

impl Milestones {
    pub(super) fn new(text: &[u8]) -> Self {
        let mut here = Position::START;
        let mut all = Vec::with_capacity(text.len() / STEP + 1);
        for chunk in text.chunks(STEP) {
            all.push(here);
            here = here.advance(chunk);
        }
        Milestones(all)
    }

    pub(super) fn position(&self, text: &[u8], offset: usize) -> Position {
        let offset = offset.min(text.len());
        let nearest = (offset / STEP).min(self.0.len().saturating_sub(1));
        let start = self.0.get(nearest).copied().unwrap_or(Position::START);
        start.advance(text.get(nearest * STEP..offset).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_scalar_values_and_lines_line_feeds() {
        let text = "aä\n𝄞x\r\ny".as_bytes();
        let milestones = Milestones::new(text);
        for (offset, line, column) in [(0, 1, 1), (3, 1, 3), (4, 2, 1), (8, 2, 2), (11, 3, 1), (99, 3, 2)] {
            assert_eq!(milestones.position(text, offset), Position { line, column }, "offset {offset}");
        }
    }

    #[test]
    fn milestones_agree_with_a_walk_from_the_start() {
        let text = "äöü {\n}".repeat(3000).into_bytes();
        let milestones = Milestones::new(&text);
        for offset in (0..=text.len()).step_by(977).chain([255, 256, 257, 512, text.len()]) {
            let walked = Position::START.advance(&text[..offset]);
            assert_eq!(milestones.position(&text, offset), walked, "offset {offset}");
        }
        assert_eq!(Milestones::new(b"").position(b"", 0), Position::START);
    }
}
