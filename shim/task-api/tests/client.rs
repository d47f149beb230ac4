//! The client against a server that is made of the same parts as the shim's.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use nexcage_task_api::call::Streams;
use nexcage_task_api::client::Terms;
use nexcage_task_api::frame::{Inbox, Outbox};
use nexcage_task_api::task::{
    StartRequest, StartResponse, StateRequest, StateResponse, WaitRequest, WaitResponse,
};
use nexcage_task_api::{Call, Client, ClientError, Code, Failure, Message, Request, Response, method};
use std::error::Error;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;
use std::time::{Duration, Instant};

/// A connection to a server that answers every call at once by this function; where it gives nothing,
/// the answer comes after that of the next call.
fn serve(mut answer: impl FnMut(&Request, Call) -> Option<Response> + Send + 'static) -> Client {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    thread::spawn(move || {
        let (mut inbox, mut outbox, mut streams) = (Inbox::default(), Outbox::default(), Streams::default());
        let mut late = Vec::new();
        let mut buffer = [0; 7];
        while let Ok(length @ 1..) = theirs.read(&mut buffer) {
            let mut bytes = &buffer[..length];
            while let Some(frame) = inbox.take(&mut bytes).unwrap() {
                let request = streams.request(&frame).unwrap().unwrap();
                match answer(&request, Call::decode(&request).unwrap()) {
                    Some(response) => {
                        outbox.respond(frame.stream, response);
                        late.drain(..).for_each(|stream| outbox.respond(stream, late_answer()));
                    }
                    None => late.push(frame.stream),
                }
            }
            theirs.write_all(outbox.pending()).unwrap();
            outbox.advance(outbox.pending().len());
        }
    });
    Client::from(ours)
}

fn late_answer() -> Response {
    Response::of(&WaitResponse { exit_status: 7, exited_at: None })
}

/// Answers State with the id as bundle, fails for the id `none`, and lets Wait wait.
fn usual(_: &Request, call: Call) -> Option<Response> {
    match call {
        Call::State(request) if request.id == "none" => {
            Some(Failure::new(Code::NotFound, "NX-NOT-FOUND: no container none").into())
        }
        Call::State(request) => {
            Some(Response::of(&StateResponse { bundle: request.id, ..StateResponse::default() }))
        }
        Call::Start(_) => Some(Response::of(&StartResponse { pid: 42 })),
        _ => None,
    }
}

fn state(id: &str) -> StateRequest {
    StateRequest { id: id.into(), ..StateRequest::default() }
}

#[test]
fn a_call_gets_its_answer_or_its_failure() {
    let mut client = serve(usual);
    let long = "x".repeat(100_000);
    for id in ["a", &long, "b"] {
        assert_eq!(client.call::<method::State>(&state(id)).unwrap().bundle, id);
    }
    let error = client.call::<method::State>(&state("none")).unwrap_err();
    assert_eq!(error.to_string(), "NX-NOT-FOUND: no container none");
    assert!(matches!(error, ClientError::Failed(Failure { code: Code::NotFound, .. })));
}

#[test]
fn answers_find_their_calls_in_any_order() {
    let mut client = serve(usual);
    let waiting = client.send::<method::Wait>(&WaitRequest::default()).unwrap();
    assert_eq!(client.try_receive().unwrap(), None);
    // The answer of the first call may come along with that of the second, and is kept.
    assert_eq!(client.call::<method::Start>(&StartRequest::default()).unwrap().pid, 42);
    let (stream, answer) = client.receive().unwrap();
    assert_eq!(stream, waiting);
    assert_eq!(Client::decode::<method::Wait>(answer).unwrap().exit_status, 7);
    let [first, second] = ["a", "b"].map(|id| client.send::<method::State>(&state(id)).unwrap());
    for (sent, id) in [(first, "a"), (second, "b")] {
        let (stream, answer) = client.receive().unwrap();
        assert_eq!(stream, sent);
        assert_eq!(Client::decode::<method::State>(answer).unwrap().bundle, id);
    }
}

