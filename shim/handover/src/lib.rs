//! The protocol between nexcage-shim and nexcage-init: one stream socket, six messages.
//!
//! ```text
//! init                                   shim
//!  ── Hello (version, held?) ───────────▶
//!  ◀── Process (body; fds 0,1,2 as rights) ─   unless init already holds one
//!  ── Ready ────────────────────────────▶      OCI "created"
//!  ◀── Go ──────────────────────────────       OCI "start"; the socket's name is gone by now
//!  ── end of stream ────────────────────▶      exec succeeded (the socket closes on exec)
//!  ── Failed (step, errno) ─────────────▶      it did not
//! ```
//!
//! Where the connection is lost before *go*, init connects again for as long as the socket has a
//! name: a shim's successor binds under another name and renames, so that there is always one. An
//! init that holds a process already says HelloHeld and, at once, Ready.
//!
//! Every message starts with a [`Header`]; the version in it comes first in every conversation, so
//! that either side can name a mismatch. Integers are little-endian. The init's side parses in
//! place and never allocates.
#![cfg_attr(not(test), no_std)]

#[cfg(any(feature = "alloc", test))]
extern crate alloc;

mod header;
mod process;
#[cfg(any(feature = "alloc", test))]
mod process_buf;
mod step;

pub use header::{HEADER_LEN, Header, HeaderError, Kind, MAX_BODY_LEN, VERSION};
pub use process::{Capabilities, Malformed, Process, Strings, flags};
#[cfg(any(feature = "alloc", test))]
pub use process_buf::ProcessBuf;
pub use step::{FAILED_LEN, Failed, Step};

/// The name of the socket in the directory that is mounted into the container.
pub const SOCKET_NAME: &str = "socket";
/// The name of the file beside it over which the nexcage-init binary is mounted.
pub const INIT_NAME: &str = "init";
