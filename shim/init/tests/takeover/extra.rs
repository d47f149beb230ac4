//! Descriptors from 3 on.

use crate::container::{Container, Layout};
use crate::process::script;
use crate::running::{Root, Running};
use crate::shim::Call;
use linux_raw_sys::errno::EINVAL;
use nexcage_handover::{Failed, Kind, MAX_EXTRA_FDS, ProcessBuf, Step};
use std::fmt::Write as _;
use std::io::{Seek as _, Write as _};
use std::os::fd::OwnedFd;

/// A file with a text to be read.
fn file(text: &str) -> OwnedFd {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file.rewind().unwrap();
    file.into()
}

fn files(count: u32) -> Vec<OwnedFd> {
    (0..count).map(|index| file(&format!("{index}\n"))).collect()
}

fn offer(container: &Container, process: &ProcessBuf, extra: &[OwnedFd]) -> Call {
    let mut call = container.shim.accept();
    assert_eq!(call.hear(), Some((Kind::Hello, vec![])));
    call.send_process_with(process, &container.stdio(), extra);
    call
}

#[test]
fn they_have_their_numbers_and_nothing_else_is_open() {
    let process = script("cat <&3; cat <&4; cat <&5; ls /proc/$$/fd; true");
    let expected = "0\n1\n2\n0\n1\n2\n3\n4\n5\n";
    // Whatever was open before.
    for image in ["", "exec 3</ 4</ 6</ 9</dev/null", "exec <&- >&- 2>&-"] {
        let container = Container::start(Layout { image, ..Layout::default() });
        let mut call = offer(&container, &process, &files(3));
        assert_eq!(call.hear(), Some((Kind::Ready, vec![])), "{image}");
        assert_eq!(container.go(call).text(), expected, "{image}");
    }
    for root in [Root::Host, Root::Mapped] {
        assert_eq!(Running::start(root, "").run_with(&process, &files(3)).text(), expected);
    }
}

#[test]
fn there_may_be_as_many_as_one_message_carries() {
    let mut text = String::new();
    let mut expected = String::new();
    for index in 0..MAX_EXTRA_FDS {
        writeln!(text, "cat /proc/self/fd/{}", index + 3).unwrap();
        writeln!(expected, "{index}").unwrap();
    }
    text += "ls /proc/$$/fd; true";
    let mut numbers: Vec<_> = (0..MAX_EXTRA_FDS + 3).map(|number| format!("{number}\n")).collect();
    numbers.sort();
    expected.extend(numbers);
    let outcome = Running::start(Root::Host, "").run_with(&script(&text), &files(MAX_EXTRA_FDS));
    assert_eq!(outcome.text(), expected);
}

#[test]
fn they_come_again_from_a_successor_of_a_shim_that_had_not_sent_all() {
    let container = Container::start(Layout::default());
    let process = script("cat <&3; cat <&4; ls /proc/$$/fd; true");
    let mut call = container.shim.accept();
    assert_eq!(call.hear(), Some((Kind::Hello, vec![])));
    let body = process.encode(5).unwrap();
    let body_len = u32::try_from(body.len()).unwrap();
    let header = nexcage_handover::Header { kind: Kind::Process, body_len };
    call.send_with(&header.encode(), &container.stdio());
    call.send_bytes(&body);
    for wrong in ["a", "b", "c"] {
        call.send_with(&[0], &[file(wrong)]);
    }
    drop(call);
    let mut call = offer(&container, &process, &files(2));
    assert_eq!(call.hear(), Some((Kind::Ready, vec![])));
    assert_eq!(container.go(call).text(), "0\n1\n0\n1\n2\n3\n4\n");
}

#[test]
fn other_descriptors_than_were_said_are_refused() {
    let send = |descriptors: &[OwnedFd]| {
        let container = Container::start(Layout::default());
        let mut call = container.shim.accept();
        assert_eq!(call.hear(), Some((Kind::Hello, vec![])));
        let body = script("echo ran").encode(1).unwrap();
        let body_len = u32::try_from(body.len()).unwrap();
        let header = nexcage_handover::Header { kind: Kind::Process, body_len };
        call.send_with(&header.encode(), &container.stdio());
        call.send_bytes(&body);
        if descriptors.is_empty() {
            call.send_bytes(&[0]);
        } else {
            call.send_with(&[0], descriptors);
        }
        let failed = call.hear_failure();
        assert_eq!((container.outcome(failed).status, failed), (125, Some(Failed::at(Step::Receive, 0))));
    };
    for count in [0, 2, 3] {
        send(&files(count));
    }
}

#[test]
fn a_limit_that_leaves_no_room_is_told() {
    let layout = Layout { image: "ulimit -n 8", ..Layout::default() };
    let container = Container::start(layout);
    let failed = offer(&container, &script("echo ran"), &files(5)).hear_failure();
    let outcome = container.outcome(failed);
    assert_eq!((outcome.status, failed), (125, Some(Failed::at(Step::ExtraDescriptors, EINVAL))));
}
