//! state-inspect: nexcage's containers from their records, checked against the kernel.
//!
//! Reading is all it does: it takes no lock and changes nothing.

mod command_line;
mod view;

pub use command_line::{TOOL, main};
pub use view::{Container, json, oci, table};
