//! The conversation with the shim, which may die and have a successor while it is about an init.

use crate::kernel::{self, Errno, Fd, Rights};
use crate::place::Place;
use crate::{MALFORMED, Role};
use linux_raw_sys::errno::{ECONNREFUSED, ECONNRESET, EPIPE};
use nexcage_handover::{FAILED_LEN, Failed, HEADER_LEN, Header, JOINED_LEN, Kind, LISTENER_LEN, Step};

/// Milliseconds before the first and, at most, between later attempts to connect again.
const FIRST_DELAY: u32 = 10;
const LAST_DELAY: u32 = 1000;

#[expect(clippy::cast_possible_truncation, reason = "the value is 8")]
const FAILED: Header = Header { kind: Kind::Failed, body_len: FAILED_LEN as u32 };

const LISTENER: Header = Header { kind: Kind::Listener, body_len: LISTENER_LEN };
const JOINED: Header = Header { kind: Kind::Joined, body_len: JOINED_LEN };

/// A connection to the shim of the moment.
#[derive(Debug)]
pub(crate) struct Connection(Fd);

/// Why a conversation stopped.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The shim is gone.
    Lost,
    /// It isn't, but there is no use in going on.
    Failed(Failed),
}

/// Why there will be no process.
#[derive(Debug)]
pub(crate) enum End {
    /// Nobody wants to start it: an init's socket has no name any more, or one that has joined a
    /// container has lost its shim.
    Abandoned,
    /// It can't be started.
    Failed(Failed),
}

impl Connection {
    /// Connects, and waits for a shim to listen as long as the socket has a name.
    pub(crate) fn open(place: &Place) -> Option<Self> {
        let mut delay = FIRST_DELAY;
        loop {
            match kernel::connect(place.socket()) {
                Ok(socket) => return Some(Connection(socket)),
                Err(Errno(ECONNREFUSED)) => kernel::sleep(delay),
                Err(_) => return None,
            }
            delay = LAST_DELAY.min(delay * 2);
        }
    }

    /// Takes the connection that this process was started with.
    pub(crate) fn inherited() -> kernel::Result<Self> {
        Fd::stdin().above_stdio().map(Connection)
    }

    /// Has the conversation with one shim after the other until one of them brings it to its end.
    pub(crate) fn persist<T>(
        &mut self,
        role: Role<'_>,
        mut converse: impl FnMut(&mut Connection) -> Result<T, Trouble>,
    ) -> Result<T, End> {
        loop {
            match converse(self) {
                Ok(outcome) => return Ok(outcome),
                Err(Trouble::Failed(failed)) => return Err(End::Failed(failed)),
                Err(Trouble::Lost) => {}
            }
            let Role::Init(place) = role else { return Err(End::Abandoned) };
            kernel::sleep(FIRST_DELAY);
            *self = Connection::open(place).ok_or(End::Abandoned)?;
        }
    }

    /// Leaves the descriptors below `first` to others.
    pub(crate) fn make_room(&mut self, first: u32) -> kernel::Result {
        self.0.make_room(first)
    }

    pub(crate) fn socket(&self) -> &Fd {
        &self.0
    }

    /// Sends a message without a body.
    pub(crate) fn send(&self, kind: Kind) -> Result<(), Trouble> {
        self.send_bytes(&Header::bare(kind).encode())
    }

    /// Says that everything before *go* is done, and hands the terminal's master over.
    pub(crate) fn send_ready(&self, master: Option<&Fd>) -> Result<(), Trouble> {
        let message = Header::bare(Kind::Ready).encode();
        let sent = match master {
            None => 0,
            Some(master) => kernel::send_with(&self.0, &message, master)?,
        };
        self.send_bytes(&message[sent..])
    }

    /// Tells the shim which process is its child in the container.
    pub(crate) fn send_joined(&self, pid: u32) -> Result<(), Trouble> {
        self.send_bytes(&with_number(JOINED, pid))
    }

