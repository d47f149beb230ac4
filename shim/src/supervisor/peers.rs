//! Who talks to the shim: connections, what has come over them, and what goes back.

use crate::error::Error;
use crate::wait::Watch;
use nexcage_task_api::call::{Request, Response, Streams};
use nexcage_task_api::frame::{FrameError, Inbox, Outbox};
use rustix::io::Errno;
use rustix::net::sockopt::socket_peercred;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

/// Most connections at a time; who comes then waits in the socket's queue.
const MOST: usize = 512;
/// Most bytes of answers that a peer may leave unread before nothing more is read from it.
const MOST_UNREAD: usize = 8 << 20;
/// How much is read at once.
const CHUNK: usize = 16 << 10;

/// A connection's number, never used twice.
pub(crate) type PeerId = u64;

/// A call that waits for its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) peer: PeerId,
    stream: u32,
}

/// All connections.
#[derive(Debug)]
pub(crate) struct Peers {
    listener: UnixListener,
    peers: Vec<Peer>,
    last: PeerId,
}

#[derive(Debug)]
struct Peer {
    id: PeerId,
    stream: UnixStream,
    pid: Pid,
    inbox: Inbox,
    outbox: Outbox,
    streams: Streams,
    gone: bool,
}

impl Peers {
    pub(crate) fn new(listener: UnixListener) -> Result<Self, Error> {
        listener.set_nonblocking(true).map_err(Error::system("prepare the shim's socket"))?;
        Ok(Peers { listener, peers: Vec::new(), last: 0 })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }

    /// What to wait for on the socket itself.
    pub(crate) fn listening(&self) -> Watch<'_> {
        if self.peers.len() < MOST { Watch::Readable(self.listener.as_fd()) } else { Watch::Nothing }
    }

    /// What to wait for, for each connection: something to read, then room to write.
    pub(crate) fn watches(&self) -> impl Iterator<Item = (PeerId, [Watch<'_>; 2])> {
        self.peers.iter().map(|peer| {
            let fd = peer.stream.as_fd();
            let full = peer.outbox.pending().len() > MOST_UNREAD;
            let read = if full { Watch::HungUp(fd) } else { Watch::Readable(fd) };
            (peer.id, [read, if peer.outbox.is_empty() { Watch::Nothing } else { Watch::Writable(fd) }])
        })
    }

    /// Takes everyone who waits, but only root and the shim's own user.
    pub(crate) fn accept(&mut self) {
        while self.peers.len() < MOST {
            let Ok((stream, _)) = self.listener.accept() else { return };
            let Ok(credentials) = socket_peercred(&stream) else { continue };
            if !credentials.uid.is_root() && credentials.uid != rustix::process::geteuid() {
                log::warn!("a connection of user {} is refused", credentials.uid.as_raw());
                continue;
            }
            if stream.set_nonblocking(true).is_ok() {
                self.last += 1;
                self.peers.push(Peer {
                    id: self.last,
                    stream,
                    pid: credentials.pid,
                    inbox: Inbox::default(),
                    outbox: Outbox::default(),
                    streams: Streams::default(),
                    gone: false,
                });
            }
        }
    }

    /// Reads what has come from a peer and gives its calls.
    pub(crate) fn read(&mut self, id: PeerId) -> Vec<(Ticket, Request)> {
        let Some(peer) = self.peers.iter_mut().find(|peer| peer.id == id) else { return Vec::new() };
        let mut buffer = [0; CHUNK];
        match recv(&peer.stream, &mut buffer[..], RecvFlags::DONTWAIT) {
            Ok((0, _)) => peer.gone = true,
            Ok((count, _)) => return peer.take(&buffer[..count]),
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(_) => peer.gone = true,
        }
        Vec::new()
    }

    /// Writes what a peer takes.
    pub(crate) fn write(&mut self, id: PeerId) {
        if let Some(peer) = self.peers.iter_mut().find(|peer| peer.id == id) {
            peer.flush();
        }
    }

    /// Answers a call; a peer that has gone needs no answer.
    pub(crate) fn answer(&mut self, ticket: Ticket, response: Response) {
        if let Some(peer) = self.peers.iter_mut().find(|peer| peer.id == ticket.peer) {
            peer.outbox.respond(ticket.stream, response);
            peer.flush();
        }
    }

    /// Forgets the connections that have ended, and gives their numbers.
    pub(crate) fn gone(&mut self) -> Vec<PeerId> {
        let gone = self.peers.iter().filter(|peer| peer.gone).map(|peer| peer.id).collect();
        self.peers.retain(|peer| !peer.gone);
        if self.peers.is_empty() {
            self.peers.shrink_to(0);
        }
        gone
    }

    /// Copies of descriptors of a peer's process, by their numbers there.
    pub(crate) fn descriptors(&self, id: PeerId, numbers: &[i32]) -> io::Result<Vec<OwnedFd>> {
        let peer = self.peers.iter().find(|peer| peer.id == id).ok_or(io::ErrorKind::NotConnected)?;
        let pidfd = pidfd_open(peer.pid, PidfdFlags::empty())?;
        // Still connected after the pidfd was opened: the process is the peer, not a later one.
        let connected = crate::wait::wait([Watch::HungUp(peer.stream.as_fd())], now());
        if !matches!(connected, Ok([false])) {
            return Err(io::ErrorKind::NotConnected.into());
        }
        let take = |number: &i32| Ok(pidfd_getfd(&pidfd, *number, PidfdGetfdFlags::empty())?);
        numbers.iter().map(take).collect()
    }

    /// Sends what can be sent before the end.
    pub(crate) fn finish(&mut self) {
        for peer in &mut self.peers {
            // Whoever has not read his answers by now is not waited for long.
            drop(peer.stream.set_nonblocking(false));
            drop(peer.stream.set_write_timeout(Some(Duration::from_secs(1))));
            peer.flush();
        }
    }
}

fn now() -> crate::wait::Deadline {
    crate::wait::Deadline::after(Duration::ZERO)
}

impl Peer {
    fn take(&mut self, mut bytes: &[u8]) -> Vec<(Ticket, Request)> {
        let mut calls = Vec::new();
        loop {
            match self.inbox.take(&mut bytes) {
                Ok(None) => break,
                Ok(Some(frame)) => match self.streams.request(&frame) {
                    Ok(Some(request)) => {
                        calls.push((Ticket { peer: self.id, stream: frame.stream }, request));
                    }
                    Ok(None) => {}
                    Err(failure) => self.outbox.respond(frame.stream, failure),
                },
                Err(error @ FrameError::TooLong { stream, .. }) => {
                    self.outbox.respond(stream, nexcage_task_api::Failure::from(error));
                }
                Err(FrameError::Foreign) => {
                    self.gone = true;
                    break;
                }
            }
        }
        self.flush();
        calls
    }

    fn flush(&mut self) {
        while !self.outbox.is_empty() {
            match send(&self.stream, self.outbox.pending(), SendFlags::NOSIGNAL) {
                Ok(sent) => self.outbox.advance(sent),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                Err(_) => {
                    self.gone = true;
                    return;
                }
            }
        }
    }
}
