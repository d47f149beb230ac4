//! A strict RFC 8259 reader that keeps what a validator needs and other readers drop: the place of
//! every value and key, the text of numbers, the order of members, and duplicate keys.
//!
//! One pass over the bytes, no recursion, 32 bytes a value. A [`Document`] owns its text; a [`Node`]
//! is a borrowed handle into it. What a reader can step over without guessing (a duplicate key, a
//! lone surrogate, a byte order mark, trailing data) is collected in [`Document::faults`]; any other
//! fault ends the reading.

#[cfg(test)]
mod agreement;
mod document;
mod fault;
#[cfg(test)]
mod hostile;
mod node;
mod number;
mod pointer;
mod position;
mod reader;
mod string;

pub use document::{Document, NodeId};
pub use fault::{Around, Fault, FaultKind};
pub use node::{Kind, Member, Node};
pub use position::Position;

/// What a document may ask of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of text; never more than 4 GiB whatever is said here.
    pub size: usize,
    /// Most arrays and objects open at once.
    pub depth: usize,
    /// Most values; each takes 32 bytes beside its text.
    pub values: usize,
}

impl Default for Limits {
    /// 256 MiB, ten thousand times what engines write, 128 levels, and as many values as take 1 GiB.
    fn default() -> Self {
        Limits { size: 256 << 20, depth: 128, values: 32 << 20 }
    }
}

/// Most faults of a document that are kept: who has so many needs no more, and a document of nothing but
/// faults would take many times its size.
pub(crate) const MOST_FAULTS: usize = 32_768;

/// Reads a document.
///
/// # Errors
/// The first fault that cannot be stepped over.
///
/// ```
/// use bundle_validate::json::{self, Limits};
/// let document = json::parse(br#"{"process": {"args": ["sh"]}}"#.to_vec(), Limits::default())?;
/// let word = document.root().at("/process/args/0").unwrap();
/// assert_eq!((word.as_str(), word.position().column), (Some("sh"), 23));
/// # Ok::<(), json::Fault>(())
/// ```
pub fn parse(bytes: Vec<u8>, limits: Limits) -> Result<Document, Fault> {
    if bytes.len() > limits.size.min(u32::MAX as usize - 1) {
        return Err(Fault::new(FaultKind::TooLarge(limits.size), 0, &bytes));
    }
    let text = String::from_utf8(bytes)
        .map_err(|error| Fault::new(FaultKind::Utf8, error.utf8_error().valid_up_to(), error.as_bytes()))?;
    let tree =
        reader::read(&text, limits).map_err(|(kind, offset)| Fault::new(kind, offset, text.as_bytes()))?;
    Ok(Document::new(text, tree))
}
