//! Events on their way to an engine: in their order, each until it is taken, and never in the way of
//! anything else. An engine may be gone for a while.

use crate::supervisor::Supervisor;
use crate::wait::{Deadline, Watch, wait};
use nexcage_task_api::call::Response;
use nexcage_task_api::events::{Envelope, ForwardRequest};
use nexcage_task_api::frame::{Inbox, Kind, Outbox};
use nexcage_task_api::method::Forward;
use nexcage_task_api::shim::{Event, NAMESPACE_KEY};
use nexcage_task_api::{Message as _, Request};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recv, send,
    socket_with,
};
use std::collections::VecDeque;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

/// Most events that wait; beyond that the oldest are lost.
const MOST: usize = 1024;
/// How long the first try to reach an engine again waits, and the longest that any does.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long an engine may take to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// How long the end of a shim waits for its last events to be taken.
const LAST: Duration = Duration::from_secs(2);

/// See the module.
#[derive(Debug)]
pub(super) struct Forwarder {
    engine: PathBuf,
    namespace: String,
    waiting: VecDeque<Event>,
    connection: Option<Connection>,
    pause: Duration,
    /// When to try again, or to give the connection up.
    next: Deadline,
}

#[derive(Debug)]
struct Connection {
    socket: OwnedFd,
    inbox: Inbox,
    outbox: Outbox,
    /// The call of the first event that waits.
    stream: Option<u32>,
    last: u32,
}

impl Forwarder {
    pub(super) fn new(engine: PathBuf, namespace: String) -> Self {
        Forwarder {
            engine,
            namespace,
            waiting: VecDeque::new(),
            connection: None,
            pause: FIRST_PAUSE,
            next: Deadline::NEVER,
        }
    }

    pub(super) fn add(&mut self, event: Event) {
        if self.waiting.len() == MOST {
            // The first may be on its way.
            self.waiting.remove(1);
        }
        self.waiting.push_back(event);
        self.go_on();
    }

    /// What to wait for: something to read, then room to write.
    pub(super) fn watches(&self) -> [Watch<'_>; 2] {
        let Some(connection) = &self.connection else { return [Watch::Nothing, Watch::Nothing] };
        let fd = connection.socket.as_fd();
        let write = if connection.outbox.is_empty() { Watch::Nothing } else { Watch::Writable(fd) };
        [Watch::Readable(fd), write]
    }

    pub(super) fn deadline(&self) -> Deadline {
        if self.waiting.is_empty() { Deadline::NEVER } else { self.next }
    }

    /// Does what can be done without waiting.
    pub(super) fn go_on(&mut self) {
        if self.connection.is_some() && !self.serve() {
            self.fail();
        }
        if self.waiting.is_empty() {
            self.waiting.shrink_to(0);
            return;
        }
        if self.next.is_over() && self.connection.is_some() {
            log::warn!("the engine does not take an event");
            self.fail();
        }
        let may_try = self.connection.is_some() || self.next.left() == Duration::MAX || self.next.is_over();
        if may_try && !self.begin() {
            self.fail();
        }
    }

