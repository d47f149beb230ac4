//! ttrpc's frames: a header of ten bytes, and data.

use crate::call::{Failure, Request, Response};
use crate::message::Message;
use std::error::Error;
use std::fmt;

/// Most data that a frame may have.
pub const LONGEST: usize = 4 << 20;
/// The header: length, stream (both big-endian), kind, flags.
const HEADER: usize = 10;
/// ttrpc reserves a length's first byte, so one that uses it is no length: nobody speaks ttrpc there.
const RESERVED: u32 = 1 << 24;
/// An outbox keeps no more than this when everything was sent.
const KEPT: usize = 4096;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Begins a stream: a [`Request`].
    Request,
    /// Ends a stream: a [`Response`].
    Response,
    /// A message of a stream that has several.
    Data,
    /// Something of a later version.
    Other(u8),
}

impl Kind {
    fn from_number(number: u8) -> Self {
        match number {
            1 => Kind::Request,
            2 => Kind::Response,
            3 => Kind::Data,
            other => Kind::Other(other),
        }
    }

    fn number(self) -> u8 {
        match self {
            Kind::Request => 1,
            Kind::Response => 2,
            Kind::Data => 3,
            Kind::Other(other) => other,
        }
    }
}

/// A frame that has come whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The number of the call that it belongs to.
    pub stream: u32,
    /// What it is.
    pub kind: Kind,
    /// Depends on the kind.
    pub flags: u8,
    /// What is in it.
    pub data: Vec<u8>,
}

/// Why there is no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameError {
    /// A frame with too much data. The data are gone, and the connection can go on.
    TooLong {
        /// The call to be told.
        stream: u32,
        /// How much it was.
        length: usize,
    },
    /// This is not ttrpc: the connection is to be closed.
    Foreign,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::TooLong { length, .. } => {
                write!(f, "a message of {length} bytes is longer than {LONGEST}")
            }
            FrameError::Foreign => f.write_str("the peer does not speak ttrpc"),
        }
    }
}

impl Error for FrameError {}

/// Makes frames of bytes as they come. While nothing has come it has no memory of its own, and
/// never more than twice what has.
#[derive(Debug, Default)]
pub struct Inbox {
    header: [u8; HEADER],
    /// How much of the header has come.
    filled: usize,
    data: Vec<u8>,
    /// How much of the data has come, whether it is kept or not.
    seen: usize,
}

impl Inbox {
    /// Takes bytes off the front, up to the end of a frame; none if all are taken and the frame is not
    /// whole. So it is called until there is none.
    ///
    /// # Errors
    /// [`FrameError::TooLong`] when the end of such a frame has come, after which it goes on, and
    /// [`FrameError::Foreign`], after which it does not.
    pub fn take(&mut self, bytes: &mut &[u8]) -> Result<Option<Frame>, FrameError> {
        let wanted = HEADER - self.filled;
        let (header, rest) = bytes.split_at(wanted.min(bytes.len()));
        self.header[self.filled..][..header.len()].copy_from_slice(header);
        self.filled += header.len();
        *bytes = rest;
        if self.filled < HEADER {
            return Ok(None);
        }
        let [a, b, c, d, e, f, g, h, kind, flags] = self.header;
        let (length, stream) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
        if length >= RESERVED {
            return Err(FrameError::Foreign);
        }
        let length = length as usize;
        let (data, rest) = bytes.split_at((length - self.seen).min(bytes.len()));
        *bytes = rest;
        self.seen += data.len();
        if length <= LONGEST {
            self.keep(data, length);
        }
        if self.seen < length {
            return Ok(None);
        }
        let data = std::mem::take(self).data;
        if length > LONGEST {
            return Err(FrameError::TooLong { stream, length });
        }
        Ok(Some(Frame { stream, kind: Kind::from_number(kind), flags, data }))
    }

    /// Whether a frame has begun and not ended.
    #[must_use]
    pub fn is_amid(&self) -> bool {
        self.filled > 0
    }

