//! Who talks to a shim's socket: engines of every version, and those who mean no good.

use crate::lifecycle::{await_that, waiting};
use nexcage_task_api::call::Method;
use nexcage_task_api::method::{Checkpoint, Connect, Pids, SHIM, Shutdown, State, TASK, TASK_V3, Wait};
use nexcage_task_api::task::{
    CheckpointTaskRequest, ConnectRequest, Empty, PidsRequest, ShutdownRequest, StateRequest, StateResponse,
    Status, WaitRequest,
};
use nexcage_task_api::{Client, ClientError, Code, Failure, Message as _, Request};
use nexcage_tests::{Container, Sandbox};
use rustix::net::{self, AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use std::fmt::Debug;
use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn socket(sandbox: &Sandbox, id: &str) -> PathBuf {
    sandbox.state_directory(id).join("shim.sock")
}

/// A connection to a container's shim.
#[track_caller]
pub(crate) fn client(sandbox: &Sandbox, id: &str) -> Client {
    Client::connect(&socket(sandbox, id)).unwrap()
}

/// The failure that a call must have been answered with.
#[track_caller]
pub(crate) fn failure<T: Debug>(result: Result<T, ClientError>) -> Failure {
    match result {
        Err(ClientError::Failed(failure)) => failure,
        other => panic!("no failure: {other:?}"),
    }
}

fn running(sandbox: &Sandbox) -> Container<'_> {
    let mut container = sandbox.start(&sandbox.bundle(&waiting()));
    assert_eq!(container.line(), "up");
    container
}

/// The shim answers others at once.
#[track_caller]
fn assert_served(sandbox: &Sandbox, container: &Container<'_>) {
    let asked = Instant::now();
    let request = StateRequest { id: container.id.clone(), exec_id: String::new() };
    let state = client(sandbox, &container.id).call::<State>(&request).unwrap();
    assert_eq!(state.status, Status::Running);
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
}

/// A frame (ttrpc): its length, a stream's number, a kind (1 is a request), flags, what it holds.
fn frame(stream: u32, kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap();
    [&length.to_be_bytes()[..], &stream.to_be_bytes(), &[kind, 0], payload].concat()
}

