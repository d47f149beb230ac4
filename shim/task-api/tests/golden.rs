//! Messages against bytes that Google's own implementation (Python's protobuf) made of the same values.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use nexcage_task_api::call::Status as CallStatus;
use nexcage_task_api::events::{Envelope, ForwardRequest, TaskExit, topic};
use nexcage_task_api::metrics::{v1, v2};
use nexcage_task_api::shim::CreateOptions;
use nexcage_task_api::task::{CreateTaskRequest, Mount, StateResponse, Status, UpdateTaskRequest};
use nexcage_task_api::{Any, Failure, Malformed, Message, Request, Response, Timestamp};
use std::fmt::Debug;
use std::time::{Duration, UNIX_EPOCH};

/// The message makes these bytes, and they make the message.
#[track_caller]
fn same<M: Message + PartialEq + Debug>(message: &M, bytes: &[u8]) {
    assert_eq!(message.to_bytes().escape_ascii().to_string(), bytes.escape_ascii().to_string());
    assert_eq!(M::decode(bytes).as_ref(), Ok(message));
}

#[test]
fn a_create_with_mounts_and_options() {
    let options = CreateOptions {
        backend: "lxc".into(),
        timeout_ms: 30_000,
        preserve_fds: 2,
        ..CreateOptions::default()
    };
    let overlay = Mount {
        kind: "overlay".into(),
        source: "overlay".into(),
        options: vec!["lowerdir=/l".into(), "ro".into()],
        ..Mount::default()
    };
    let request = CreateTaskRequest {
        id: "c1".into(),
        bundle: "/b".into(),
        rootfs: vec![overlay, Mount { kind: "bind".into(), ..Mount::default() }],
        terminal: true,
        stdin: "fd:0".into(),
        options: Some(Any::pack(&options)),
        ..CreateTaskRequest::default()
    };
    same(
        &request,
        b"\n\x02c1\x12\x02/b\x1a#\n\x07overlay\x12\x07overlay\"\x0blowerdir=/l\"\x02ro\x1a\x06\n\x04bind \x01\
          *\x04fd:0R,\n\x1dnexcage.shim.v1.CreateOptions\x12\x0b\n\x03lxc\x18\xb0\xea\x01(\x02",
    );
    let packed = request.options.unwrap();
    assert_eq!(packed.unpack(), Ok(Some(options.clone())));
    let prefixed = Any { type_url: format!("type.googleapis.com/{}", packed.type_url), ..packed };
    assert_eq!(prefixed.unpack(), Ok(Some(options)));
    assert_eq!(prefixed.unpack::<TaskExit>(), Ok(None));
}

#[test]
fn an_update_with_a_map() {
    let request = UpdateTaskRequest {
        id: "c1".into(),
        resources: Some(Any::json("t", b"{}".to_vec())),
        annotations: [("a", "1"), ("b", "")].map(|(key, value)| (key.into(), value.into())).into(),
    };
    same(&request, b"\n\x02c1\x12\x07\n\x01t\x12\x02{}\x1a\x06\n\x01a\x12\x011\x1a\x05\n\x01b\x12\x00");
}

#[test]
fn a_state() {
    let state = StateResponse {
        id: "c1".into(),
        bundle: "/b".into(),
        pid: 4_194_304,
        status: Status::Stopped,
        exit_status: 137,
        exited_at: Some(Timestamp { seconds: 1_700_000_000, nanos: 5 }),
        exec_id: "e".into(),
        ..StateResponse::default()
    };
    same(
        &state,
        b"\n\x02c1\x12\x02/b\x18\x80\x80\x80\x02 \x03H\x89\x01R\x08\x08\x80\xe2\xcf\xaa\x06\x10\x05Z\x01e",
    );
}

#[test]
fn a_length_of_two_bytes() {
    let state = StateResponse { bundle: "x".repeat(300), ..StateResponse::default() };
    same(&state, &[b"\x12\xac\x02", "x".repeat(300).as_bytes()].concat());
    // The same of a message in a message.
    let bytes = UpdateTaskRequest {
        resources: Some(Any::json(&"x".repeat(297), Vec::new())),
        ..UpdateTaskRequest::default()
    };
    same(&bytes, &[b"\x12\xac\x02\n\xa9\x02", "x".repeat(297).as_bytes()].concat());
}

#[test]
fn an_event_on_its_way_at_a_time_before_1970() {
    let exited_at = Timestamp { seconds: -1, nanos: 999_999_999 };
    let exit = TaskExit {
        container_id: "c1".into(),
        id: "c1".into(),
        pid: 300,
        exit_status: 1,
        exited_at: Some(exited_at.clone()),
    };
    let envelope = Envelope {
        timestamp: Some(Timestamp { seconds: 2, nanos: 0 }),
        namespace: "n".into(),
        topic: topic::EXIT.into(),
        event: Some(Any::pack(&exit)),
    };
    same(
        &ForwardRequest { envelope: Some(envelope) },
        b"\nT\n\x02\x08\x02\x12\x01n\x1a\x0b/tasks/exit\">\n\x1acontainerd.events.TaskExit\x12 \n\x02c1\x12\x02c1\
          \x18\xac\x02 \x01*\x11\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x10\xff\x93\xeb\xdc\x03",
    );
    let moment = UNIX_EPOCH - Duration::from_nanos(1);
    assert_eq!((Timestamp::from(moment), exited_at.to_system_time()), (exited_at, Some(moment)));
}