    /// Grows by doubling, but not past the end of the frame.
    fn keep(&mut self, data: &[u8], length: usize) {
        if self.data.capacity() - self.data.len() < data.len() {
            let missing = length - self.data.len();
            self.data.reserve_exact(data.len().max(self.data.len()).min(missing));
        }
        self.data.extend_from_slice(data);
    }
}

/// Frames on their way out, as bytes.
#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    sent: usize,
}

impl Outbox {
    /// Puts a request in.
    ///
    /// # Errors
    /// If it is too long for a frame.
    pub fn request(&mut self, stream: u32, request: &Request) -> Result<(), FrameError> {
        self.push(stream, Kind::Request, request)
    }

    /// Puts a response in; in the place of one that is too long, a failure that says so.
    pub fn respond(&mut self, stream: u32, response: impl Into<Response>) {
        if let Err(error) = self.push(stream, Kind::Response, &response.into()) {
            // This one is short.
            let _ = self.push(stream, Kind::Response, &Response::from(Failure::from(error)));
        }
    }

    /// What is to be written.
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        &self.bytes[self.sent..]
    }

    /// Notes that so much of it was written.
    pub fn advance(&mut self, written: usize) {
        self.sent = (self.sent + written).min(self.bytes.len());
        if self.sent == self.bytes.len() {
            self.bytes.clear();
            self.bytes.shrink_to(KEPT);
            self.sent = 0;
        }
    }

    /// Whether nothing is to be written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pending().is_empty()
    }

    fn push(&mut self, stream: u32, kind: Kind, message: &impl Message) -> Result<(), FrameError> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; HEADER]);
        message.encode(&mut self.bytes);
        let length = self.bytes.len() - start - HEADER;
        let Some(announced) = u32::try_from(length).ok().filter(|_| length <= LONGEST) else {
            self.bytes.truncate(start);
            return Err(FrameError::TooLong { stream, length });
        };
        let header = &mut self.bytes[start..][..HEADER];
        header[..4].copy_from_slice(&announced.to_be_bytes());
        header[4..8].copy_from_slice(&stream.to_be_bytes());
        header[8] = kind.number();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn raw(length: u32, stream: u32, kind: u8, data: &[u8]) -> Vec<u8> {
        [&length.to_be_bytes()[..], &stream.to_be_bytes(), &[kind, 0], data].concat()
    }

    /// All that an inbox makes of bytes that come in these pieces, up to what ends the connection.
    fn feed<'a>(
        inbox: &mut Inbox,
        pieces: impl IntoIterator<Item = &'a [u8]>,
    ) -> Vec<Result<Frame, FrameError>> {
        let mut made = Vec::new();
        for mut piece in pieces {
            while let Some(next) = inbox.take(&mut piece).transpose() {
                let last = next == Err(FrameError::Foreign);
                made.push(next);
                if last {
                    return made;
                }
            }
            assert!(piece.is_empty());
        }
        made
    }

    #[test]
    fn a_frame_is_read_as_the_protocol_has_it() {
        let bytes = [0, 0, 0, 3, 0, 0, 1, 2, 2, 7, b'a', b'b', b'c'];
        let mut inbox = Inbox::default();
        let made = feed(&mut inbox, [&bytes[..]]);
        assert_eq!(
            made,
            [Ok(Frame { stream: 0x102, kind: Kind::Response, flags: 7, data: b"abc".to_vec() })]
        );
        assert!(!inbox.is_amid());
        assert_eq!(feed(&mut inbox, [&bytes[..5]]), []);
        assert!(inbox.is_amid());
    }

    #[test]
    fn an_empty_frame_is_whole_with_its_header() {
        let made = feed(&mut Inbox::default(), [&raw(0, 1, 1, b"")[..]]);
        assert!(matches!(&made[..], [Ok(frame)] if frame.data.is_empty()));
    }

    #[test]
    fn a_request_is_written_as_the_protocol_has_it() {
        let mut outbox = Outbox::default();
        let request = Request { service: "s".into(), method: "m".into(), ..Request::default() };
        outbox.request(5, &request).unwrap();
        assert_eq!(outbox.pending(), [0, 0, 0, 6, 0, 0, 0, 5, 1, 0, 0x0a, 1, b's', 0x12, 1, b'm']);
        outbox.advance(10);
        assert_eq!(outbox.pending(), [0x0a, 1, b's', 0x12, 1, b'm']);
        outbox.advance(6);
        assert!(outbox.is_empty());
    }

    #[test]
    fn a_frame_of_the_greatest_length_passes_and_a_longer_one_is_told_and_skipped() {
        let mut inbox = Inbox::default();
        let longest = u32::try_from(LONGEST).unwrap();
        let data = vec![7; LONGEST];
        let made = feed(&mut inbox, raw(longest, 1, 1, &data).chunks(65_536));
        assert!(matches!(&made[..], [Ok(frame)] if frame.data == data));
        let mut bytes = raw(longest + 1, 3, 1, &data);
        bytes.push(0);
        bytes.extend(raw(1, 5, 1, b"x"));
        let made = feed(&mut inbox, bytes.chunks(65_536));
        assert!(matches!(&made[..], [
            Err(FrameError::TooLong { stream: 3, length }),
            Ok(Frame { stream: 5, .. }),
        ] if *length == LONGEST + 1));
    }

    #[test]
    fn what_is_not_ttrpc_is_noticed_at_its_header() {
        let made = feed(&mut Inbox::default(), [&b"GET / HTTP/1.1\r\n"[..]]);
        assert_eq!(made, [Err(FrameError::Foreign)]);
    }

    #[test]
    fn an_announced_length_takes_no_memory() {
        let mut inbox = Inbox::default();
        assert_eq!(feed(&mut inbox, [&raw(4 << 20, 1, 1, b"0123456789")[..]]), []);
        assert!(inbox.data.capacity() <= 20, "{}", inbox.data.capacity());
        // What is skipped is not kept either.
        let mut inbox = Inbox::default();
        assert_eq!(feed(&mut inbox, [&raw(8 << 20, 1, 1, &[0; 4096])[..]]), []);
        assert_eq!(inbox.data.capacity(), 0);
    }

    #[test]
    fn a_response_that_is_too_long_becomes_a_failure() {
        let mut outbox = Outbox::default();
        outbox.respond(9, Response { status: None, payload: vec![0; LONGEST] });
        let made = feed(&mut Inbox::default(), [outbox.pending()]);
        let [Ok(frame)] = &made[..] else { panic!("{made:?}") };
        let failure = Response::decode(&frame.data).unwrap().into_payload().unwrap_err();
        assert_eq!((frame.stream, failure.code), (9, crate::Code::ResourceExhausted));
        let request = Request { payload: vec![0; LONGEST], ..Request::default() };
        assert!(matches!(outbox.request(1, &request), Err(FrameError::TooLong { stream: 1, .. })));
    }

    #[test]
    fn an_outbox_gives_its_memory_back() {
        let mut outbox = Outbox::default();
        outbox.respond(1, Response { status: None, payload: vec![0; 100_000] });
        outbox.advance(outbox.pending().len());
        assert!(outbox.bytes.capacity() <= KEPT);
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(
            frames in prop::collection::vec((any::<u32>(), 0..6u8, prop::collection::vec(any::<u8>(), 0..80)), 0..6),
            garbage in prop::collection::vec(any::<u8>(), 0..30),
            cuts in prop::collection::vec(1..40usize, 1..100),
        ) {
            let mut bytes = Vec::new();
            for (stream, kind, data) in &frames {
                bytes.extend(raw(u32::try_from(data.len()).unwrap(), *stream, *kind, data));
            }
            bytes.extend(garbage);
            let whole = feed(&mut Inbox::default(), [&bytes[..]]);
            let mut pieces = Vec::new();
            let mut rest = &bytes[..];
            for cut in cuts.iter().cycle() {
                let (piece, left) = rest.split_at((*cut).min(rest.len()));
                pieces.push(piece);
                rest = left;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(&feed(&mut Inbox::default(), pieces), &whole);
            prop_assert!(whole.len() >= frames.len());
            for ((stream, kind, data), made) in frames.iter().zip(&whole) {
                let made = made.as_ref().unwrap();
                prop_assert_eq!((made.stream, made.kind.number(), &made.data), (*stream, *kind, data));
            }
        }
    }
}
