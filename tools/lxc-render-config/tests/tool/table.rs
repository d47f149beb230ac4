//! The table of nexcage-mapping against the shapes of bundle-validate.

use nexcage_mapping::{Lookup, TABLE};
use serde_json::Value;
use std::collections::BTreeSet;

/// Every field of the specification in the table's words, with its schema.
pub(crate) fn fields() -> Vec<(String, Value)> {
    let mut found = vec![];
    collect(&bundle_validate::rules::schema(), "", &mut found);
    found
}

fn collect(schema: &Value, pointer: &str, found: &mut Vec<(String, Value)>) {
    let named = schema["properties"].as_object().into_iter().flatten();
    let unnamed = ["items", "additionalProperties"].map(|name| ("*", &schema[name]));
    let unnamed = unnamed.into_iter().filter(|(_, child)| child.is_object());
    for (name, child) in named.map(|(name, child)| (name.as_str(), child)).chain(unnamed) {
        let field = format!("{pointer}/{name}");
        collect(child, &field, found);
        found.push((field, child.clone()));
    }
}

#[test]
fn every_field_of_the_specification_has_a_row_and_every_row_a_field() {
    let lookup = Lookup::new();
    let mut known = BTreeSet::new();
    for (field, _) in fields() {
        let row = lookup.of_pointer(&field);
        let row = row.unwrap_or_else(|| panic!("{field} has no row"));
        let is_its_own = row.field == field;
        assert!(is_its_own || row.stands_for_all_below(), "{field} has no row but {}", row.field);
        known.insert(field);
    }
    let unknown: Vec<&str> =
        TABLE.iter().map(|row| row.field).filter(|field| !known.contains(*field)).collect();
    assert_eq!(unknown, [""; 0]);
}
