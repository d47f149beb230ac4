//! Handles to the values of a document.

use super::document::{NO_PARENT, Slot};
use super::{Document, NodeId, Position, number, pointer};
use std::hash::{Hash, Hasher};

/// The six kinds of JSON values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

impl Kind {
    /// The kind with its article, for messages.
    #[must_use]
    pub fn phrase(self) -> &'static str {
        match self {
            Kind::Null => "null",
            Kind::Bool => "a boolean",
            Kind::Number => "a number",
            Kind::String => "a string",
            Kind::Array => "an array",
            Kind::Object => "an object",
        }
    }
}

/// A value of a document. Two handles are equal when they mean the same value of the same document.
#[derive(Debug, Clone, Copy)]
pub struct Node<'d> {
    document: &'d Document,
    id: NodeId,
}

/// A member of an object.
#[derive(Debug, Clone, Copy)]
pub struct Member<'d> {
    /// Its key, escape sequences resolved.
    pub key: &'d str,
    /// Its value.
    pub value: Node<'d>,
}

impl Member<'_> {
    /// Where the key begins, at its quote.
    #[must_use]
    pub fn key_position(&self) -> Position {
        self.value.document.position(self.value.key_offset().unwrap_or_else(|| self.value.offset()))
    }
}

impl<'d> Node<'d> {
    pub(super) fn new(document: &'d Document, id: NodeId) -> Self {
        Node { document, id }
    }

    fn slot(self) -> &'d Slot {
        self.document.slot(self.id)
    }

    /// Its id: ids sort in document order.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// The document it belongs to.
    #[must_use]
    pub fn document(&self) -> &'d Document {
        self.document
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.slot().kind
    }

    /// The text of a string, escape sequences resolved.
    #[must_use]
    pub fn as_str(&self) -> Option<&'d str> {
        let slot = self.slot();
        (slot.kind == Kind::String).then(|| self.document.string(slot))
    }

    /// The value of a boolean.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        (self.kind() == Kind::Bool).then(|| self.raw() == "true")
    }

    /// The value of an integral number. What counts is the value, not the spelling: `1e3`, `1000.0`
    /// and `1000` are the same number, as in JSON Schema, and `-0` is 0. `None` also when it does
    /// not fit.
    #[must_use]
    pub fn as_i128(&self) -> Option<i128> {
        self.number_text().and_then(number::integer)
    }

    /// As [`Node::as_i128`], for numbers that fit an i64.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        self.as_i128()?.try_into().ok()
    }

    /// As [`Node::as_i128`], for numbers that fit a u64.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        self.as_i128()?.try_into().ok()
    }

    /// A number as it is spelt.
    #[must_use]
    pub fn number_text(&self) -> Option<&'d str> {
        (self.kind() == Kind::Number).then(|| self.raw())
    }

    /// The value as it is spelt, strings with their quotes.
    #[must_use]
    pub fn raw(&self) -> &'d str {
        let slot = self.slot();
        &self.document.text()[slot.start as usize..slot.end as usize]
    }

    /// The members of an object in their order, duplicates too; of another kind, none.
    pub fn members(&self) -> impl Iterator<Item = Member<'d>> + use<'d> {
        let object = (self.kind() == Kind::Object).then_some(*self);
        object.into_iter().flat_map(Node::children).map(|value| Member { key: value.own_key(), value })
    }

    /// The elements of an array in their order; of another kind, none.
    pub fn elements(&self) -> impl Iterator<Item = Node<'d>> + use<'d> {
        let array = (self.kind() == Kind::Array).then_some(*self);
        array.into_iter().flat_map(Node::children)
    }

    /// The values that stand directly in an array or object.
    pub fn children(self) -> impl Iterator<Item = Node<'d>> + use<'d> {
        let end = self.slot().next;
        let mut next = self.id.0 + 1;
        std::iter::from_fn(move || {
            let child = (next < end).then(|| Node::new(self.document, NodeId(next)))?;
            next = child.slot().next;
            Some(child)
        })
    }

    /// The member of this name; of duplicates the last one, as most readers have it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Node<'d>> {
        let object = (self.kind() == Kind::Object).then_some(*self)?;
        let mut found = object.children().filter(|member| member.is_called(key));
        if self.document.has_duplicates() { found.last() } else { found.next() }
    }

    /// The value at a JSON pointer (RFC 6901) that starts here. `""` is the value itself.
    #[must_use]
    pub fn at(&self, pointer: &str) -> Option<Node<'d>> {
        pointer::resolve(*self, pointer)
    }

    /// How many members or elements it has; 0 for anything else.
    #[expect(clippy::len_without_is_empty, reason = "a value is no collection")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.slot().len as usize
    }

    /// The array or object it stands in.
    #[must_use]
    pub fn parent(&self) -> Option<Node<'d>> {
        let parent = self.slot().parent;
        (parent != NO_PARENT).then(|| Node::new(self.document, NodeId(parent)))
    }

    /// The key it has in its object.
    #[must_use]
    pub fn key(&self) -> Option<&'d str> {
        self.parent().filter(|parent| parent.kind() == Kind::Object).map(|_| self.own_key())
    }

    /// The place it has in its array, from 0.
    #[must_use]
    pub fn index(&self) -> Option<usize> {
        let parent = self.parent().filter(|parent| parent.kind() == Kind::Array);
        parent.map(|_| self.slot().key_start as usize)
    }

    fn own_key(self) -> &'d str {
        self.document.key(self.slot())
    }

    /// Whether this is its key. Most are not, and their lengths tell.
    fn is_called(self, key: &str) -> bool {
        let slot = self.slot();
        (slot.key_escaped || slot.key_len as usize == key.len()) && self.own_key() == key
    }

    /// Its JSON pointer from the root of the document.
    #[must_use]
    pub fn pointer(&self) -> String {
        pointer::of(*self)
    }

    /// Where it begins, in bytes from the start of the text.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.slot().start as usize
    }

    /// Where its key begins, at the quote, if it is a member of an object.
    #[must_use]
    pub fn key_offset(&self) -> Option<usize> {
        self.key().map(|_| self.slot().key_start as usize - 1)
    }

    /// Where it begins, as line and column.
    #[must_use]
    pub fn position(&self) -> Position {
        self.document.position(self.offset())
    }
}

