//! A blocking client over a Unix socket.
//!
//! [`Client::call`] is one call and its answer. [`Client::send`] and [`Client::receive`] keep several
//! going; who polls the socket along with other things calls [`Client::try_receive`] until there is
//! nothing, and polls then.

use crate::call::{Failure, Method, Request, Response};
use crate::frame::{Frame, FrameError, Inbox, Kind, Outbox};
use crate::message::Message;
use crate::wire::Malformed;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Longest path that fits into a socket's address, whose last byte is zero.
const LONGEST_ADDRESS: usize = 107;

/// Why a call has no answer.
#[derive(Debug)]
pub enum ClientError {
    /// Nobody could be reached.
    Connect {
        /// The socket.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The connection was refused by the system in the midst of its use.
    Io(io::Error),
    /// The peer has closed the connection.
    Lost,
    /// The peer does not speak ttrpc.
    Foreign(FrameError),
    /// The peer's answer is not what the method answers.
    Malformed(Malformed),
    /// The time was up. The call goes on, and its answer will be dropped.
    Timeout,
    /// The peer told a failure.
    Failed(Failure),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClientError::Connect { path, .. } => write!(f, "cannot connect to {}", path.display()),
            ClientError::Io(_) => f.write_str("the connection failed"),
            ClientError::Lost => f.write_str("the connection was closed before the answer came"),
            ClientError::Foreign(_) => f.write_str("the answer is no frame"),
            ClientError::Malformed(_) => f.write_str("the answer cannot be read"),
            ClientError::Timeout => f.write_str("the answer did not come in time"),
            ClientError::Failed(failure) => failure.fmt(f),
        }
    }
}

impl Error for ClientError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            ClientError::Connect { source, .. } | ClientError::Io(source) => Some(source),
            ClientError::Foreign(error) => Some(error),
            ClientError::Malformed(error) => Some(error),
            // A failure is shown as it is, so it is no cause of itself.
            ClientError::Lost | ClientError::Timeout | ClientError::Failed(_) => None,
        }
    }
}

/// The number of a call on its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StreamId(u32);

/// The answer of a call: the bytes of its message, or the failure that the peer told.
pub type Answer = (StreamId, Result<Vec<u8>, Failure>);

/// What a call is sent with.
#[derive(Debug, Clone, Copy, Default)]
pub struct Terms<'a> {
    /// When the caller stops waiting. The server is told as well.
    pub deadline: Option<Instant>,
    /// Keys and values along with the call.
    pub metadata: &'a [(&'a str, &'a str)],
}

/// A connection to a server.
#[derive(Debug)]
pub struct Client {
    socket: UnixStream,
    inbox: Inbox,
    /// The number of the last call.
    last: Option<StreamId>,
    /// Answers that came while another was waited for.
    ready: VecDeque<Answer>,
    /// Calls whose answers nobody wants any more.
    abandoned: Vec<StreamId>,
    ended: bool,
}

impl From<UnixStream> for Client {
    fn from(socket: UnixStream) -> Self {
        Client {
            socket,
            inbox: Inbox::default(),
            last: None,
            ready: VecDeque::new(),
            abandoned: Vec::new(),
            ended: false,
        }
    }
}

impl Client {
    /// Connects to a socket, however long its path.
    ///
    /// # Errors
    /// [`ClientError::Connect`].
    pub fn connect(path: &Path) -> Result<Self, ClientError> {
        let connected = if path.as_os_str().as_bytes().len() <= LONGEST_ADDRESS {
            UnixStream::connect(path)
        } else {
            connect_by_directory(path)
        };
        connected.map(Client::from).map_err(|source| ClientError::Connect { path: path.to_owned(), source })
    }

    /// Calls a method and waits for its answer, for ever if need be.
    ///
    /// # Errors
    /// Every [`ClientError`] but those of connecting and of time.
    pub fn call<M: Method>(&mut self, arguments: &M::Request) -> Result<M::Response, ClientError> {
        self.call_with::<M>(arguments, Terms::default())
    }

    /// As [`Client::call`], with a deadline or metadata.
    ///
    /// # Errors
    /// Every [`ClientError`] but those of connecting.
    pub fn call_with<M: Method>(
        &mut self,
        arguments: &M::Request,
        terms: Terms<'_>,
    ) -> Result<M::Response, ClientError> {
        let stream = self.send_with::<M>(arguments, terms)?;
        loop {
            if let Some(index) = self.ready.iter().position(|(found, _)| *found == stream) {
                let answer = self.ready.remove(index).ok_or(ClientError::Lost)?;
                return Self::decode::<M>(answer.1);
            }
            if !self.read()? {
                self.wait_or_abandon(stream, terms.deadline)?;
            }
        }
    }

    /// Sends a call; [`Client::receive`] gives its answer.
    ///
    /// # Errors
    /// If the connection fails, or the call is too long for it.
    pub fn send<M: Method>(&mut self, arguments: &M::Request) -> Result<StreamId, ClientError> {
        self.send_with::<M>(arguments, Terms::default())
    }

    /// As [`Client::send`]. The deadline holds for the sending, and the server is told of it.
    ///
    /// # Errors
    /// As [`Client::send`], and [`ClientError::Timeout`], after which the connection is of no use.
    pub fn send_with<M: Method>(
        &mut self,
        arguments: &M::Request,
        terms: Terms<'_>,
    ) -> Result<StreamId, ClientError> {
        let stream = match self.last {
            None => StreamId(1),
            Some(StreamId(last)) => StreamId(last.checked_add(2).ok_or(ClientError::Lost)?),
        };
        let mut request = Request::of::<M>(arguments);
        request.timeout_nanos = terms.deadline.map_or(0, nanos_until);
        request.metadata = terms.metadata.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let mut outbox = Outbox::default();
        outbox.request(stream.0, &request).map_err(|error| ClientError::Failed(error.into()))?;
        self.last = Some(stream);
        self.write(outbox, terms.deadline)?;
        Ok(stream)
    }