    fn fail(&mut self) {
        self.connection = None;
        self.next = Deadline::after(self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    /// Calls with the first event, unless that has been done; false if it cannot be.
    fn begin(&mut self) -> bool {
        if self.connection.is_none() {
            let Ok(connection) = Connection::new(&self.engine) else { return false };
            self.connection = Some(connection);
        }
        let (Some(connection), Some(event)) = (&mut self.connection, self.waiting.front()) else {
            return true;
        };
        if connection.stream.is_some() {
            return true;
        }
        self.next = Deadline::after(ANSWER);
        let envelope = Envelope {
            timestamp: event.at.clone(),
            namespace: self.namespace.clone(),
            topic: event.topic.clone(),
            event: event.event.clone(),
        };
        let mut request = Request::of::<Forward>(&ForwardRequest { envelope: Some(envelope) });
        request.metadata.push((NAMESPACE_KEY.to_owned(), self.namespace.clone()));
        connection.call(&request) && connection.flush()
    }

    /// Reads and writes; false if the connection is of no more use.
    fn serve(&mut self) -> bool {
        let Some(connection) = &mut self.connection else { return true };
        let (alive, answers) = connection.read();
        for answer in answers {
            if let Err(failure) = answer.into_payload() {
                log::warn!("the engine refuses an event: {failure}");
            }
            self.waiting.pop_front();
            self.pause = FIRST_PAUSE;
            self.next = Deadline::NEVER;
        }
        alive && connection.flush()
    }

    /// Waits for the last events to be taken, though not for long.
    pub(super) fn finish(&mut self) {
        let deadline = Deadline::after(LAST);
        while !self.waiting.is_empty() && !deadline.is_over() {
            if wait(self.watches(), deadline.or_earlier(self.deadline())).is_err() {
                return;
            }
            self.go_on();
        }
    }
}

impl Connection {
    fn new(engine: &std::path::Path) -> rustix::io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        connect(&socket, &SocketAddrUnix::new(engine)?)?;
        let (inbox, outbox) = (Inbox::default(), Outbox::default());
        Ok(Connection { socket, inbox, outbox, stream: None, last: 0 })
    }

    fn call(&mut self, request: &Request) -> bool {
        // Streams of a client are odd.
        let stream = if self.last == 0 { 1 } else { self.last.wrapping_add(2) };
        (self.last, self.stream) = (stream, Some(stream));
        self.outbox.request(stream, request).is_ok()
    }

    /// What has been answered to the call, and whether the connection goes on.
    fn read(&mut self) -> (bool, Vec<Response>) {
        let mut answers = Vec::new();
        let mut buffer = [0; 1024];
        loop {
            let count = match recv(&self.socket, &mut buffer[..], RecvFlags::DONTWAIT) {
                Ok((0, _)) => return (false, answers),
                Ok((count, _)) => count,
                Err(Errno::INTR) => continue,
                Err(errno) => return (errno == Errno::AGAIN, answers),
            };
            let mut bytes = &buffer[..count];
            loop {
                match self.inbox.take(&mut bytes) {
                    Ok(None) => break,
                    Ok(Some(frame)) if frame.kind == Kind::Response && self.stream == Some(frame.stream) => {
                        self.stream = None;
                        answers.extend(Response::decode(&frame.data));
                    }
                    Ok(Some(_)) => {}
                    Err(_) => return (false, answers),
                }
            }
        }
    }

    fn flush(&mut self) -> bool {
        while !self.outbox.is_empty() {
            match send(&self.socket, self.outbox.pending(), SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
                Ok(sent) => self.outbox.advance(sent),
                Err(Errno::INTR) => {}
                Err(errno) => return errno == Errno::AGAIN,
            }
        }
        true
    }
}

impl Supervisor {
    /// Has an engine be told what happens, at its socket.
    pub(crate) fn forward_events(&mut self, engine: PathBuf) {
        self.events.forwarder = Some(Forwarder::new(engine, self.site.namespace.to_string()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexcage_task_api::call::Streams;
    use nexcage_task_api::{Code, Empty, Failure};
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::{UnixListener, UnixStream};

    fn event(number: u64) -> Event {
        Event { number, topic: format!("/{number}"), ..Event::default() }
    }

    /// Drives a forwarder until something is so.
    fn drive(forwarder: &mut Forwarder, mut is_so: impl FnMut(&mut Forwarder) -> bool) {
        let limit = Deadline::after(Duration::from_secs(20));
        while !is_so(forwarder) {
            assert!(!limit.is_over(), "not so in time: {forwarder:?}");
            let soon = Deadline::after(Duration::from_millis(5)).or_earlier(forwarder.deadline());
            wait(forwarder.watches(), soon).unwrap();
            forwarder.go_on();
        }
    }

    /// An engine's end of a connection, which takes one event at a time.
    struct Engine(UnixStream, Inbox, Streams);

    impl Engine {
        fn accept(listener: &UnixListener) -> Option<Self> {
            let (stream, _) = listener.accept().ok()?;
            stream.set_nonblocking(true).unwrap();
            Some(Engine(stream, Inbox::default(), Streams::default()))
        }

        /// The topic of an event that has come, and its answer is sent.
        fn take(&mut self, answer: Response) -> Option<String> {
            let mut buffer = [0; 4096];
            let count = self.0.read(&mut buffer).ok()?;
            let frame = self.1.take(&mut &buffer[..count]).unwrap()?;
            let request = self.2.request(&frame).unwrap()?;
            assert_eq!(request.metadata(NAMESPACE_KEY), Some("ns"));
            let mut outbox = Outbox::default();
            outbox.respond(frame.stream, answer);
            self.0.write_all(outbox.pending()).unwrap();
            Some(ForwardRequest::decode(&request.payload).unwrap().envelope.unwrap().topic)
        }
    }

    fn served() -> (tempfile::TempDir, UnixListener, Forwarder) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("events");
        let listener = UnixListener::bind(&path).unwrap();
        listener.set_nonblocking(true).unwrap();
        (directory, listener, Forwarder::new(path, "ns".into()))
    }

    #[test]
    fn events_come_in_their_order_one_at_a_time_and_a_refused_one_is_not_sent_again() {
        let (_directory, listener, mut forwarder) = served();
        (1..=3).for_each(|number| forwarder.add(event(number)));
        let (mut engine, mut came) = (None, Vec::new());
        drive(&mut forwarder, |forwarder| {
            engine = engine.take().or_else(|| Engine::accept(&listener));
            let answer = match came.len() {
                1 => Response::from(Failure::new(Code::Unknown, "no")),
                _ => Response::of(&Empty {}),
            };
            came.extend(engine.as_mut().and_then(|engine| engine.take(answer)));
            forwarder.waiting.is_empty()
        });
        assert_eq!(came, ["/1", "/2", "/3"]);
        assert!(matches!(forwarder.deadline().left(), Duration::MAX), "nothing is waited for");
    }

    #[test]
    fn an_engine_that_goes_before_it_answers_gets_the_event_again_and_one_that_comes_late_gets_all() {
        let (directory, listener, mut forwarder) = served();
        forwarder.add(event(1));
        let mut engine = None;
        drive(&mut forwarder, |_| {
            engine = engine.take().or_else(|| Engine::accept(&listener));
            engine.is_some()
        });
        drop((engine, listener));
        let path = directory.path().join("events");
        std::fs::remove_file(&path).unwrap();
        forwarder.go_on();
        forwarder.add(event(2));
        assert_eq!(forwarder.waiting.len(), 2);
        let listener = UnixListener::bind(&path).unwrap();
        listener.set_nonblocking(true).unwrap();
        let (mut engine, mut came) = (None, Vec::new());
        drive(&mut forwarder, |forwarder| {
            engine = engine.take().or_else(|| Engine::accept(&listener));
            came.extend(engine.as_mut().and_then(|engine| engine.take(Response::of(&Empty {}))));
            forwarder.waiting.is_empty()
        });
        assert_eq!(came, ["/1", "/2"]);
    }

    #[test]
    fn what_waits_is_bounded_and_the_newest_are_kept() {
        let mut forwarder = Forwarder::new("/no/such/engine".into(), "ns".into());
        let most = u64::try_from(MOST).unwrap();
        (1..=most + 5).for_each(|number| forwarder.add(event(number)));
        assert_eq!(forwarder.waiting.len(), MOST);
        let numbers: Vec<u64> = forwarder.waiting.iter().map(|event| event.number).collect();
        assert_eq!(
            (numbers[0], numbers[1], numbers[MOST - 1]),
            (1, 7, most + 5),
            "the first may be on its way"
        );
        assert!(forwarder.pause <= LONGEST_PAUSE && forwarder.deadline().left() <= LONGEST_PAUSE);
    }
}
