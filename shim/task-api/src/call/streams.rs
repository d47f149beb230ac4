//! What a server holds a connection's frames against.

use super::{Code, Failure, Request};
use crate::frame::{Frame, Kind};
use crate::message::Message;

/// The streams of one connection: a client numbers its calls with odd, growing numbers.
#[derive(Debug, Default)]
pub struct Streams {
    last: u32,
}

impl Streams {
    /// The call in a frame; none if the frame has a kind that is not for a server, to be ignored.
    ///
    /// # Errors
    /// What the stream of this frame is to be answered.
    pub fn request(&mut self, frame: &Frame) -> Result<Option<Request>, Failure> {
        let refused = |why: &str| Err(Failure::new(Code::InvalidArgument, why));
        match frame.kind {
            Kind::Request | Kind::Data if frame.stream % 2 == 0 => {
                refused("the number of the stream is even")
            }
            Kind::Data => refused("no method takes a stream of data"),
            Kind::Request if frame.stream <= self.last => refused("the number of the stream does not grow"),
            Kind::Request => {
                self.last = frame.stream;
                let request = Request::decode(&frame.data);
                request.map(Some).map_err(|error| Failure::unreadable("the request", error))
            }
            Kind::Response | Kind::Other(_) => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(stream: u32, kind: Kind) -> Frame {
        Frame { stream, kind, flags: 0, data: vec![0x12, 1, b'm'] }
    }

    #[test]
    fn calls_have_odd_growing_numbers() {
        let mut streams = Streams::default();
        for (stream, good) in
            [(1, true), (1, false), (3, true), (2, false), (9, true), (5, false), (0, false)]
        {
            let request = streams.request(&frame(stream, Kind::Request));
            let method = request.map(|request| request.unwrap().method).map_err(|failure| failure.code);
            assert_eq!(
                method,
                if good { Ok("m".to_owned()) } else { Err(Code::InvalidArgument) },
                "{stream}"
            );
        }
    }

    #[test]
    fn only_requests_are_calls() {
        let mut streams = Streams::default();
        assert_eq!(streams.request(&frame(1, Kind::Response)), Ok(None));
        assert_eq!(streams.request(&frame(2, Kind::Other(9))), Ok(None));
        assert!(streams.request(&frame(1, Kind::Data)).is_err());
    }

    #[test]
    fn a_request_that_cannot_be_read_is_answered() {
        let bad = Frame { data: vec![0xff], ..frame(1, Kind::Request) };
        let failure = Streams::default().request(&bad).unwrap_err();
        assert_eq!(failure.code, Code::InvalidArgument);
    }
}
