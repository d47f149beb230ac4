//! The table by itself; lxc-render-config holds it against the shapes of the specification.

use super::{Class, TABLE};
use std::collections::HashSet;

#[test]
fn rows_are_unique_reachable_and_say_why() {
    let mut seen = HashSet::new();
    for row in TABLE {
        assert!(seen.insert(row.field), "{} twice", row.field);
        let (parent, _) = row.field.rsplit_once('/').unwrap();
        assert!(parent.is_empty() || seen.contains(parent), "{} stands before its parent", row.field);
        let sentence = row.class != Class::Refused;
        assert!(row.note.is_empty() || row.note.ends_with('.') == sentence, "{}: {}", row.field, row.note);
        assert!(sentence || !row.note.is_empty(), "{} is refused without a reason", row.field);
    }
}
