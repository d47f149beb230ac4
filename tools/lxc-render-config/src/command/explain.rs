//! What becomes of fields of the specification, from the table.

use super::request::Form;
use crate::{ROWS, below};
use nexcage_cli::{Failure, print};
use nexcage_mapping::{Mark, Row, TABLE};
use serde_json::json;
use std::fmt::Write as _;

/// Prints the row of a field with those below it, or the whole table.
pub(super) fn explain(field: Option<&str>, form: Option<Form>) -> Result<(), Failure> {
    let top = field.map(find).transpose()?;
    let rows = TABLE.iter().filter(|row| top.is_none_or(|top| below(row.field, top.field)));
    let line = |row| match form {
        Some(Form::Json) => format!("{}\n", json(row)),
        _ => text(row),
    };
    print(rows.map(line).collect::<String>().as_bytes())
}

/// The row of a field: as a JSON pointer, with `*` or with an index, or with dots.
fn find(field: &str) -> Result<&'static Row, Failure> {
    let pointer =
        if field.starts_with('/') { field.to_owned() } else { format!("/{}", field.replace('.', "/")) };
    let row = TABLE.iter().find(|row| row.field == pointer).or_else(|| ROWS.of_pointer(&pointer));
    row.ok_or_else(|| Failure::usage(format!("{field} is no field of the runtime specification")))
}

fn text(row: &Row) -> String {
    let mut text = format!("{}\n    {}, by {}", row.field, row.class.word(), row.target.words());
    for mark in row.marks {
        let _ = write!(text, "; {}", mark.words());
    }
    if !row.note.is_empty() {
        let _ = write!(text, "\n    {}", row.note);
    }
    text.push('\n');
    text
}

fn json(row: &Row) -> serde_json::Value {
    json!({
        "field": row.field,
        "class": row.class.word(),
        "by": row.target.words(),
        "note": Some(row.note).filter(|note| !note.is_empty()),
        "security": row.is(Mark::Security),
        "cgroup": if row.is(Mark::CgroupV1) { Some("v1") } else { row.is(Mark::CgroupV2).then_some("v2") },
    })
}
