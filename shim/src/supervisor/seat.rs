//! A process's terminal in the shim, and who is attached to it.

use crate::error::Error;
use crate::relay::{Ends, Moved, Relay, WATCHES};
use crate::supervisor::peers::Ticket;
use crate::supervisor::streams::Streams;
use crate::terminal::Master;
use nexcage_task_api::shim::AttachResponse;
use std::os::fd::OwnedFd;

/// A terminal.
#[derive(Debug)]
pub(crate) struct Terminal {
    pub(crate) relay: Relay,
    attached: Option<Ticket>,
}

/// Somebody who wants to sit at a terminal.
#[derive(Debug)]
pub(crate) struct Attaching {
    pub(crate) ticket: Ticket,
    pub(crate) ends: Ends,
    /// The keys that end it.
    pub(crate) keys: Vec<u8>,
}

/// An attachment that has ended.
pub(crate) type Left = (Ticket, AttachResponse);

impl Terminal {
    pub(crate) fn new(master: OwnedFd) -> Result<Self, Error> {
        Ok(Terminal { relay: Relay::new(Master::check(master)?)?, attached: None })
    }

    /// The terminal of this master, if there is one, with whom the streams seat at it.
    pub(crate) fn of(master: Option<OwnedFd>, streams: &mut Streams) -> Result<Option<Self>, Error> {
        let Some(master) = master else { return Ok(None) };
        let mut terminal = Terminal::new(master)?;
        if let Some(ends) = streams.take_seat() {
            terminal.relay.seat_engine(ends);
        }
        Ok(Some(terminal))
    }

    /// Attaches a peer in place of an earlier one.
    pub(crate) fn attach(&mut self, attaching: Attaching) -> Option<Left> {
        let earlier = self.attached.replace(attaching.ticket);
        self.relay.seat(attaching.ends, attaching.keys);
        earlier.map(|ticket| (ticket, AttachResponse { detached: true }))
    }

    /// Moves what can be moved.
    pub(crate) fn serve(&mut self, ready: [bool; WATCHES]) -> Option<Left> {
        match self.relay.serve(ready) {
            Moved::On => None,
            Moved::Detached => self.attached.take().map(|ticket| (ticket, AttachResponse { detached: true })),
        }
    }

    /// A connection has ended, and its attachment with it.
    pub(crate) fn forget(&mut self, peer: u64) {
        if self.attached.is_some_and(|ticket| ticket.peer == peer) {
            self.attached = None;
            self.relay.leave();
        }
    }

    /// The terminal is over.
    pub(crate) fn end(mut self) -> Option<Left> {
        self.attached.take().map(|ticket| (ticket, AttachResponse { detached: false }))
    }
}