#[test]
fn metrics_of_both_versions() {
    let usage = v1::CpuUsage { total: u64::MAX, per_cpu: vec![0, 1, 300], ..v1::CpuUsage::default() };
    let cpu = v1::CpuStat { usage: Some(usage), throttling: None };
    same(
        &v1::Metrics { cpu: Some(cpu), ..v1::Metrics::default() },
        b"\x1a\x13\n\x11\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\"\x04\x00\x01\xac\x02",
    );
    let some = v2::PsiData { avg10: 1.5, ..v2::PsiData::default() };
    let memory = v2::MemoryStat {
        anon: 4096,
        usage_limit: u64::MAX,
        psi: Some(v2::PsiStats { some: Some(some), full: Some(v2::PsiData::default()) }),
        ..v2::MemoryStat::default()
    };
    same(
        &v2::Metrics { memory: Some(memory), ..v2::Metrics::default() },
        b"\"\x1f\x08\x80 \x88\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\xb2\x02\r\n\t\t\x00\x00\x00\x00\x00\x00\xf8?\
          \x12\x00",
    );
}

#[test]
fn a_request_and_a_response() {
    let request = Request {
        service: "s".into(),
        method: "m".into(),
        payload: b"\n\x02c1".to_vec(),
        timeout_nanos: -1,
        metadata: vec![("k".into(), "v".into()), ("k".into(), String::new())],
    };
    same(
        &request,
        b"\n\x01s\x12\x01m\x1a\x04\n\x02c1 \xff\xff\xff\xff\xff\xff\xff\xff\xff\x01*\x06\n\x01k\x12\x01v*\x03\n\x01k",
    );
    assert_eq!((request.metadata("k"), request.timeout()), (Some("v"), None));
    let response =
        Response { status: Some(CallStatus { code: 5, message: "gone é".into() }), payload: b"x".to_vec() };
    same(&response, b"\n\x0b\x08\x05\x12\x07gone \xc3\xa9\x12\x01x");
    let failure = response.into_payload().unwrap_err();
    assert_eq!(failure, Failure::new(nexcage_task_api::Code::NotFound, "gone é"));
    // What containerd's server says of success.
    assert_eq!(Response::decode(b"\n\x00\x12\x01x").unwrap().into_payload(), Ok(b"x".to_vec()));
}

#[test]
fn reading_is_as_lenient_as_protobuf_demands() {
    let read = |bytes: &[u8]| StateResponse::decode(bytes);
    let paused = StateResponse { pid: 1, status: Status::Paused, ..StateResponse::default() };
    // The last value holds; fields of later versions are skipped, whatever their type.
    assert_eq!(read(b"\x18\x09\x20\x04\x18\x01").as_ref(), Ok(&paused));
    assert_eq!(
        read(b"\x18\x01\x20\x04\xf8\x01\x07\xf9\x0112345678\xfd\x011234\xfa\x01\x02ab").as_ref(),
        Ok(&paused)
    );
    // So are known ones of another type.
    assert_eq!(read(b"\x18\x01\x1a\x01x\x20\x04\x08\x01").as_ref(), Ok(&paused));
    // A number that is too great loses its upper bits; one may be written with more bytes than it needs.
    assert_eq!(read(b"\x18\x81\x80\x80\x80\x10\x20\x84\x00").as_ref(), Ok(&paused));
    // A message may come in parts.
    let halves = read(b"\x52\x02\x08\x07\x52\x02\x10\x05").unwrap().exited_at;
    assert_eq!(halves, Some(Timestamp { seconds: 7, nanos: 5 }));
    // Numbers in a list may come one by one.
    assert_eq!(v1::CpuUsage::decode(b"\x20\x01\x22\x01\x02\x20\x03").unwrap().per_cpu, [1, 2, 3]);
}

#[test]
fn what_is_no_message_is_told() {
    for (bytes, error) in [
        (&b"\x18"[..], Malformed::Truncated),
        (b"\x18\x80", Malformed::Truncated),
        (b"\x0a\x05abcd", Malformed::Truncated),
        (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", Malformed::Truncated),
        (b"\xf9\x011234567", Malformed::Truncated),
        (b"\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", Malformed::Varint),
        (b"\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", Malformed::Varint),
        (b"\x00\x00", Malformed::Tag),
        (b"\x80\x80\x80\x80\x80\x01\x00", Malformed::Tag),
        (b"\x0b\x0c", Malformed::Tag),
        (b"\x0f", Malformed::Tag),
        (b"\x0a\x02\xc3\x28", Malformed::Text),
    ] {
        assert_eq!(StateResponse::decode(bytes), Err(error), "{}", bytes.escape_ascii());
    }
    let mounts = b"\x1a\x00".repeat((1 << 18) + 1);
    assert_eq!(CreateTaskRequest::decode(&mounts), Err(Malformed::List));
}