    /// Tells the shim which descriptor is the filter's listener, and waits until it has passed it
    /// on. The filter must let write and read through, as under runc; so the descriptor does not
    /// travel: the shim takes it.
    pub(crate) fn announce_listener(&self, number: u32) -> kernel::Result {
        self.write_bytes(&with_number(LISTENER, number))?;
        let mut answer = [0; HEADER_LEN];
        match self.receive_body(&mut answer) {
            Ok(()) if answer == Header::bare(Kind::Go).encode() => Ok(()),
            Ok(()) | Err(Trouble::Lost) => Err(Errno(EPIPE)),
            Err(Trouble::Failed(failed)) => Err(Errno(failed.errno)),
        }
    }

    /// Tells of a failure, if anybody listens.
    pub(crate) fn report(&self, failed: Failed) {
        let mut message = [0; HEADER_LEN + FAILED_LEN];
        let (header, body) = message.split_at_mut(HEADER_LEN);
        header.copy_from_slice(&FAILED.encode());
        body.copy_from_slice(&failed.encode());
        // A filter that lets anything through lets write through.
        let _ = self.write_bytes(&message);
    }

    /// Receives a header and the descriptors that travel with it.
    pub(crate) fn receive_header(&self) -> Result<(Header, Rights), Trouble> {
        let (mut bytes, mut filled, mut rights) = ([0; HEADER_LEN], 0, Rights::None);
        while filled < HEADER_LEN {
            let (count, more) = kernel::receive(&self.0, &mut bytes[filled..])?;
            filled += received(count)?;
            rights = match (rights, more) {
                (rights, Rights::None) => rights,
                (Rights::None, more) => more,
                _ => Rights::Unexpected,
            };
        }
        let header = Header::decode(bytes).map_err(|_| MALFORMED)?;
        Ok((header, rights))
    }

    /// Receives a byte and the descriptor that travels with it.
    pub(crate) fn receive_descriptor(&self) -> Result<Fd, Trouble> {
        let (count, rights) = kernel::receive(&self.0, &mut [0])?;
        received(count)?;
        if let Rights::One(descriptor) = rights { Ok(descriptor) } else { Err(MALFORMED.into()) }
    }

    /// Receives a body of `buffer`'s length.
    pub(crate) fn receive_body(&self, mut buffer: &mut [u8]) -> Result<(), Trouble> {
        while !buffer.is_empty() {
            let count = received(kernel::read(&self.0, buffer)?)?;
            buffer = &mut buffer[count..];
        }
        Ok(())
    }

    fn write_bytes(&self, mut bytes: &[u8]) -> kernel::Result {
        while !bytes.is_empty() {
            bytes = &bytes[kernel::write(&self.0, bytes)?..];
        }
        Ok(())
    }

    fn send_bytes(&self, mut bytes: &[u8]) -> Result<(), Trouble> {
        while !bytes.is_empty() {
            bytes = &bytes[kernel::send(&self.0, bytes)?..];
        }
        Ok(())
    }
}

/// A message whose body is a number.
fn with_number(header: Header, number: u32) -> [u8; HEADER_LEN + size_of::<u32>()] {
    let mut message = [0; HEADER_LEN + size_of::<u32>()];
    let (head, body) = message.split_at_mut(HEADER_LEN);
    head.copy_from_slice(&header.encode());
    body.copy_from_slice(&number.to_le_bytes());
    message
}

/// The end of the stream is the end of the shim.
fn received(count: usize) -> Result<usize, Trouble> {
    if count == 0 { Err(Trouble::Lost) } else { Ok(count) }
}

impl From<Errno> for Trouble {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno(ECONNRESET | EPIPE) => Trouble::Lost,
            Errno(errno) => Trouble::Failed(Failed::at(Step::Receive, errno)),
        }
    }
}

impl From<Failed> for Trouble {
    fn from(failed: Failed) -> Self {
        Trouble::Failed(failed)
    }
}

impl From<Failed> for End {
    fn from(failed: Failed) -> Self {
        End::Failed(failed)
    }
}
