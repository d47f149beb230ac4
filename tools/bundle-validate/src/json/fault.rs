//! What is wrong with a text that should be JSON.

use super::{NodeId, Position};
use std::fmt;

/// One place where a text breaks RFC 8259 or is ambiguous under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub kind: FaultKind,
    /// Where, in bytes from the start of the text.
    pub offset: usize,
    /// The same place as line and column.
    pub position: Position,
    /// The value concerned, if there is a document to hold it.
    pub node: Option<NodeId>,
    /// The text around, if there is no document to hold it.
    pub around: Option<Box<Around>>,
}

/// The text on both sides of a place; what is not UTF-8 in it is U+FFFD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Around {
    /// What stands before the place.
    pub before: String,
    /// What begins at the place.
    pub after: String,
}

impl Around {
    /// Most bytes that are kept of each side.
    pub const BYTES: usize = 256;

    fn new(text: &[u8], offset: usize) -> Self {
        let (before, after) = text.split_at(offset.min(text.len()));
        let before = &before[before.len().saturating_sub(Self::BYTES)..];
        let after = &after[..after.len().min(Self::BYTES)];
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        Around { before: text(before), after: text(after) }
    }
}

/// The kinds of faults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// More bytes than the limit given.
    TooLarge(usize),
    /// More open arrays and objects than the limit given.
    TooDeep(usize),
    /// More values than the limit given.
    TooMany(usize),
    /// Bytes that are not UTF-8.
    Utf8,
    /// Nothing but white space.
    Empty,
    /// Another byte than the grammar allows here; what it allows is named.
    Expected(&'static str),
    /// The text ends inside a string.
    UnterminatedString,
    /// A raw control character inside a string.
    ControlCharacter(u8),
    /// A backslash that starts no escape sequence.
    Escape,
    /// A number not spelt as the grammar demands.
    Number,
    /// An object has this key twice; readers disagree on which one counts.
    DuplicateKey(String),
    /// Half of a UTF-16 pair, which is no character; read as U+FFFD.
    LoneSurrogate(u16),
    /// A byte order mark in front of the document.
    ByteOrderMark,
    /// Something follows the document.
    TrailingData,
}

impl Fault {
    /// A fault in a text that is not kept.
    pub(super) fn new(kind: FaultKind, offset: usize, text: &[u8]) -> Self {
        let position = Position::START.advance(text.get(..offset).unwrap_or_default());
        let around = Some(Box::new(Around::new(text, offset)));
        Fault { kind, offset, position, node: None, around }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FaultKind::TooLarge(limit) => write!(f, "larger than {limit} bytes"),
            FaultKind::TooDeep(limit) => write!(f, "nested deeper than {limit} levels"),
            FaultKind::TooMany(limit) => write!(f, "more than {limit} values"),
            FaultKind::Utf8 => f.write_str("not UTF-8"),
            FaultKind::Empty => f.write_str("there is no document, only white space"),
            FaultKind::Expected(what) => write!(f, "expected {what}"),
            FaultKind::UnterminatedString => f.write_str("the text ends inside a string"),
            FaultKind::ControlCharacter(byte) => {
                write!(f, "control character \\u{byte:04x} in a string has to be escaped")
            }
            FaultKind::Escape => f.write_str("no such escape sequence"),
            FaultKind::Number => f.write_str("malformed number"),
            FaultKind::DuplicateKey(key) => {
                let most = key.char_indices().nth(60);
                let (start, more) = most.map_or((key.as_str(), ""), |(end, _)| (&key[..end], "…"));
                write!(f, "key \"{}{more}\" is there twice", start.escape_debug())
            }
            FaultKind::LoneSurrogate(unit) => write!(f, "\\u{unit:04x} is half of a surrogate pair"),
            FaultKind::ByteOrderMark => f.write_str("byte order mark before the document"),
            FaultKind::TrailingData => f.write_str("there is more after the document"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.position.line, self.position.column, self.kind)
    }
}

impl std::error::Error for Fault {}
