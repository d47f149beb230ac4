//! What became of every value of a document.

use crate::{ROWS, Refusal};
use bundle_validate::Bundle;
use bundle_validate::json::{Kind, Node, Position};
use nexcage_cli::escape_controls;
use nexcage_mapping::{Class, Mark, Row};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;

/// One value of a document, or one object or array that was lost with all in it.
#[derive(Debug)]
pub struct Fate {
    /// Its JSON pointer (RFC 6901).
    pub pointer: String,
    /// Where it stands in config.json.
    pub position: Position,
    /// The row that it falls under; properties that the specification does not define have none.
    pub row: Option<&'static Row>,
    /// Why it is lost or refused, if it is.
    pub loss: Option<String>,
}

/// What became of every value of a bundle's document, in its order. `losses` are those that were
/// allowed, or the refusals of [`RenderError::Refused`](crate::RenderError::Refused).
#[must_use]
pub fn report(bundle: &Bundle, losses: &[Refusal]) -> Vec<Fate> {
    let mut reasons: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for loss in losses {
        reasons.entry(&loss.pointer).or_default().push(format!("{}; {}", loss.reason, loss.advice));
    }
    let mut walk = Walk { reasons, fates: vec![] };
    let root = bundle.document().root();
    walk.lost(root, None);
    walk.children(root, "");
    walk.fates
}

struct Walk<'l> {
    reasons: BTreeMap<&'l str, Vec<String>>,
    fates: Vec<Fate>,
}

impl Walk<'_> {
    fn children(&mut self, parent: Node<'_>, field: &str) {
        let rows = ROWS.children(field);
        for child in parent.children() {
            let row = rows.named(child.key().unwrap_or("*"));
            let lost = self.lost(child, row);
            match (child.kind(), row) {
                (Kind::Object | Kind::Array, Some(row)) if !row.stands_for_all_below() && child.len() > 0 => {
                    self.children(child, row.field);
                }
                _ if lost => {}
                _ => self.fates.push(fate(child, row, None)),
            }
        }
    }

    fn lost(&mut self, node: Node<'_>, row: Option<&'static Row>) -> bool {
        let Some(reasons) = self.reasons.get(node.pointer().as_str()) else { return false };
        self.fates.extend(reasons.iter().map(|reason| fate(node, row, Some(reason.clone()))));
        true
    }
}

fn fate(node: Node<'_>, row: Option<&'static Row>, loss: Option<String>) -> Fate {
    Fate { pointer: node.pointer(), position: node.position(), row, loss }
}

impl Fate {
    /// What became of it, in one word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match (&self.loss, self.row) {
            (Some(_), _) => Class::Refused.word(),
            (None, None) => "ignored",
            // It is refused only if it asks for something.
            (None, Some(row)) if row.class == Class::Refused => "empty",
            (None, Some(row)) => row.class.word(),
        }
    }

    /// Whether a container is less confined than it was meant to be.
    #[must_use]
    pub fn is_security_relevant(&self) -> bool {
        self.loss.is_some() && self.row.is_none_or(|row| row.is(Mark::Security))
    }

    /// The value as an object for machines.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "pointer": self.pointer,
            "line": self.position.line,
            "column": self.position.column,
            "became": self.word(),
            "rule": self.row.map(|row| row.field),
            "by": self.row.map(|row| row.target.words()),
            "note": self.loss.as_deref().or(self.row.map(|row| row.note).filter(|note| !note.is_empty())),
            "security": self.is_security_relevant(),
        })
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.position, escape_controls(&self.pointer), self.word())?;
        match (&self.loss, self.row) {
            (Some(loss), _) => {
                let security = if self.is_security_relevant() { " (security-relevant)" } else { "" };
                write!(f, "{security}: {}", escape_controls(loss))
            }
            (None, Some(row)) if !row.stands_for_all_below() => {
                let note = if row.note.is_empty() { "" } else { ". " };
                write!(f, ", by {}{note}{}", row.target.words(), row.note)
            }
            _ => Ok(()),
        }
    }
}