    /// Waits for the next answer of any call.
    ///
    /// # Errors
    /// If the connection ends or fails.
    pub fn receive(&mut self) -> Result<Answer, ClientError> {
        self.receive_until(None)
    }

    /// As [`Client::receive`], up to a deadline.
    ///
    /// # Errors
    /// As [`Client::receive`], and [`ClientError::Timeout`], after which it can be called again.
    pub fn receive_until(&mut self, deadline: Option<Instant>) -> Result<Answer, ClientError> {
        loop {
            match self.try_receive()? {
                Some(answer) => return Ok(answer),
                None => self.wait(PollFlags::IN, deadline)?,
            }
        }
    }

    /// The next answer, if it is there.
    ///
    /// # Errors
    /// As [`Client::receive`].
    pub fn try_receive(&mut self) -> Result<Option<Answer>, ClientError> {
        while self.ready.is_empty() && self.read()? {}
        Ok(self.ready.pop_front())
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// [`ClientError::Failed`] if it is a failure, [`ClientError::Malformed`] if it is not what the
    /// method answers.
    pub fn decode<M: Method>(answer: Result<Vec<u8>, Failure>) -> Result<M::Response, ClientError> {
        let payload = answer.map_err(ClientError::Failed)?;
        M::Response::decode(&payload).map_err(ClientError::Malformed)
    }

    fn write(&mut self, mut outbox: Outbox, deadline: Option<Instant>) -> Result<(), ClientError> {
        while !outbox.is_empty() {
            match send(&self.socket, outbox.pending(), SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
                Ok(sent) => outbox.advance(sent),
                Err(Errno::INTR) => {}
                // Half a frame may be out, behind which no other can follow.
                Err(Errno::AGAIN) => {
                    self.wait(PollFlags::OUT, deadline).inspect_err(|_| self.ended = true)?;
                }
                Err(Errno::PIPE | Errno::CONNRESET) => return Err(ClientError::Lost),
                Err(error) => return Err(ClientError::Io(error.into())),
            }
        }
        Ok(())
    }

    /// Takes in what has come. Says whether something had.
    fn read(&mut self) -> Result<bool, ClientError> {
        if self.ended {
            return Err(ClientError::Lost);
        }
        let mut buffer = [0; 8192];
        let length = match recv(&self.socket, &mut buffer[..], RecvFlags::DONTWAIT) {
            Ok((0, _)) | Err(Errno::CONNRESET) => {
                self.ended = true;
                return Err(ClientError::Lost);
            }
            Ok((length, _)) => length,
            Err(Errno::AGAIN) => return Ok(false),
            Err(Errno::INTR) => return Ok(true),
            Err(error) => return Err(ClientError::Io(error.into())),
        };
        let mut bytes = &buffer[..length];
        loop {
            match self.inbox.take(&mut bytes) {
                Ok(None) => return Ok(true),
                Ok(Some(frame)) => self.keep(&frame)?,
                Err(error @ FrameError::TooLong { stream, .. }) => {
                    self.settle(StreamId(stream), Err(error.into()));
                }
                Err(error @ FrameError::Foreign) => {
                    self.ended = true;
                    return Err(ClientError::Foreign(error));
                }
            }
        }
    }

    fn keep(&mut self, frame: &Frame) -> Result<(), ClientError> {
        if frame.kind == Kind::Response {
            let response = Response::decode(&frame.data).map_err(ClientError::Malformed)?;
            self.settle(StreamId(frame.stream), response.into_payload());
        }
        Ok(())
    }

    /// Keeps an answer for whoever waits for it.
    fn settle(&mut self, stream: StreamId, answer: Result<Vec<u8>, Failure>) {
        match self.abandoned.iter().position(|found| *found == stream) {
            Some(index) => drop(self.abandoned.swap_remove(index)),
            None => self.ready.push_back((stream, answer)),
        }
    }

    fn wait_or_abandon(&mut self, stream: StreamId, deadline: Option<Instant>) -> Result<(), ClientError> {
        let waited = self.wait(PollFlags::IN, deadline);
        if let Err(ClientError::Timeout) = waited {
            self.abandoned.push(stream);
        }
        waited
    }

    fn wait(&self, events: PollFlags, deadline: Option<Instant>) -> Result<(), ClientError> {
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            // A time too long to be expressed is as good as for ever.
            let left: Option<Timespec> = left.and_then(|left| left.try_into().ok());
            match poll(&mut [PollFd::new(&self.socket, events)], left.as_ref()) {
                Ok(0) => return Err(ClientError::Timeout),
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(ClientError::Io(error.into())),
            }
        }
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// By way of a descriptor of the directory, whose name in /proc is short.
fn connect_by_directory(path: &Path) -> io::Result<UnixStream> {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Errno::INVAL.into());
    };
    let directory = open(directory, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    UnixStream::connect(Path::new("/proc/self/fd").join(directory.as_raw_fd().to_string()).join(name))
}

fn nanos_until(deadline: Instant) -> i64 {
    let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1));
    i64::try_from(left.as_nanos()).unwrap_or(i64::MAX)
}
