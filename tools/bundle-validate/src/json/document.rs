//! A document: its text and the tree over it.

use super::position::Milestones;
use super::{Fault, FaultKind, Kind, MOST_FAULTS, Node, Position};
use std::sync::OnceLock;

/// The place of a value in its document, in document order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(super) u32);

/// A JSON document that was read: text, values, and the faults that were stepped over.
#[derive(Debug, Clone)]
pub struct Document {
    text: String,
    tree: Tree,
    faults: Vec<Fault>,
    milestones: OnceLock<Milestones>,
}

/// One value. Values stand in document order, so the first child of a container is the slot after
/// it and a sibling begins where a subtree ends.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    /// First byte of the value's text.
    pub(super) start: u32,
    /// One past its last byte.
    pub(super) end: u32,
    /// The slot of the container, or [`NO_PARENT`].
    pub(super) parent: u32,
    /// The slot after the last one of this subtree.
    pub(super) next: u32,
    /// Members or elements.
    pub(super) len: u32,
    /// In an object: first byte of the key, inside its quotes. In an array: the index.
    pub(super) key_start: u32,
    /// In an object: bytes of the key inside its quotes.
    pub(super) key_len: u32,
    pub(super) kind: Kind,
    /// The key holds escape sequences: its text is in [`Tree::unescaped`].
    pub(super) key_escaped: bool,
    /// The string holds escape sequences.
    pub(super) escaped: bool,
}

pub(super) const NO_PARENT: u32 = u32::MAX;

/// What the reader makes of a text.
#[derive(Debug, Clone, Default)]
pub(super) struct Tree {
    pub(super) slots: Vec<Slot>,
    /// The texts of all strings that hold escape sequences, one after another.
    pub(super) unescaped: String,
    /// For each of them where it begins in the text (inside the quotes), in order, and its place
    /// in `unescaped`.
    pub(super) escapes: Vec<(u32, std::ops::Range<u32>)>,
    /// Faults stepped over, with their offsets and values.
    pub(super) faults: Vec<(FaultKind, usize, Option<NodeId>)>,
    /// Whether a key is twice in some object.
    pub(super) has_duplicates: bool,
    /// Whether a number has a fraction or an exponent.
    pub(super) has_fractions: bool,
}

impl Document {
    pub(super) fn new(text: String, mut tree: Tree) -> Self {
        let found = std::mem::take(&mut tree.faults);
        let mut document = Document { text, tree, faults: Vec::new(), milestones: OnceLock::new() };
        document.faults = found
            .into_iter()
            .map(|(kind, offset, node)| {
                let position = document.position(offset);
                Fault { kind, offset, position, node, around: None }
            })
            .collect();
        document.faults.sort_by_key(|fault| fault.offset);
        document
    }

    /// The outermost value.
    #[must_use]
    pub fn root(&self) -> Node<'_> {
        Node::new(self, NodeId(0))
    }

    /// The value with this id; ids of another document give `None` or some other value.
    #[must_use]
    pub fn node(&self, id: NodeId) -> Option<Node<'_>> {
        ((id.0 as usize) < self.tree.slots.len()).then(|| Node::new(self, id))
    }

    /// All values in document order.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        let count = u32::try_from(self.tree.slots.len()).unwrap_or(u32::MAX);
        (0..count).map(|id| Node::new(self, NodeId(id)))
    }

    /// The text as it was read.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Faults that were stepped over, in the order of the text; of very many, those met first.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Line and column of a byte offset; one past the end gives the place after the last character.
    #[must_use]
    pub fn position(&self, offset: usize) -> Position {
        let text = self.text.as_bytes();
        self.milestones.get_or_init(|| Milestones::new(text)).position(text, offset)
    }

    /// Whether a number is written with a fraction or an exponent.
    pub(crate) fn has_fractions(&self) -> bool {
        self.tree.has_fractions
    }

    /// Whether there is a NUL in a key or a string: it can only come from an escape sequence.
    pub(crate) fn has_nul(&self) -> bool {
        self.tree.unescaped.contains('\0')
    }

    /// Whether a key is twice in some object.
    pub(super) fn has_duplicates(&self) -> bool {
        self.tree.has_duplicates
    }

    pub(super) fn slot(&self, id: NodeId) -> &Slot {
        &self.tree.slots[id.0 as usize]
    }

    /// The text of a string.
    pub(super) fn string(&self, slot: &Slot) -> &str {
        self.tree.string(&self.text, slot.start + 1, slot.end - 1, slot.escaped)
    }

    /// The text of the key of a member.
    pub(super) fn key(&self, slot: &Slot) -> &str {
        self.tree.key(&self.text, slot)
    }
}

impl Tree {
    pub(super) fn fault(&mut self, kind: FaultKind, offset: usize, node: Option<NodeId>) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push((kind, offset, node));
        }
    }

    /// The slots of the values that stand directly in an array or object.
    pub(super) fn children(&self, container: u32) -> impl Iterator<Item = u32> {
        let end = self.slots[container as usize].next;
        let first = Some(container + 1).filter(|first| *first < end);
        std::iter::successors(first, move |child| {
            Some(self.slots[*child as usize].next).filter(|next| *next < end)
        })
    }

    pub(super) fn key<'t>(&'t self, text: &'t str, slot: &Slot) -> &'t str {
        self.string(text, slot.key_start, slot.key_start + slot.key_len, slot.key_escaped)
    }

    /// Whether two members have the same key. Most have not, and their lengths tell.
    pub(super) fn same_key(&self, text: &str, one: &Slot, other: &Slot) -> bool {
        let plain = !one.key_escaped && !other.key_escaped;
        !(plain && one.key_len != other.key_len) && self.key(text, one) == self.key(text, other)
    }

    /// The text of a key or a string, given its place inside the quotes.
    fn string<'t>(&'t self, text: &'t str, start: u32, end: u32, escaped: bool) -> &'t str {
        if !escaped {
            return &text[start as usize..end as usize];
        }
        let found = self.escapes.binary_search_by_key(&start, |(at, _)| *at);
        let range = found.ok().map(|index| self.escapes[index].1.clone()).unwrap_or_default();
        &self.unescaped[range.start as usize..range.end as usize]
    }
}
