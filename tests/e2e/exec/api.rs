//! An executed process's life by the Task API.

use super::started;
use crate::lifecycle::waiting;
use crate::peers::{client, failure};
use nexcage_task_api::events::{TaskExit, topic};
use nexcage_task_api::method::{Delete, Events, Exec, Kill, Start, State, Wait};
use nexcage_task_api::shim::{Event, EventsRequest, PROCESS_TYPE};
use nexcage_task_api::task::{
    DeleteRequest, ExecProcessRequest, KillRequest, StartRequest, StateRequest, Status, WaitRequest,
};
use nexcage_task_api::{Any, Client, Code};
use nexcage_tests::{Config, Container, Sandbox};
use serde_json::json;

fn exec(container: &Container<'_>, exec_id: &str, script: &str) -> ExecProcessRequest {
    let process = json!({"args": ["/bin/sh", "-c", script], "cwd": "/", "user": {"uid": 0, "gid": 0}});
    ExecProcessRequest {
        id: container.id.clone(),
        exec_id: exec_id.to_owned(),
        spec: Some(Any::json(PROCESS_TYPE, process.to_string().into_bytes())),
        ..ExecProcessRequest::default()
    }
}

fn start(container: &Container<'_>, exec_id: &str) -> StartRequest {
    StartRequest { id: container.id.clone(), exec_id: exec_id.to_owned() }
}

fn wait(container: &Container<'_>, exec_id: &str) -> WaitRequest {
    WaitRequest { id: container.id.clone(), exec_id: exec_id.to_owned() }
}

fn delete(container: &Container<'_>, exec_id: &str) -> DeleteRequest {
    DeleteRequest { id: container.id.clone(), exec_id: exec_id.to_owned() }
}

#[test]
fn it_is_added_started_waited_for_and_deleted() {
    let sandbox = Sandbox::new();
    let container = started(&sandbox, &waiting());
    let mut shim = client(&sandbox, &container.id);
    let state = |shim: &mut Client| {
        let state = shim.call::<State>(&StateRequest { id: container.id.clone(), exec_id: "e".to_owned() });
        state.map(|state| (state.status, state.exit_status))
    };
    assert_eq!(failure(state(&mut shim)).code, Code::NotFound);
    shim.call::<Exec>(&exec(&container, "e", "trap 'exit 6' TERM; while :; do sleep 0.02; done")).unwrap();
    assert_eq!(state(&mut shim).unwrap().0, Status::Created);
    assert_eq!(failure(shim.call::<Exec>(&exec(&container, "e", "exit 0"))).code, Code::AlreadyExists);
    let pid = shim.call::<Start>(&start(&container, "e")).unwrap().pid;
    assert!(pid > 1);
    assert_eq!(state(&mut shim).unwrap().0, Status::Running);
    assert_eq!(failure(shim.call::<Start>(&start(&container, "e"))).code, Code::FailedPrecondition);
    assert_eq!(failure(shim.call::<Delete>(&delete(&container, "e"))).code, Code::FailedPrecondition);
    // The trap may not be set yet: a signal before that would end it otherwise.
    std::thread::sleep(std::time::Duration::from_millis(300));
    let kill = KillRequest { id: container.id.clone(), exec_id: "e".to_owned(), signal: 15, all: false };
    shim.call::<Kill>(&kill).unwrap();
    let ended = shim.call::<Wait>(&wait(&container, "e")).unwrap();
    assert_eq!((ended.exit_status, ended.exited_at.is_some()), (6, true));
    assert_eq!(state(&mut shim).unwrap(), (Status::Stopped, 6));
    assert_eq!(failure(shim.call::<Kill>(&kill)).code, Code::NotFound);
    let deleted = shim.call::<Delete>(&delete(&container, "e")).unwrap();
    assert_eq!((deleted.exit_status, deleted.pid), (6, pid));
    assert_eq!(failure(state(&mut shim)).code, Code::NotFound);
    assert_eq!(failure(shim.call::<Wait>(&wait(&container, "e"))).code, Code::NotFound);
    // Its name can be used again.
    shim.call::<Exec>(&exec(&container, "e", "exit 4")).unwrap();
    shim.call::<Start>(&start(&container, "e")).unwrap();
    assert_eq!(shim.call::<Wait>(&wait(&container, "e")).unwrap().exit_status, 4);
    drop(shim);
    container.remove();
}

