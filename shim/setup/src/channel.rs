//! Messages with descriptors over a stream socket: the length as 4 bytes, little-endian, then JSON.

use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

/// Longest message in bytes: config.json itself is rarely larger.
const MAX_LEN: u32 = 64 << 20;
/// What carries a descriptor.
const CARRIER: u8 = b'f';

/// One end of a conversation.
#[derive(Debug)]
pub struct Channel(UnixStream);

impl Channel {
    /// Over a connected socket.
    #[must_use]
    pub fn new(stream: UnixStream) -> Self {
        Channel(stream)
    }

    /// Sends a message.
    ///
    /// # Errors
    /// The other side is gone, or does not take it in time.
    pub fn send(&mut self, message: &impl Serialize) -> io::Result<()> {
        let body = serde_json::to_vec(message)?;
        let len = u32::try_from(body.len()).ok().filter(|len| *len <= MAX_LEN);
        let len = len.ok_or_else(|| io::Error::other("the message is too long"))?;
        self.0.write_all(&len.to_le_bytes())?;
        self.0.write_all(&body)
    }

    /// Receives a message.
    ///
    /// # Errors
    /// The other side is gone or does not speak the protocol.
    pub fn receive<M: DeserializeOwned>(&mut self) -> io::Result<M> {
        let mut len = [0; 4];
        self.0.read_exact(&mut len)?;
        let len = u32::from_le_bytes(len);
        if len > MAX_LEN {
            return Err(io::Error::other("the other side does not speak the protocol"));
        }
        let mut body = vec![0; len as usize];
        self.0.read_exact(&mut body)?;
        Ok(serde_json::from_slice(&body)?)
    }

    /// Sends a descriptor.
    ///
    /// # Errors
    /// The other side is gone, or does not take it in time.
    pub fn send_descriptor(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let fds = [fd];
        control.push(SendAncillaryMessage::ScmRights(&fds));
        loop {
            match sendmsg(&self.0, &[IoSlice::new(&[CARRIER])], &mut control, SendFlags::NOSIGNAL) {
                Err(Errno::INTR) => {}
                other => return other.map(drop).map_err(Into::into),
            }
        }
    }

    /// Receives a descriptor.
    ///
    /// # Errors
    /// The other side is gone or sends something else.
    pub fn receive_descriptor(&mut self) -> io::Result<OwnedFd> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut carrier = [0];
        let mut slices = [IoSliceMut::new(&mut carrier)];
        loop {
            match recvmsg(&self.0, &mut slices, &mut control, RecvFlags::CMSG_CLOEXEC) {
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
                Ok(_) => break,
            }
        }
        let mut descriptors = control.drain().filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(fds) => Some(fds),
            _ => None,
        });
        descriptors
            .next()
            .and_then(|mut fds| fds.next())
            .ok_or_else(|| io::Error::other("the other side sent no descriptor"))
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
