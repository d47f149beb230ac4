//! Figures: by `events`, and by the Task API.

use super::{limited, started};
use crate::lifecycle::{refused, waiting};
use crate::peers::client;
use crate::text;
use nexcage_task_api::method::Stats;
use nexcage_task_api::metrics::{v1, v2};
use nexcage_task_api::task::StatsRequest;
use nexcage_tests::{Config, Container, Sandbox};
use serde_json::{Value, json};

/// One line of statistics.
fn once(container: &Container<'_>) -> Value {
    let output = container.verb("events").arg("--stats").output();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout).lines().count(), 1);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn they_are_in_runc_s_form() {
    let sandbox = Sandbox::new();
    let script = "n=0; while [ $n -lt 100000 ]; do n=$((n+1)); done; sleep 1000 & echo up; read line";
    let resources = json!({"memory": {"limit": 64 << 20}, "pids": {"limit": 50}});
    let container = started(&sandbox, &limited(&sandbox, &Config::script(script), &resources));
    let stats = once(&container);
    assert_eq!((&stats["type"], &stats["id"]), (&json!("stats"), &json!(container.id)));
    let data = &stats["data"];
    let number = |pointer: &str| {
        let value = data.pointer(pointer).and_then(Value::as_u64);
        value.unwrap_or_else(|| panic!("no {pointer}: {data}"))
    };
    assert_eq!((number("/pids/current"), number("/pids/limit")), (2, 50));
    assert_eq!(number("/memory/usage/limit"), 64 << 20);
    assert!((1..64 << 20).contains(&number("/memory/usage/usage")));
    assert!(number("/cpu/usage/total") > 1_000_000, "{data}");
    for part in ["cpu", "memory", "pids", "blkio", "hugetlb", "intel_rdt"] {
        assert!(data[part].is_object(), "no {part}: {data}");
    }
    container.shell("n=0; while [ $n -lt 100000 ]; do n=$((n+1)); done").assert().code(0);
    let later = once(&container);
    assert!(later["data"]["cpu"]["usage"]["total"].as_u64() > data["cpu"]["usage"]["total"].as_u64());
    container.remove();
}

#[test]
fn they_come_again_and_again_until_the_end() {
    let sandbox = Sandbox::new();
    let mut container = started(&sandbox, &sandbox.bundle(&waiting()));
    let mut events = sandbox.nexcage("events").args(["--interval", "50ms", &container.id]).start();
    for _ in 0..3 {
        let line: Value = serde_json::from_str(&events.line()).unwrap();
        assert_eq!(line["type"], "stats");
    }
    container.write(b"go\n");
    let output = events.wait();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    container.await_status("stopped");
    refused(container.verb("events"), "NX-WRONG-STATE", 1);
    refused(container.verb("events").arg("--stats"), "NX-WRONG-STATE", 1);
    container.delete();
}

#[test]
fn whoever_reads_them_no_more_ends_them() {
    let sandbox = Sandbox::new();
    let container = started(&sandbox, &sandbox.bundle(&waiting()));
    let mut events = sandbox.nexcage("events").args(["--interval", "20ms", &container.id]).start();
    assert!(events.line().contains("stats"));
    drop(events.stdout.take());
    crate::lifecycle::await_that("it ends", || !events.is_running());
    container.remove();
}

#[test]
fn the_task_api_has_them_as_containerd_s_metrics() {
    let sandbox = Sandbox::new();
    let container = started(&sandbox, &limited(&sandbox, &waiting(), &json!({"pids": {"limit": 50}})));
    let request = StatsRequest { id: container.id.clone() };
    let stats = client(&sandbox, &container.id).call::<Stats>(&request).unwrap().stats.unwrap();
    let (pids, limit, memory) = match stats.unpack::<v1::Metrics>().unwrap() {
        Some(metrics) => {
            let pids = metrics.pids.unwrap();
            (pids.current, pids.limit, metrics.memory.unwrap().usage.unwrap().usage)
        }
        None => {
            let metrics = stats.unpack::<v2::Metrics>().unwrap().unwrap();
            let pids = metrics.pids.unwrap();
            (pids.current, pids.limit, metrics.memory.unwrap().usage)
        }
    };
    assert_eq!((pids, limit), (1, 50), "{}", stats.type_url);
    assert!(memory > 0);
    // A created one has figures too.
    container.remove();
    let container = sandbox.create(&sandbox.bundle(&waiting()));
    let request = StatsRequest { id: container.id.clone() };
    assert!(client(&sandbox, &container.id).call::<Stats>(&request).unwrap().stats.is_some());
    container.remove();
}