#[test]
fn one_that_cannot_be_started_ends_with_its_status() {
    let sandbox = Sandbox::new();
    let container = started(&sandbox, &waiting());
    let mut shim = client(&sandbox, &container.id);
    let mut request = exec(&container, "e", "");
    let process = json!({"args": ["/bin/nothing"], "cwd": "/", "user": {"uid": 0, "gid": 0}});
    request.spec = Some(Any::json(PROCESS_TYPE, process.to_string().into_bytes()));
    shim.call::<Exec>(&request).unwrap();
    let failed = failure(shim.call::<Start>(&start(&container, "e")));
    assert!(failed.message.contains("/bin/nothing"), "{failed:?}");
    assert_eq!(shim.call::<Wait>(&wait(&container, "e")).unwrap().exit_status, 127);
    shim.call::<Delete>(&delete(&container, "e")).unwrap();
    for wrong in ["", "../e", "a/b", "\u{e4}", &"e".repeat(300)] {
        let failed = failure(shim.call::<Exec>(&exec(&container, wrong, "exit 0")));
        assert_eq!(failed.code, Code::InvalidArgument, "{wrong:?}");
    }
    drop(shim);
    container.remove();
}

/// The exits among events: who has ended, and how.
fn exits(events: &[Event]) -> Vec<(String, u32)> {
    let exits = events.iter().filter(|event| event.topic == topic::EXIT);
    let exits = exits.map(|event| event.event.as_ref().unwrap().unpack::<TaskExit>().unwrap().unwrap());
    exits.map(|exit| (exit.id, exit.exit_status)).collect()
}

#[test]
fn all_of_them_end_before_the_container_is_said_to() {
    let sandbox = Sandbox::new();
    let container = started(&sandbox, &Config::script("echo up; read line; exit 7"));
    let mut shim = client(&sandbox, &container.id);
    let names: Vec<String> = (0..8).map(|n| format!("e{n}")).collect();
    for name in &names {
        shim.call::<Exec>(&exec(&container, name, "trap '' TERM; exec sleep 1000")).unwrap();
        shim.call::<Start>(&start(&container, name)).unwrap();
    }
    let waits: Vec<_> =
        names.iter().map(|name| shim.send::<Wait>(&wait(&container, name)).unwrap()).collect();
    let last = shim.send::<Wait>(&wait(&container, "")).unwrap();
    container.kill("KILL");
    let mut order = Vec::new();
    while order.len() < 9 {
        let (stream, answer) = shim.receive().unwrap();
        assert_eq!(Client::decode::<Wait>(answer).unwrap().exit_status, 137);
        order.push(stream);
    }
    assert_eq!(order.pop(), Some(last));
    assert!(waits.iter().all(|wait| order.contains(wait)));
    let request = EventsRequest { id: container.id.clone(), after: 0 };
    let events = shim.call::<Events>(&request).unwrap().events;
    let exits = exits(&events);
    assert_eq!(exits.len(), 9, "{exits:?}");
    assert_eq!(exits.last().unwrap(), &(container.id.clone(), 137));
    assert!(exits.iter().all(|(_, status)| *status == 137), "{exits:?}");
    let numbers: Vec<u64> = events.iter().map(|event| event.number).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
    let topics: Vec<&str> = events.iter().map(|event| event.topic.as_str()).collect();
    assert_eq!(topics[..4], [topic::CREATE, topic::START, topic::EXEC_ADDED, topic::EXEC_STARTED]);
    drop(shim);
    container.delete();
}
