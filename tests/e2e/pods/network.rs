//! The network of a pod: bridge CNI, localhost, ports of the host.

use super::plain;
use nexcage_tests::{Cri, Sandbox, await_that};
use serde_json::json;
use std::io::Read as _;
use std::net::TcpStream;

/// What a server says to whoever connects.
fn read(address: &str, port: u16) -> String {
    let mut said = String::new();
    if let Ok(mut stream) = TcpStream::connect((address, port)) {
        drop(stream.read_to_string(&mut said));
    }
    said
}

const SERVER: &str = "echo serving; while :; do echo hello | nc -l -p 80; done";

#[test]
fn two_containers_share_an_address_and_the_host_reaches_it() {
    let sandbox = Sandbox::new();
    let cri = Cri::start(&sandbox);
    let host_port = 20000 + u16::try_from(std::process::id() % 20000).unwrap();
    let ports = json!({ "port_mappings": [{ "container_port": 80, "host_port": host_port }] });
    let pod = cri.pod("web", &ports);
    let address = pod.status()["network"]["ip"].as_str().unwrap().to_owned();
    let server = pod.run("server", SERVER, &plain());
    let client = pod.run("client", "sleep 1000", &plain());
    for container in [&server, &client] {
        let said = container.exec("ip -o -4 address show eth0; hostname");
        assert!(said.stdout.contains(&address) && said.stdout.contains("\nweb\n"), "{said:?}");
    }
    await_that("it serves", || server.log("stdout") == "serving\n");
    await_that("localhost answers", || client.exec("nc -w 1 127.0.0.1 80").stdout == "hello\n");
    await_that("the host reaches it", || read(&address, 80) == "hello\n");
    await_that("the host's port leads to it", || read(&cri.gateway(), host_port) == "hello\n");

    let other = cri.pod("other", &plain());
    let caller = other.run("caller", "sleep 1000", &plain());
    await_that("another pod reaches it", || {
        caller.exec(&format!("nc -w 1 {address} 80")).stdout == "hello\n"
    });
    other.remove();

    let url = cri.call("PortForward", &json!({ "pod_sandbox_id": pod.id, "port": [80] }))["url"].take();
    let channels = cri.stream(&url, &[(0, "anything\n")], Some("hello\n"));
    assert!(channels["0"].as_str().unwrap().ends_with("hello\n"), "{channels}");
    pod.remove();
    cri.assert_clean();
}
