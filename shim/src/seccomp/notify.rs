//! Who is asked about system calls: the descriptor goes to the listener that the bundle names.

use crate::error::Error;
use lxc_render_config::Listener;
use nexcage_cli::SPECIFICATION;
use nexcage_setup::plan::State;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags,
    SocketType, connect, sendmsg, socket_with,
};
use serde_json::{Value, json};
use std::io::{self, IoSlice, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// Sends the container process state (config-linux.md#containerprocessstate) with the descriptor,
/// over a connection of its own.
pub(crate) fn pass_on(
    fd: BorrowedFd<'_>,
    state: &State,
    listener: &Listener,
    limit: Duration,
) -> Result<(), Error> {
    let doing = format!("tell the listener {} (linux.seccomp.listenerPath)", listener.path.display());
    let text = process_state(state, listener).to_string();
    let send = || {
        let stream = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        // For connect(2) too: a listener that takes no connection is not waited for.
        set_socket_timeout(&stream, Timeout::Send, Some(limit))?;
        connect(&stream, &SocketAddrUnix::new(&*listener.path)?)?;
        let mut stream = UnixStream::from(stream);
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

fn process_state(state: &State, listener: &Listener) -> Value {
    let mut message =
        json!({ "ociVersion": SPECIFICATION, "fds": ["seccompFd"], "pid": state.pid, "state": state });
    if let Some(metadata) = &listener.metadata {
        message["metadata"] = metadata.as_str().into();
    }
    message
}