/// Whether the other end closes the connection.
fn is_closed(stream: &mut UnixStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => true,
        Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

#[test]
fn garbage_is_not_served() {
    let sandbox = Sandbox::new();
    let container = running(&sandbox);
    let mut noise = nexcage_tests::noise();
    noise.truncate(100_000);
    let garbage: [&[u8]; 6] = [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        &[0; 4096],
        &[0xff; 4096],
        &noise,
        &frame(1, 9, b"what"),
        &frame(2, 1, b"\x0a\xff\xff\xff\xff\x0f"),
    ];
    for bytes in garbage {
        let mut stream = UnixStream::connect(socket(&sandbox, &container.id)).unwrap();
        // The shim may close before all is written.
        drop(stream.write_all(bytes));
        assert_served(&sandbox, &container);
        drop(stream.shutdown(std::net::Shutdown::Write));
        assert!(is_closed(&mut stream), "{:?}", &bytes[..bytes.len().min(30)]);
    }
    assert_served(&sandbox, &container);
    container.remove();
}

#[test]
fn an_oversize_message_is_refused_and_the_next_one_answered() {
    let sandbox = Sandbox::new();
    let container = running(&sandbox);
    let stream = UnixStream::connect(socket(&sandbox, &container.id)).unwrap();
    let payload = vec![0; (4 << 20) + 1];
    let mut writer = stream.try_clone().unwrap();
    writer.write_all(&frame(1, 1, &payload)).unwrap();
    assert_served(&sandbox, &container);
    // The client below begins with stream 1 as well, and takes the refusal for its answer.
    let mut shim = Client::from(stream);
    let request = StateRequest { id: container.id.clone(), exec_id: String::new() };
    assert_eq!(failure(shim.call::<State>(&request)).code, Code::ResourceExhausted);
    assert_eq!(shim.call::<State>(&request).unwrap().status, Status::Running);
    container.remove();
}

#[test]
fn half_a_message_holds_nobody_up() {
    let sandbox = Sandbox::new();
    let container = running(&sandbox);
    let begin = |bytes: &[u8]| {
        let mut stream = UnixStream::connect(socket(&sandbox, &container.id)).unwrap();
        stream.write_all(bytes).unwrap();
        stream
    };
    let whole = frame(1, 1, &[7; 3_000_000]);
    let halves: Vec<UnixStream> =
        [3, 9, 10, 1000, 2_000_000].iter().map(|length| begin(&whole[..*length])).collect();
    assert_served(&sandbox, &container);
    drop(halves);
    assert_served(&sandbox, &container);
    container.remove();
}

#[test]
fn a_thousand_connections_are_survived() {
    let sandbox = Sandbox::new();
    let container = running(&sandbox);
    let path = socket(&sandbox, &container.id);
    let streams: Vec<_> = (0..1000).filter_map(|_| connect(&path)).collect();
    let connected = streams.len();
    assert!(connected >= 500, "{connected}");
    drop(streams);
    await_that("they are gone", || connect(&path).is_some());
    assert_served(&sandbox, &container);
    container.shell("exit 3").assert().code(3);
    container.remove();
}

/// Connects without waiting for room in the queue.
fn connect(path: &Path) -> Option<OwnedFd> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).unwrap();
    let address = SocketAddrUnix::new(path).unwrap();
    for _ in 0..50 {
        match net::connect(&socket, &address) {
            Ok(()) => return Some(socket),
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
    None
}

#[test]
fn five_hundred_that_stay_leave_room_for_their_container() {
    let sandbox = Sandbox::new();
    let mut container = running(&sandbox);
    let path = socket(&sandbox, &container.id);
    let streams: Vec<_> = (0..500).filter_map(|_| connect(&path)).collect();
    assert_eq!(streams.len(), 500);
    assert_served(&sandbox, &container);
    container.write(b"go\n");
    container.await_status("stopped");
    drop(streams);
    container.delete();
}

#[test]
fn a_peer_that_never_reads_is_not_read_from_for_ever() {
    let sandbox = Sandbox::new();
    let container = running(&sandbox);
    let mut stream = UnixStream::connect(socket(&sandbox, &container.id)).unwrap();
    stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    // The name of a method that there is not comes back.
    let mut request = Request::of::<State>(&StateRequest::default());
    request.method = "x".repeat(100_000);
    let bytes = request.to_bytes();
    let mut sent = 0_usize;
    for number in (1..).step_by(2) {
        match stream.write_all(&frame(number, 1, &bytes)) {
            Ok(()) => sent += bytes.len(),
            Err(_) => break,
        }
        assert!(sent < 64 << 20, "the shim takes in whatever comes");
    }
    assert_served(&sandbox, &container);
    let shim = client(&sandbox, &container.id).call::<Connect>(&ConnectRequest { id: container.id.clone() });
    let status = fs::read_to_string(format!("/proc/{}/status", shim.unwrap().shim_pid)).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let resident: u64 = resident.trim().trim_end_matches(" kB").trim().parse().unwrap();
    assert!(resident < 64 << 10, "{resident} kB");
    drop(stream);
    assert_served(&sandbox, &container);
    container.remove();
}

#[test]
fn another_user_is_not_served() {
    let sandbox = Sandbox::new();
    let container = running(&sandbox);
    // Where the socket can be reached at all: its directory and itself let nobody else in.
    let path = socket(&sandbox, &container.id);
    let talk = "import socket, sys\ns = socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\nprint('in')\n\
        s.settimeout(10)\nprint(s.recv(1))";
    let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let run = || sandbox.command("python3").arg("-c").arg(talk).arg(&path).through(nobody);
    let output = run().output();
    assert!(!output.status.success(), "the socket is private");
    for ancestor in path.ancestors().take(4).chain([path.as_path()]) {
        sandbox.command("chmod").arg("a+rwx").arg(ancestor).assert().code(0);
    }
    // Whoever gets through to it is sent away.
    let output = run().output();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "in\nb''\n", "{output:?}");
    assert_served(&sandbox, &container);
    container.remove();
}

