//! Reading config.json so that nothing is overlooked: every value that the mapping reads is noted,
//! and [`crate::audit`] finds what is left.

use crate::Refusal;
use bundle_validate::json::{Kind, Node, NodeId};
use std::cell::RefCell;
use std::collections::BTreeSet;

/// What became of the document so far.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// With repetitions: noting one has to cost little.
    read: RefCell<Vec<NodeId>>,
    refusals: RefCell<Vec<Refusal>>,
    /// Their pointers.
    refused: RefCell<BTreeSet<String>>,
}

/// A value of the document that is there and not null.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field<'r, 'd> {
    node: Node<'d>,
    reading: &'r Reading,
}

impl Reading {
    pub(crate) fn field<'d>(&self, node: Node<'d>) -> Field<'_, 'd> {
        Field { node, reading: self }
    }

    /// The values that were read, in the order of the document.
    pub(crate) fn values_read(&self) -> Vec<NodeId> {
        let mut read = self.read.borrow().clone();
        read.sort_unstable();
        read
    }

    pub(crate) fn refuse(&self, refusal: Refusal) {
        self.refused.borrow_mut().insert(refusal.pointer.clone());
        self.refusals.borrow_mut().push(refusal);
    }

    /// Whether something at this value, around it or inside it was refused already.
    pub(crate) fn is_refused(&self, node: Node<'_>) -> bool {
        let (pointer, refused) = (node.pointer(), self.refused.borrow());
        let around = pointer.match_indices('/').map(|(end, _)| &pointer[..end]).chain([pointer.as_str()]);
        let inside = format!("{pointer}/");
        around.into_iter().any(|above| refused.contains(above))
            || refused.range(inside.clone()..).next().is_some_and(|below| below.starts_with(&inside))
    }

    /// All refusals in the order of the document, each once.
    pub(crate) fn into_refusals(self) -> Vec<Refusal> {
        let mut refusals = self.refusals.into_inner();
        refusals.sort_by(|a, b| (a.position, &a.reason).cmp(&(b.position, &b.reason)));
        // Of one value the same may have been said more than once.
        refusals.dedup();
        refusals
    }
}

impl<'r, 'd> Field<'r, 'd> {
    fn of(self, node: Node<'d>) -> Option<Self> {
        (node.kind() != Kind::Null).then_some(Field { node, ..self })
    }

    /// The value at a JSON pointer from here; null counts as absent.
    pub(crate) fn at(self, pointer: &str) -> Option<Self> {
        self.of(self.node.at(pointer)?)
    }

    /// A member; null counts as absent.
    pub(crate) fn get(self, key: &str) -> Option<Self> {
        self.of(self.node.get(key)?)
    }

    pub(crate) fn elements(self) -> impl Iterator<Item = Self> + use<'r, 'd> {
        self.node.elements().filter_map(move |node| self.of(node))
    }

    /// The elements of an array member, none if there is no such member.
    pub(crate) fn each(self, key: &str) -> impl Iterator<Item = Self> + use<'r, 'd> {
        self.get(key).into_iter().flat_map(Field::elements)
    }

    /// The members of an object; nulls are left out.
    pub(crate) fn members(self) -> impl Iterator<Item = (&'d str, Self)> + use<'r, 'd> {
        self.node.members().filter_map(move |member| Some((member.key, self.of(member.value)?)))
    }

    pub(crate) fn str(self) -> Option<&'d str> {
        self.noted(self.node.as_str())
    }

    pub(crate) fn bool(self) -> Option<bool> {
        self.noted(self.node.as_bool())
    }

    pub(crate) fn i64(self) -> Option<i64> {
        self.noted(self.node.as_i64())
    }

    pub(crate) fn u64(self) -> Option<u64> {
        self.noted(self.node.as_u64())
    }

    pub(crate) fn u32(self) -> Option<u32> {
        self.noted(self.node.as_u64().and_then(|value| value.try_into().ok()))
    }

    /// A string member.
    pub(crate) fn text(self, key: &str) -> Option<&'d str> {
        self.get(key)?.str()
    }

    /// A string member that says something.
    pub(crate) fn filled(self, key: &str) -> Option<(Self, &'d str)> {
        let field = self.get(key)?;
        field.str().filter(|text| !text.is_empty()).map(|text| (field, text))
    }

    fn noted<T>(self, value: Option<T>) -> Option<T> {
        if value.is_some() {
            self.reading.read.borrow_mut().push(self.node.id());
        }
        value
    }

    /// Its JSON pointer.
    pub(crate) fn pointer(self) -> String {
        self.node.pointer()
    }

    /// Notes that this value cannot be rendered.
    pub(crate) fn refuse(self, reason: impl Into<String>, advice: &'static str) {
        self.reading.refuse(Refusal::new(self.node, reason, advice));
    }
}
