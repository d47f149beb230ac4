//! The language in which the structure of config.json is written down.

use super::Rule;
use crate::SpecVersion;

/// What a value may be.
#[derive(Debug)]
pub(crate) enum Shape {
    /// Anything; another specification says what.
    Any,
    /// `true` or `false`.
    Bool,
    /// An integral number between two bounds, both included.
    Integer(i128, i128),
    /// Any string.
    String,
    /// A string of a certain form.
    Form(&'static Form),
    /// One of some words.
    Word(&'static [&'static str]),
    /// An array.
    Array(&'static Shape),
    /// An array with something in it.
    NonEmptyArray(&'static Shape),
    /// An object with keys of the user's choice.
    Map(&'static Shape),
    /// An object with known members.
    Object(&'static [Field]),
}

/// A form of strings.
#[derive(Debug)]
pub(crate) struct Form {
    /// What is expected, with an article: "an absolute path".
    pub(crate) name: &'static str,
    /// Whether a string has it.
    pub(crate) accepts: fn(&str) -> bool,
}

/// A member of an object.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) presence: Presence,
    pub(crate) shape: &'static Shape,
    /// The rule that is broken when it is absent, or when it (or what is in it, down to the next
    /// field) has another shape.
    pub(crate) rule: &'static Rule,
    /// The version of the specification that brought it.
    pub(crate) since: SpecVersion,
    /// The version that took it away, and the rule that says so.
    pub(crate) until: Option<(SpecVersion, &'static Rule)>,
}

impl Field {
    const fn new(
        name: &'static str,
        presence: Presence,
        shape: &'static Shape,
        rule: &'static Rule,
    ) -> Field {
        Field { name, presence, shape, rule, since: SpecVersion::V1_0_2, until: None }
    }

    /// The same field, brought by a later version than the first.
    pub(crate) const fn since(self, version: SpecVersion) -> Field {
        Field { since: version, ..self }
    }

    /// The same field, taken away by a version; `rule` says so.
    pub(crate) const fn until(self, version: SpecVersion, rule: &'static Rule) -> Field {
        Field { until: Some((version, rule)), ..self }
    }
}

/// Whether a member has to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    Required,
    Optional,
}

pub(crate) const fn required(name: &'static str, shape: &'static Shape, rule: &'static Rule) -> Field {
    Field::new(name, Presence::Required, shape, rule)
}

pub(crate) const fn optional(name: &'static str, shape: &'static Shape, rule: &'static Rule) -> Field {
    Field::new(name, Presence::Optional, shape, rule)
}

static ANY: Shape = Shape::Any;
/// An object that another specification describes.
pub(crate) static ANY_OBJECT: Shape = Shape::Map(&ANY);
pub(crate) static BOOL: Shape = Shape::Bool;
pub(crate) static STRING: Shape = Shape::String;
pub(crate) static STRINGS: Shape = Shape::Array(&STRING);
pub(crate) static STRING_MAP: Shape = Shape::Map(&STRING);
pub(crate) static INT32: Shape = Shape::Integer(i32::MIN as i128, i32::MAX as i128);
pub(crate) static INT64: Shape = Shape::Integer(i64::MIN as i128, i64::MAX as i128);
pub(crate) static UINT16: Shape = Shape::Integer(0, u16::MAX as i128);
pub(crate) static UINT32: Shape = Shape::Integer(0, u32::MAX as i128);
pub(crate) static UINT32S: Shape = Shape::Array(&UINT32);
pub(crate) static UINT64: Shape = Shape::Integer(0, u64::MAX as i128);

#[cfg(test)]
impl Shape {
    /// Calls `visit` for every field below this shape.
    pub(crate) fn fields(&self, visit: &mut dyn FnMut(&Field)) {
        match self {
            Shape::Array(of) | Shape::NonEmptyArray(of) | Shape::Map(of) => of.fields(visit),
            Shape::Object(fields) => {
                assert!(fields.len() < 64);
                for field in *fields {
                    visit(field);
                    field.shape.fields(visit);
                }
            }
            _ => {}
        }
    }
}
