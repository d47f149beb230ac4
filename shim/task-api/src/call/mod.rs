//! Calls: what is in a frame.

mod code;
pub mod method;
mod streams;

pub use code::{Code, Failure};
pub use method::{Call, Method};
pub use streams::Streams;

use crate::message::Message;
use std::time::Duration;

messages! {
    /// A call, as a request frame has it.
    struct Request {
        1 service: String,
        2 method: String,
        /// The method's own message.
        3 payload: Vec<u8>,
        /// How long the caller waits; 0 for ever.
        4 timeout_nanos: i64,
        /// Keys, which may repeat, and values.
        5 metadata: Vec<(String, String)>,
    }

    /// What became of a call, as a response frame has it.
    struct Response {
        /// May be missing if all is well.
        1 status: Option<Status>,
        /// The method's own message.
        2 payload: Vec<u8>,
    }

    /// google.rpc.Status.
    struct Status {
        /// A [`Code`]'s number.
        1 code: i32,
        2 message: String,
    }
}

impl Request {
    /// A call of a method.
    #[must_use]
    pub fn of<M: Method>(arguments: &M::Request) -> Self {
        Request {
            service: M::SERVICE.to_owned(),
            method: M::METHOD.to_owned(),
            payload: arguments.to_bytes(),
            ..Request::default()
        }
    }

    /// How long the caller waits, if it said so.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        u64::try_from(self.timeout_nanos).ok().filter(|nanos| *nanos > 0).map(Duration::from_nanos)
    }

    /// The first value of a key of the metadata.
    #[must_use]
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.metadata.iter().find(|(found, _)| found == key).map(|(_, value)| value.as_str())
    }
}

impl Response {
    /// The answer of a call that did what it should.
    #[must_use]
    pub fn of(answer: &impl Message) -> Self {
        Response { status: None, payload: answer.to_bytes() }
    }

    /// The payload, or why there is none.
    ///
    /// # Errors
    /// The failure that the response tells.
    pub fn into_payload(self) -> Result<Vec<u8>, Failure> {
        match self.status {
            Some(status) if status.code != Code::Ok.number() => {
                Err(Failure::new(Code::from_number(status.code), status.message))
            }
            _ => Ok(self.payload),
        }
    }
}

impl From<Failure> for Response {
    fn from(failure: Failure) -> Self {
        let status = Status { code: failure.code.number(), message: failure.message };
        Response { status: Some(status), payload: Vec::new() }
    }
}

impl<M: Message> From<Result<M, Failure>> for Response {
    fn from(result: Result<M, Failure>) -> Self {
        result.map_or_else(Response::from, |answer| Response::of(&answer))
    }
}
