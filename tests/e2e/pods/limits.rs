//! Figures and limits.

use super::plain;
use nexcage_tests::{Backend, Cri, Sandbox, await_that};
use serde_json::{Value, json};

fn number(value: &Value) -> u64 {
    value["value"].as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{value}"))
}

#[test]
fn figures_are_told_and_limits_are_changed() {
    let sandbox = Sandbox::new();
    let cri = Cri::start(&sandbox);
    let pod = cri.pod("limits", &plain());
    let resources = |memory: u64| json!({ "memory_limit_in_bytes": memory, "cpu_shares": 512 });
    let more = json!({ "linux": { "resources": resources(64 << 20) } });
    let container = pod.run("app", "while :; do sleep 0.05; done", &more);
    let stats = container.call("ContainerStats", &plain())["stats"].take();
    assert!(number(&stats["memory"]["working_set_bytes"]) > 0, "{stats}");
    await_that("it has taken time", || {
        number(&container.call("ContainerStats", &plain())["stats"]["cpu"]["usage_core_nano_seconds"]) > 0
    });
    let of_pod = json!({ "filter": { "pod_sandbox_id": pod.id } });
    let listed = cri.call("ListContainerStats", &of_pod)["stats"].take();
    assert_eq!(listed[0]["attributes"]["id"], container.id.as_str(), "{listed}");
    let pods = pod.call("PodSandboxStats")["stats"].take();
    assert_eq!(pods["linux"]["containers"][0]["attributes"]["id"], container.id.as_str(), "{pods}");
    assert!(number(&pods["linux"]["network"]["default_interface"]["rx_bytes"]) > 0, "{pods}");

    let limit = || container.cgroup_value("memory", "memory.limit_in_bytes", "memory.max");
    assert_eq!(limit(), (64 << 20).to_string());
    container.call("UpdateContainerResources", &json!({ "linux": resources(48 << 20) }));
    assert_eq!(limit(), (48 << 20).to_string());

    let hungry = "x=$(head -c 100000000 /dev/zero | tr '\\0' x); echo survived";
    let eater = pod.run("eater", hungry, &json!({ "linux": { "resources": resources(16 << 20) } }));
    await_that("it has ended", || eater.status()["state"] == "CONTAINER_EXITED");
    let status = eater.status();
    assert_eq!((&status["reason"], &status["exit_code"]), (&json!("OOMKilled"), &json!(137)), "{status}");
    pod.remove();
    cri.assert_clean();
}

#[test]
fn a_pod_is_in_the_slice_that_systemd_would_make() {
    let sandbox = Sandbox::new();
    let cri = Cri::start(&sandbox);
    // The parts of a slice's name between the dashes are slices above it.
    let stem = format!("{}_pods", sandbox.namespace().replace('-', "_"));
    sandbox.watch(&format!("/{stem}"));
    let slice = json!({ "linux": { "cgroup_parent": format!("{stem}-burstable-pod1.slice") } });
    let pod = cri.pod("slice", &slice);
    let container = pod.run("app", "sleep 1000", &plain());
    let stats = container.call("ContainerStats", &plain())["stats"].take();
    assert!(number(&stats["memory"]["working_set_bytes"]) > 0, "{stats}");
    if Backend::of_this_run() == Backend::Lxc {
        let id = &container.id;
        let expected = format!(
            "/{stem}.slice/{stem}-burstable.slice/{stem}-burstable-pod1.slice/cri-containerd-{id}.scope"
        );
        let own = std::fs::read_to_string(format!("/proc/{}/cgroup", container.pid())).unwrap();
        assert!(own.lines().all(|line| line.ends_with(&expected)), "{own}");
    }
    pod.remove();
    cri.assert_clean();
}
