//! nexcage: the OCI command line. Scripts that were written for runc run unchanged.
//!
//! [`TOOL`] has the global options, [`COMMANDS`] the verbs, each in a file of its own name. Verbs that
//! change a container, or ask its processes, call its shim; those that only read take the record.
//!
//! Invariant: nothing here does to a container what its shim could do.

mod arguments;
mod attach;
mod checkpoint;
mod command_line;
mod config;
mod context;
mod create;
mod creation;
mod delete;
mod detach_keys;
mod error;
mod events;
mod exec;
mod features;
mod gc;
mod health;
mod help;
mod kill;
mod list;
mod logs;
mod pause;
mod pid_file;
mod ps;
mod run;
mod session;
mod shim;
mod signal_name;
mod signals;
mod spec;
mod start;
mod state;
mod state_document;
mod table;
mod update;
mod version;
mod wait;

pub use command_line::{COMMANDS, TOOL, main};
pub use signal_name::names as signal_names;
