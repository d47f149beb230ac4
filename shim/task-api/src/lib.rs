//! containerd's Task API and nexcage's own service, on the wire.
//!
//! [`frame`] is ttrpc's framing, [`call`] what is in a frame: requests, responses, and every method
//! with its types. [`task`], [`events`], [`metrics`] and [`shim`] have the messages, which are tables of
//! field numbers ([`message`]) over protobuf's few encodings ([`wire`]). [`client`] calls a shim.
//!
//! Bytes from a socket are nobody's friend: nothing here panics on any input, and nothing allocates
//! by a length that was announced and has not come.

#[macro_use]
pub mod message;

pub mod bootstrap;
pub mod call;
pub mod client;
pub mod events;
mod field;
pub mod frame;
pub mod metrics;
#[cfg(test)]
mod sample;
pub mod shim;
pub mod task;
mod well_known;
pub mod wire;

pub use call::{Call, Code, Failure, Method, Request, Response, method};
pub use client::{Client, ClientError, StreamId};
pub use message::{Message, Named};
pub use well_known::{Any, Empty, Timestamp};
pub use wire::Malformed;