/// A method that is said to be of another service, or to have another name.
macro_rules! method {
    ($name:ident, $service:expr, $method:expr, $request:ty, $response:ty) => {
        struct $name;
        impl Method for $name {
            const SERVICE: &'static str = $service;
            const METHOD: &'static str = $method;
            type Request = $request;
            type Response = $response;
        }
    };
}

method!(StateV2, TASK, "State", StateRequest, StateResponse);
method!(StateV3, TASK_V3, "State", StateRequest, StateResponse);
method!(StateOfShim, SHIM, "State", StateRequest, Empty);
method!(NoMethod, TASK, "Frobnicate", StateRequest, Empty);
method!(NoMethodV3, TASK_V3, "Frobnicate", StateRequest, Empty);
method!(NoService, "containerd.task.v9.Task", "State", StateRequest, Empty);
method!(Nothing, "", "", StateRequest, Empty);

#[test]
fn both_names_of_the_service_are_one_and_others_are_unimplemented() {
    let sandbox = Sandbox::new();
    let container = running(&sandbox);
    let mut shim = client(&sandbox, &container.id);
    let request = StateRequest { id: container.id.clone(), exec_id: String::new() };
    let second = shim.call::<StateV2>(&request).unwrap();
    assert_eq!(second, shim.call::<StateV3>(&request).unwrap());
    assert_eq!((second.id.as_str(), second.status), (container.id.as_str(), Status::Running));
    let failures = [
        failure(shim.call::<StateOfShim>(&request)),
        failure(shim.call::<NoMethod>(&request)),
        failure(shim.call::<NoMethodV3>(&request)),
        failure(shim.call::<NoService>(&request)),
        failure(shim.call::<Nothing>(&request)),
        failure(shim.call::<Checkpoint>(&CheckpointTaskRequest {
            id: container.id.clone(),
            path: "/tmp/none".to_owned(),
            options: None,
        })),
    ];
    for failure in failures {
        assert_eq!(failure.code, Code::Unimplemented, "{failure:?}");
    }
    drop(shim);
    container.remove();
}

#[test]
fn another_container_s_id_is_not_found() {
    let sandbox = Sandbox::new();
    let container = running(&sandbox);
    let mut shim = client(&sandbox, &container.id);
    for id in ["", "other", "../x"] {
        let request = StateRequest { id: id.to_owned(), exec_id: String::new() };
        assert_eq!(failure(shim.call::<State>(&request)).code, Code::NotFound, "{id}");
    }
    drop(shim);
    container.remove();
}

#[test]
fn a_shim_does_not_leave_its_container_because_it_is_asked_to() {
    let sandbox = Sandbox::new();
    let container = running(&sandbox);
    let mut shim = client(&sandbox, &container.id);
    shim.call::<Shutdown>(&ShutdownRequest { id: container.id.clone(), now: true }).unwrap();
    assert_served(&sandbox, &container);
    let connected = shim.call::<Connect>(&ConnectRequest { id: container.id.clone() }).unwrap();
    assert_eq!(i64::from(connected.task_pid), i64::from(container.pid()));
    let pids = shim.call::<Pids>(&PidsRequest { id: container.id.clone() }).unwrap().processes;
    assert_eq!(pids.iter().map(|process| process.pid).collect::<Vec<_>>(), [connected.task_pid]);
    drop(shim);
    container.remove();
}

#[test]
fn who_waits_and_leaves_is_forgotten() {
    let sandbox = Sandbox::new();
    let mut container = running(&sandbox);
    let request = WaitRequest { id: container.id.clone(), exec_id: String::new() };
    for _ in 0..20 {
        client(&sandbox, &container.id).send::<Wait>(&request).unwrap();
    }
    let mut stays = client(&sandbox, &container.id);
    let wait = stays.send::<Wait>(&request).unwrap();
    container.write(b"go\n");
    let (stream, answer) = stays.receive().unwrap();
    assert_eq!((stream, Client::decode::<Wait>(answer).unwrap().exit_status), (wait, 7));
    drop(stays);
    container.delete();
}
