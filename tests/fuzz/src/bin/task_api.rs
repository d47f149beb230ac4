//! The Task API: whatever a socket's peer sends, and in whatever pieces, nothing panics; pieces make no
//! difference; and what was read is written so that it reads the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nexcage_task_api::call::Streams;
use nexcage_task_api::events::ForwardRequest;
use nexcage_task_api::frame::{Frame, FrameError, Inbox, Kind, LONGEST, Outbox};
use nexcage_task_api::metrics::{v1, v2};
use nexcage_task_api::shim::EventsResponse;
use nexcage_task_api::task::{PidsResponse, StateResponse};
use nexcage_task_api::{Call, Message, Request, Response};

fuzz_target!(|bytes: &[u8]| {
    let whole = frames(bytes, bytes.len().max(1));
    assert_eq!(frames(bytes, 7), whole);
    let mut streams = Streams::default();
    for frame in whole.iter().flatten() {
        if let Ok(Some(request)) = streams.request(frame) {
            call(frame.stream, &request);
        }
        response(&frame.data);
    }
    // Messages that nothing wraps are found sooner.
    response(bytes);
});

/// What becomes of the bytes in pieces of this size.
fn frames(bytes: &[u8], size: usize) -> Vec<Result<Frame, FrameError>> {
    let mut inbox = Inbox::default();
    let mut found = Vec::new();
    for mut piece in bytes.chunks(size) {
        while let Some(next) = inbox.take(&mut piece).transpose() {
            if let Err(FrameError::TooLong { length, .. }) = next {
                assert!(length > LONGEST);
            }
            let last = next == Err(FrameError::Foreign);
            found.push(next);
            if last {
                return found;
            }
        }
        assert!(piece.is_empty());
    }
    found
}

/// A call that was understood makes a request that is understood the same, by way of a frame.
fn call(stream: u32, request: &Request) {
    let Ok(call) = Call::decode(request) else { return };
    let mut outbox = Outbox::default();
    outbox.request(stream, &call.to_request()).unwrap();
    let mut sent = outbox.pending();
    let frame = Inbox::default().take(&mut sent).unwrap().unwrap();
    assert!(frame.kind == Kind::Request && sent.is_empty());
    let again = Streams::default().request(&frame).unwrap().unwrap();
    assert_eq!(Call::decode(&again).unwrap(), call);
}

fn response(bytes: &[u8]) {
    stable::<Response>(bytes);
    stable::<StateResponse>(bytes);
    stable::<PidsResponse>(bytes);
    stable::<EventsResponse>(bytes);
    stable::<ForwardRequest>(bytes);
    stable::<v1::Metrics>(bytes);
    stable::<v2::Metrics>(bytes);
    if let Ok(response) = Response::decode(bytes) {
        drop(response.into_payload());
    }
}

/// What was read is written as bytes that make the same bytes again.
fn stable<M: Message>(bytes: &[u8]) {
    if let Ok(message) = M::decode(bytes) {
        let bytes = message.to_bytes();
        assert_eq!(M::decode(&bytes).unwrap().to_bytes(), bytes);
    }
}
