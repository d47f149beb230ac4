//! Nothing is dropped silently: the walk over the whole document after the mapping has read it.

use crate::field::Reading;
use crate::{ROWS, Refusal};
use bundle_validate::json::{Kind, Node, NodeId};
use nexcage_mapping::{Class, Target};

/// Zero means something here, while it is the default everywhere else.
const ZERO_ASKS: &str = "/linux/resources/memory/swappiness";
const UNSUPPORTED: &str = "this version cannot express it: remove it from config.json";

/// Refuses every field that the table refuses and that asks for something, and every field that
/// should have been read and was not. Properties that the specification does not define are named
/// in a warning: they must be ignored (config.md, Extensibility).
pub(crate) fn audit(root: Node<'_>, reading: &Reading) {
    Audit { reading, read: reading.values_read() }.walk(root, "");
}

struct Audit<'r> {
    reading: &'r Reading,
    /// In order.
    read: Vec<NodeId>,
}

impl Audit<'_> {
    fn walk(&self, parent: Node<'_>, field: &str) {
        let rows = ROWS.children(field);
        for child in parent.children() {
            match rows.named(child.key().unwrap_or("*")) {
                Some(row) if row.class == Class::Refused => {
                    if asks(child) {
                        self.reading.refuse(Refusal::new(child, row.note, UNSUPPORTED));
                    }
                }
                Some(row) if row.target == Target::Nothing => {}
                Some(row) => self.mapped(child, row.field),
                None => {
                    log::warn!(
                        "{}: {} is not in the specification and is ignored",
                        child.position(),
                        child.pointer()
                    );
                }
            }
        }
    }

    fn mapped(&self, node: Node<'_>, field: &str) {
        match node.kind() {
            Kind::Object | Kind::Array => self.walk(node, field),
            _ if self.read.binary_search(&node.id()).is_ok()
                || !asks(node)
                || self.reading.is_refused(node) => {}
            _ => self.reading.refuse(Refusal::new(node, "nothing here reads this value", UNSUPPORTED)),
        }
    }
}

/// Whether a value asks for anything: null, false, zero, "" and containers of only such do not.
fn asks(node: Node<'_>) -> bool {
    match node.kind() {
        Kind::Null => false,
        Kind::Bool => node.as_bool() == Some(true),
        Kind::Number => node.as_i64() != Some(0) || node.pointer() == ZERO_ASKS,
        Kind::String => node.as_str() != Some(""),
        Kind::Array | Kind::Object => node.children().any(asks),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bundle_validate::json::{Limits, parse};

    fn refused(text: &str) -> Vec<String> {
        let document = parse(text.into(), Limits::default()).unwrap();
        let reading = Reading::default();
        audit(document.root(), &reading);
        reading.into_refusals().into_iter().map(|refusal| refusal.pointer).collect()
    }

    #[test]
    fn what_nothing_reads_is_refused_and_what_asks_for_nothing_is_not() {
        assert_eq!(refused(r#"{"hostname": "x", "domainname": "", "root": null}"#), ["/hostname"]);
        assert_eq!(refused(r#"{"hooks": {"poststop": []}, "linux": {"seccomp": {}}}"#), [""; 0]);
        assert_eq!(refused(r#"{"linux": {"intelRdt": {"closID": "a"}}}"#), ["/linux/intelRdt"]);
        let memory = r#"{"linux": {"resources": {"memory": {"swappiness": 0, "kernel": 0}}}}"#;
        assert_eq!(refused(memory), ["/linux/resources/memory/swappiness"]);
    }

    #[test]
    fn unknown_properties_are_no_reason_to_refuse() {
        assert_eq!(refused(r#"{"x": 1, "linux": {"*": 2, "a/b": {"c": true}}}"#), [""; 0]);
    }
}
