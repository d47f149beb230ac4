//! state-inspect: containers' states, from nexcage's records or from any runtime's state documents.
//!
//! Reading is all it does: it takes no lock and changes nothing.
//!
//! Invariant: a document's unknown fields are kept; only `--format oci` leaves them out.

mod check;
mod command_line;
mod container;
mod document;
mod view;

pub use check::{Finding, RULES, check};
pub use command_line::{TOOL, main};
pub use container::Container;
pub use document::{DocumentError, read};
pub use view::{json, jsonl, oci, prometheus, table, tsv};
