//! The hold between *ready* and *go*, shims that die meanwhile, and messages that are none.

use crate::container::{Container, Layout};
use crate::process::script;
use crate::shim::Call;
use nexcage_handover::{Failed, HEADER_LEN, Header, Kind, MAX_BODY_LEN, Step, VERSION};
use std::thread;
use std::time::Duration;

const MALFORMED: Option<Failed> = Some(Failed::at(Step::Receive, 0));
/// Long enough to notice what should not happen.
const MOMENT: Duration = Duration::from_millis(50);

fn start() -> Container {
    Container::start(Layout::default())
}

#[test]
fn nothing_runs_before_go() {
    let mut container = start();
    let call = container.hold(&script("echo ran"));
    thread::sleep(MOMENT);
    assert!(container.is_running());
    assert_eq!(container.stdio[1].metadata().unwrap().len(), 0);
    assert_eq!(container.go(call).text(), "ran\n");
}

#[test]
fn without_a_socket_it_ends_at_once() {
    assert_eq!(Container::start_alone().wait(), 125);
}

#[test]
fn a_socket_that_is_gone_ends_the_hold() {
    let mut container = start();
    let call = container.hold(&script("echo ran"));
    container.shim.unlink();
    drop(call);
    assert_eq!(container.wait(), 125);
    assert_eq!(container.stdio[1].metadata().unwrap().len(), 0);
}

#[test]
fn a_successor_finds_the_process_held_and_starts_it_once() {
    let mut container = start();
    container.give_stdin("in\n");
    drop(container.hold(&script("cat; echo ran; ls /proc/1/fd; true")));
    for _ in 0..3 {
        drop(hear_held(&container));
    }
    let call = hear_held(&container);
    assert_eq!(container.go(call).text(), "in\nran\n0\n1\n2\n");
}

fn hear_held(container: &Container) -> Call {
    let mut call = container.shim.accept();
    assert_eq!(call.hear(), Some((Kind::HelloHeld, vec![])));
    assert_eq!(call.hear(), Some((Kind::Ready, vec![])));
    call
}

#[test]
fn a_dead_shims_successor_is_waited_for() {
    let mut container = start();
    let call = container.hold(&script("echo ran"));
    container.shim.die();
    drop(call);
    thread::sleep(MOMENT);
    assert!(container.is_running());
    container.shim.succeed();
    let call = hear_held(&container);
    assert_eq!(container.go(call).text(), "ran\n");
}

#[test]
fn a_shim_that_dies_before_it_sent_everything_is_succeeded() {
    let container = start();
    let body = script("echo ran").encode(0).unwrap();
    let header = Header { kind: Kind::Process, body_len: u32::try_from(body.len()).unwrap() }.encode();
    let (no_body, all_but_one) = (&body[..0], &body[..body.len() - 1]);
    for (header, body) in [(&header[..0], no_body), (&header[..5], no_body), (&header[..], all_but_one)] {
        let mut call = container.shim.accept();
        assert_eq!(call.hear(), Some((Kind::Hello, vec![])));
        if !header.is_empty() {
            call.send_with(header, &container.stdio());
        }
        call.send_bytes(body);
    }
    assert_eq!(container.run(&script("echo ran; ls /proc/1/fd; true")).text(), "ran\n0\n1\n2\n");
}

#[test]
fn messages_may_come_in_pieces() {
    let container = start();
    let mut call = container.shim.accept();
    assert_eq!(call.hear(), Some((Kind::Hello, vec![])));
    let body = script("echo ran").encode(0).unwrap();
    let header = Header { kind: Kind::Process, body_len: u32::try_from(body.len()).unwrap() }.encode();
    call.send_with(&header[..1], &container.stdio());
    for piece in header[1..].chunks(1).chain(body.chunks(7)) {
        thread::sleep(Duration::from_micros(100));
        call.send_bytes(piece);
    }
    assert_eq!(call.hear(), Some((Kind::Ready, vec![])));
    container.shim.unlink();
    for piece in Header::bare(Kind::Go).encode().chunks(5) {
        thread::sleep(Duration::from_millis(1));
        call.send_bytes(piece);
    }
    let failed = call.hear_failure();
    assert_eq!(container.outcome(failed).text(), "ran\n");
}

/// Sends something that is not the process, and expects to be told.
#[track_caller]
fn check_refused(send: impl FnOnce(&mut Call, &Container)) {
    let container = start();
    let mut call = container.shim.accept();
    assert_eq!(call.hear(), Some((Kind::Hello, vec![])));
    send(&mut call, &container);
    let failed = call.hear_failure();
    let outcome = container.outcome(failed);
    assert_eq!((outcome.failed, outcome.status), (MALFORMED, 125), "{outcome:?}");
}

#[test]
fn what_is_no_process_is_refused() {
    let header = |body_len| Header { kind: Kind::Process, body_len }.encode();
    check_refused(|call, _| call.send_bytes(&[0xa5; HEADER_LEN]));
    check_refused(|call, container| {
        let [lower, upper] = (VERSION + 1).to_le_bytes();
        let mut bytes = header(0);
        (bytes[4], bytes[5]) = (lower, upper);
        call.send_with(&bytes, &container.stdio());
    });
    check_refused(|call, container| call.send_with(&header(MAX_BODY_LEN + 1), &container.stdio()));
    check_refused(|call, container| call.send_with(&header(0), &container.stdio()));
    check_refused(|call, container| {
        call.send_with(&header(200), &container.stdio());
        call.send_bytes(&[0xff; 200]);
    });
    check_refused(|call, _| call.send(Kind::Go, &[]));
}

#[test]
fn another_number_of_descriptors_is_refused() {
    let header = Header { kind: Kind::Process, body_len: 200 }.encode();
    let many = |container: &Container| -> Vec<_> {
        container.stdio().into_iter().chain(container.stdio()).collect()
    };
    check_refused(|call, _| call.send_bytes(&header));
    check_refused(|call, container| call.send_with(&header, &many(container)[..2]));
    check_refused(|call, container| call.send_with(&header, &many(container)[..4]));
    check_refused(|call, container| {
        call.send_with(&header[..4], &container.stdio());
        call.send_with(&header[4..], &container.stdio());
    });
}

#[test]
fn what_is_not_go_does_not_start_the_process() {
    for kind in [Kind::Hello, Kind::Process, Kind::Failed] {
        let container = start();
        let mut call = container.hold(&script("echo ran"));
        call.send(kind, &[]);
        let failed = call.hear_failure();
        let outcome = container.outcome(failed);
        assert_eq!((outcome.failed, outcome.status, outcome.stdout), (MALFORMED, 125, vec![]));
    }
}