impl PartialEq for Node<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && std::ptr::eq(self.document, other.document)
    }
}

impl Eq for Node<'_> {}

impl Hash for Node<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Limits, parse};
    use super::*;

    #[test]
    fn a_tree_is_walked_in_every_direction() {
        let text = r#"{"a": [1, {"b~/": "x\ty"}, true], "": null, "a\u0062": -1.5}"#;
        let document = parse(text.into(), Limits::default()).unwrap();
        let root = document.root();
        let keys: Vec<&str> = root.members().map(|member| member.key).collect();
        assert_eq!(keys, ["a", "", "ab"]);
        let inner = root.at("/a/1/b~0~1").unwrap();
        assert_eq!(inner.as_str(), Some("x\ty"));
        assert_eq!(inner.pointer(), "/a/1/b~0~1");
        assert_eq!(inner.parent().and_then(|p| p.parent()), root.get("a"));
        assert_eq!(root.get("a").map(|a| a.len()), Some(3));
        assert_eq!(root.at("/").map(|n| n.kind()), Some(Kind::Null));
        assert_eq!(root.at("/ab").and_then(|n| n.number_text()), Some("-1.5"));
        assert_eq!((inner.index(), root.at("/a/1").and_then(|n| n.index())), (None, Some(1)));
        assert_eq!(root.at("/a/01"), None);
        assert_eq!(root.at("/a/3"), None);
        assert_eq!(root.at("a"), None);
        assert_eq!(root.members().nth(1).map(|m| m.key_position().column), Some(35));
        assert_eq!(document.nodes().count(), 8);
        assert_eq!(std::mem::size_of::<Slot>(), 32);
    }
}
