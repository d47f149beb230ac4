//! The views of containers.

mod prometheus;
mod table;

pub use prometheus::prometheus;
pub use table::{table, tsv};

use crate::Container;
use crate::check::specified;
use serde_json::Value;
use std::fmt::Write as _;

/// An array of all states, on one line.
#[must_use]
pub fn json(containers: &[Container]) -> String {
    let array = containers.iter().map(|container| Value::Object(container.state().clone()));
    format!("{}\n", Value::Array(array.collect()))
}

/// All states, one a line.
#[must_use]
pub fn jsonl(containers: &[Container]) -> String {
    lines(containers.iter().map(|container| Value::Object(container.state().clone())))
}

/// State documents with the specification's fields and no others, one a line.
#[must_use]
pub fn oci(containers: &[Container]) -> String {
    lines(containers.iter().map(|container| Value::Object(specified(container.state()))))
}

fn lines(values: impl Iterator<Item = Value>) -> String {
    values.fold(String::new(), |mut text, value| {
        let _ = writeln!(text, "{value}");
        text
    })
}
