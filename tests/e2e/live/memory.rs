//! Lack of memory is noticed and told.

use super::{limited, started};
use crate::lifecycle::{exit_status, waiting};
use crate::peers::client;
use crate::text;
use nexcage_task_api::events::topic;
use nexcage_task_api::method::Events;
use nexcage_task_api::shim::EventsRequest;
use nexcage_tests::{Config, Container, Sandbox};
use serde_json::{Value, json};

const LITTLE: u64 = 24 << 20;
/// A text that doubles until there is no more room for it.
const EAT: &str = "x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done";

fn little() -> Value {
    json!({"memory": {"limit": LITTLE, "swap": LITTLE}})
}

/// Topics of the events so far.
fn topics(sandbox: &Sandbox, container: &Container<'_>) -> Vec<String> {
    let request = EventsRequest { id: container.id.clone(), after: 0 };
    let events = client(sandbox, &container.id).call::<Events>(&request).unwrap().events;
    events.into_iter().map(|event| event.topic).collect()
}

#[test]
fn a_container_that_dies_of_it_says_so_before_its_end() {
    let sandbox = Sandbox::new();
    let config = Config::script(&format!("echo up; read line; {EAT}"));
    let mut container = started(&sandbox, &limited(&sandbox, &config, &little()));
    container.write(b"go\n");
    container.await_status("stopped");
    assert_eq!(exit_status(&sandbox, &container.id), json!(137));
    crate::lifecycle::await_that("the exit is told", || {
        topics(&sandbox, &container).iter().any(|topic| topic == topic::EXIT)
    });
    let topics = topics(&sandbox, &container);
    let at = |wanted: &str| topics.iter().position(|topic| topic == wanted);
    assert!(at(topic::OOM).is_some() && at(topic::OOM) < at(topic::EXIT), "{topics:?}");
    container.delete();
}

#[test]
fn a_container_that_outlives_it_tells_of_it() {
    let sandbox = Sandbox::new();
    let container = started(&sandbox, &limited(&sandbox, &waiting(), &little()));
    let mut events = sandbox.nexcage("events").args(["--interval", "1h", &container.id]).start();
    let first: Value = serde_json::from_str(&events.line()).unwrap();
    assert_eq!(first["type"], "stats");
    let output = container.shell(EAT).output();
    assert_eq!(output.status.code(), Some(137), "{}", text(&output.stderr));
    let told: Value = serde_json::from_str(&events.line()).unwrap();
    assert_eq!((&told["type"], &told["id"]), (&json!("oom"), &json!(container.id)));
    assert_eq!(container.status(), "running");
    container.remove();
    assert_eq!(events.wait().status.code(), Some(0));
}

#[test]
fn a_container_that_has_enough_tells_nothing() {
    let sandbox = Sandbox::new();
    let container = started(&sandbox, &limited(&sandbox, &waiting(), &little()));
    container.kill("KILL");
    container.await_status("stopped");
    assert!(!topics(&sandbox, &container).iter().any(|topic| topic == topic::OOM));
    container.delete();
}
