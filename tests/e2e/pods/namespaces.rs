//! Which namespaces the containers of a pod share, among themselves and with the host.

use super::{plain, security};
use nexcage_tests::{Cri, CriContainer, Sandbox};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

fn namespace(pid: i64, kind: &str) -> PathBuf {
    fs::read_link(format!("/proc/{pid}/ns/{kind}")).unwrap()
}

fn options(pid: &str, network: &str, ipc: &str) -> Value {
    security(&json!({ "namespace_options": { "pid": pid, "network": network, "ipc": ipc } }))
}

/// Of these kinds, those that two containers share.
fn shared(one: i64, other: i64) -> Vec<&'static str> {
    let kinds = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"];
    kinds.into_iter().filter(|kind| namespace(one, kind) == namespace(other, kind)).collect()
}

fn pids(containers: [&CriContainer<'_, '_>; 2]) -> (i64, i64) {
    let [one, other] = containers.map(CriContainer::pid);
    (one, other)
}

const SLEEP: &str = "sleep 1000";

#[test]
fn namespaces_are_shared_as_the_pod_says() {
    let sandbox = Sandbox::new();
    let cri = Cri::start(&sandbox);
    let own = i64::from(std::process::id());

    let pod = cri.pod("each", &plain());
    let (one, other) = pids([&pod.run("one", SLEEP, &plain()), &pod.run("other", SLEEP, &plain())]);
    assert_eq!(shared(one, other), shared_by(&["ipc", "net", "uts"], one, other));
    assert_eq!(shared(one, own), shared_by(&[], one, own));
    pod.remove();

    let pod = cri.pod("process", &options("POD", "POD", "POD"));
    let (one, other) = pids([&pod.run("one", SLEEP, &plain()), &pod.run("other", SLEEP, &plain())]);
    assert_eq!(shared(one, other), shared_by(&["ipc", "net", "pid", "uts"], one, other));
    let seen = pod.told("seen", "ps -o args", &plain());
    assert!(seen.contains("trap 'exit 0' TERM") && seen.matches(SLEEP).count() >= 3, "{seen}");
    pod.remove();

    // Kubernetes gives no name to a pod that has the host's network.
    let mut host = options("NODE", "NODE", "NODE");
    host["hostname"] = json!("");
    let pod = cri.pod("host", &host);
    let container = pod.run("one", SLEEP, &plain());
    assert_eq!(shared(container.pid(), own), shared_by(&["ipc", "net", "pid", "uts"], container.pid(), own));
    let seen = container.exec("test -d /proc/$1 && echo there".replace("$1", &own.to_string()).as_str());
    assert_eq!(seen.stdout, "there\n", "{seen:?}");
    pod.remove();

    let pod = cri.pod("target", &plain());
    let app = pod.run("app", SLEEP, &plain());
    let target = json!({ "namespace_options": { "pid": "TARGET", "target_id": app.id } });
    let debug = pod.run("debug", SLEEP, &security(&target));
    assert_eq!(namespace(app.pid(), "pid"), namespace(debug.pid(), "pid"));
    assert!(debug.exec("ps").stdout.matches(SLEEP).count() >= 2);
    debug.call("StopContainer", &json!({ "timeout": 0 }));
    assert_eq!(app.status()["state"], "CONTAINER_RUNNING");
    pod.remove();
    cri.assert_clean();
}

/// These kinds, and those that the specification leaves as they are: cgroup on version 1, and user.
fn shared_by(kinds: &[&'static str], one: i64, other: i64) -> Vec<&'static str> {
    let mut all = kinds.to_vec();
    all.push("user");
    if namespace(one, "cgroup") == namespace(other, "cgroup") {
        all.push("cgroup");
    }
    all.sort_unstable();
    all
}
