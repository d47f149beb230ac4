//! Who is asked about system calls: the descriptor goes to the listener that the bundle names.

use crate::error::Error;
use lxc_render_config::Listener;
use nexcage_record::Record;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use serde_json::{Map, Value, json};
use std::io::{self, IoSlice, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// The version of the documents that are sent.
const STATE_VERSION: &str = "1.3.0";

/// Sends the container process state (config-linux.md#containerprocessstate) with the descriptor,
/// over a connection of its own.
pub(crate) fn pass_on(
    fd: BorrowedFd<'_>,
    pid: i32,
    listener: &Listener,
    record: &Record,
    limit: Duration,
) -> Result<(), Error> {
    let doing = format!("tell the listener {} (linux.seccomp.listenerPath)", listener.path.display());
    let text = process_state(pid, listener, record).to_string();
    let send = || {
        let mut stream = UnixStream::connect(&listener.path)?;
        stream.set_write_timeout(Some(limit))?;
        let sent = send_with(&stream, text.as_bytes(), fd)?;
        stream.write_all(&text.as_bytes()[sent..])
    };
    send().map_err(Error::system(doing))
}

fn send_with(stream: &UnixStream, bytes: &[u8], fd: BorrowedFd<'_>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let rights = [fd.as_fd()];
    control.push(SendAncillaryMessage::ScmRights(&rights));
    Ok(rustix::io::retry_on_intr(|| {
        sendmsg(stream, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL)
    })?)
}

fn process_state(pid: i32, listener: &Listener, record: &Record) -> Value {
    let mut state = Map::new();
    let mut put = |key: &str, value: Value| state.insert(key.to_owned(), value);
    put("ociVersion", STATE_VERSION.into());
    put("id", record.id.as_str().into());
    put("status", record.status.as_str().into());
    put("pid", pid.into());
    put("bundle", record.bundle.as_str().into());
    if !record.annotations.is_empty() {
        put("annotations", json!(record.annotations));
    }
    let mut message =
        json!({ "ociVersion": STATE_VERSION, "fds": ["seccompFd"], "pid": pid, "state": state });
    if let Some(metadata) = &listener.metadata {
        message["metadata"] = metadata.as_str().into();
    }
    message
}
