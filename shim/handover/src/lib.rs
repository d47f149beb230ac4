//! The protocol between nexcage-shim and nexcage-init: one stream socket, nine messages.
//!
//! ```text
//! init                                   shim
//!  ── Hello (version, held?) ───────────▶
//!  ◀── Process (body; fds 0,1,2 as rights) ─   unless init already holds one
//!  ◀── a byte (one fd as right) ────────       for each extra descriptor of the process
//!  ── Ready (fd of the pty's master) ───▶      OCI "created"; the fd only with a terminal
//!  ◀── Go ──────────────────────────────       OCI "start"; the socket's name is gone by now
//!  ── Listener (number of its fd) ──────▶      only with a seccomp filter that notifies: the shim
//!  ◀── Go ──────────────────────────────       takes the descriptor and passes it on
//!  ── end of stream ────────────────────▶      exec succeeded (the socket closes on exec)
//!  ── Failed (step, errno) ─────────────▶      it did not
//! ```
//!
//! A process that joins a running container comes from the same program, which the shim then starts
//! itself, as `nexcage-init @join` with the connection as its stdin:
//!
//! ```text
//! joiner                                 shim
//!  ◀── Join (namespaces; init's pidfd) ─       the joiner is in the container's cgroups by now
//!  ── Joined (pid of its child) ────────▶      and it ends; the child is the shim's, and inside
//! child                                  shim
//!  ◀── Go ──────────────────────────────       the shim has hold of the child
//!  ── Hello, and on as above ───────────▶
//! ```
//!
//! Failed may come in place of Joined. A process that has joined ends with its connection. Where
//! that of an init is lost before *go*, it connects again for as long as the socket has a
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
mod reader;
mod step;
mod task;

pub use header::{
    HEADER_LEN, Header, HeaderError, JOIN_LEN, JOINED_LEN, Kind, LISTENER_LEN, MAX_BODY_LEN, VERSION,
};
pub use process::{
    Capabilities, MAX_EXTRA_FDS, Malformed, NO_PERSONALITY, Process, Seccomp, Strings, extra_fds, flags,
};
#[cfg(any(feature = "alloc", test))]
pub use process_buf::{ProcessBuf, SeccompBuf, TaskBuf};
pub use step::{FAILED_LEN, Failed, Step};
pub use task::{Task, Tasks};

use reader::Reader;

/// The name of the socket in the directory that is mounted into the container.
pub const SOCKET_NAME: &str = "socket";
/// The name of the file beside it over which the nexcage-init binary is mounted.
pub const INIT_NAME: &str = "init";
/// The first argument of a nexcage-init that is to join a running container.
pub const JOIN_ARGUMENT: &core::ffi::CStr = c"@join";
