//! A CT's network, on a bridge of the test's own.

use super::{failure, node, sandbox};
use nexcage_tests::Config;
use oci_spec::runtime::LinuxNamespaceType;
use std::collections::HashMap;
use std::io::Write as _;
use std::net::TcpListener;
use std::process::Command;
use std::thread;

/// A bridge, until it is dropped.
struct Bridge(String);

impl Bridge {
    fn new(name: &str, address: &str) -> Self {
        let bridge = Bridge(name.to_owned());
        bridge.ip(&["link", "add", name, "type", "bridge"]);
        bridge.ip(&["addr", "add", address, "dev", name]);
        bridge.ip(&["link", "set", name, "up"]);
        bridge
    }

    fn ip(&self, words: &[&str]) {
        let output = Command::new("ip").args(words).output().unwrap();
        assert!(output.status.success(), "ip {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        drop(Command::new("ip").args(["link", "del", &self.0]).output());
    }
}

fn annotated(config: Config, key: &str, value: String) -> Config {
    let annotations = HashMap::from([(format!("org.nexcage.pve.{key}"), value)]);
    config.edit(|spec| {
        spec.set_annotations(Some(annotations));
    })
}

/// Says `pong` to whoever connects.
fn ponger(address: &str) -> u16 {
    let listener = TcpListener::bind((address, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || listener.incoming().flatten().for_each(|mut peer| drop(peer.write_all(b"pong\n"))));
    port
}

#[test]
fn a_ct_reaches_its_bridge_and_has_its_addresses() {
    let sandbox = sandbox();
    let name = format!("nx{}", std::process::id() % 100_000);
    let bridge = Bridge::new(&name, "10.213.77.1/24");
    let port = ponger("10.213.77.1");
    let script = format!(
        "cat /sys/class/net/web/mtu; cut -d ' ' -f 1 /proc/net/if_inet6 | grep ^fd13; i=0
         until nc 10.213.77.1 {port} </dev/null; do
           i=$((i+1)); [ $i -lt 30 ] || exit 1; sleep 0.2; done"
    );
    let net = format!(
        "name=web,bridge={name},ip=10.213.77.2/24,ip6=fd13:77::2/64,mtu=1400,hwaddr=BC:24:11:00:00:07"
    );
    let run = sandbox.run(&sandbox.bundle(&annotated(Config::script(&script), "net0", net)));
    run.assert().code(0).stdout("1400\nfd130077000000000000000000000002\npong\n").stderr("");
    drop(bridge);
}

#[test]
fn a_bridge_that_is_not_there_is_named_and_nothing_stays() {
    let sandbox = sandbox();
    let config = annotated(Config::script("exit 0"), "net0", "name=eth0,bridge=nobridge".to_owned());
    let message = failure(sandbox.run(&sandbox.bundle(&config)), "NX-PCT-START");
    assert!(message.contains("bridge 'nobridge' does not exist"), "{message}");
    sandbox.assert_nothing_left();
}

#[test]
fn a_network_that_is_joined_excludes_one_of_the_ct_s_own() {
    let sandbox = sandbox();
    let config = Config::script("exit 0").joining_namespace(LinuxNamespaceType::Network, "/proc/1/ns/net");
    let config = annotated(config, "net0", "name=eth0,bridge=vmbr0".to_owned());
    let message = failure(sandbox.run(&sandbox.bundle(&config)), "NX-REFUSED");
    assert!(message.contains("no new network namespace"), "{message}");
    assert_eq!(node(&sandbox).calls().unwrap(), [] as [String; 0]);
}