#[test]
fn a_deadline_ends_the_waiting_and_a_late_answer_harms_nobody() {
    let mut client = serve(usual);
    let terms = Terms { deadline: Some(Instant::now() + Duration::from_millis(50)), metadata: &[] };
    let error = client.call_with::<method::Wait>(&WaitRequest::default(), terms).unwrap_err();
    assert!(matches!(error, ClientError::Timeout));
    assert_eq!(client.call::<method::Start>(&StartRequest::default()).unwrap().pid, 42);
    // The late answer is dropped, so nothing is left to be received.
    assert!(matches!(client.receive_until(Some(Instant::now())), Err(ClientError::Timeout)));
    assert_eq!(client.call::<method::State>(&state("a")).unwrap().bundle, "a");
}

#[test]
fn the_server_learns_of_metadata_and_of_the_deadline() {
    let mut client = serve(|request, _| {
        let timeout = request.timeout().unwrap();
        assert!(timeout <= Duration::from_secs(60) && timeout > Duration::from_secs(50));
        let told = request.metadata("nexcage-preserve-fds").unwrap().to_owned();
        Some(Response::of(&StateResponse { bundle: told, ..StateResponse::default() }))
    });
    let terms = Terms {
        deadline: Some(Instant::now() + Duration::from_secs(60)),
        metadata: &[("other", "0"), ("nexcage-preserve-fds", "3")],
    };
    assert_eq!(client.call_with::<method::State>(&state("a"), terms).unwrap().bundle, "3");
}

#[test]
fn the_end_of_the_connection_is_told() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut client = Client::from(ours);
    client.send::<method::State>(&state("a")).unwrap();
    drop(theirs);
    assert!(matches!(client.receive(), Err(ClientError::Lost)));
    assert!(matches!(client.call::<method::State>(&state("a")), Err(ClientError::Lost)));
}

#[test]
fn what_is_not_an_answer_is_told() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let mut client = Client::from(ours);
    client.as_fd().try_clone_to_owned().unwrap();
    theirs.write_all(b"220 mail.example ESMTP\r\n").unwrap();
    let error = client.receive().unwrap_err();
    assert!(matches!(error, ClientError::Foreign(_)) && error.source().is_some());
    let nonsense = Client::decode::<method::State>(Ok(vec![0x0a, 5])).unwrap_err();
    assert!(matches!(nonsense, ClientError::Malformed(_)) && nonsense.source().is_some());
}

#[test]
fn a_socket_is_reached_however_long_its_path() {
    let directory = tempfile::tempdir().unwrap();
    let long = directory.path().join("d".repeat(200));
    std::fs::create_dir(&long).unwrap();
    let short = directory.path().join("short");
    std::os::unix::fs::symlink(&long, &short).unwrap();
    let listener = UnixListener::bind(short.join("shim.sock")).unwrap();
    for path in [long.join("shim.sock"), short.join("shim.sock")] {
        let mut client = Client::connect(&path).unwrap();
        client.send::<method::State>(&state("a")).unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        let mut header = [0; 10];
        peer.read_exact(&mut header).unwrap();
        assert_eq!(header[4..], [0, 0, 0, 1, 1, 0]);
    }
    let missing = long.join("missing.sock");
    let error = Client::connect(&missing).unwrap_err();
    assert!(error.to_string().contains("missing.sock") && error.source().is_some(), "{error}");
}

#[test]
fn a_call_that_is_too_long_fails_and_the_connection_goes_on() {
    let mut client = serve(usual);
    let error = client.call::<method::State>(&state(&"x".repeat(5 << 20))).unwrap_err();
    assert!(matches!(error, ClientError::Failed(Failure { code: Code::ResourceExhausted, .. })));
    assert_eq!(client.call::<method::State>(&state("a")).unwrap().bundle, "a");
    assert_eq!(Request::default().to_bytes(), []);
}
