//! Pods of Kubernetes, as containerd's CRI makes them of nexcage's containers.

use nexcage_tests::{Cri, Sandbox};
use serde_json::json;

/// A namespace option for a pod or a container.
fn namespaces(pid: &str, network: &str, ipc: &str) -> serde_json::Value {
    let options = json!({ "pid": pid, "network": network, "ipc": ipc });
    json!({ "linux": { "security_context": { "namespace_options": options } } })
}

#[test]
fn two_containers_share_an_address_and_talk_over_localhost() {
    let sandbox = Sandbox::new();
    let cri = Cri::start(&sandbox);
    let pod = cri.pod("web", &json!({}));
    let address = pod.status()["network"]["ip"].as_str().unwrap().to_owned();
    let server = pod.run("server", "echo serving; while :; do echo hello | nc -l -p 80; done", &json!({}));
    let client = pod.run("client", "sleep 1000", &json!({}));
    for container in [&server, &client] {
        let said = container.exec("ip -o -4 address show eth0; hostname; readlink /proc/1/ns/pid");
        assert!(said.stdout.contains(&address) && said.stdout.contains("\nweb\n"), "{said:?}");
    }
    assert_eq!(client.exec("nc -w 5 127.0.0.1 80").stdout, "hello\n");
    pod.remove();
    cri.assert_clean();
}
