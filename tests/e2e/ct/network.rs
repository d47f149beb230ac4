//! A CT's network, on a bridge of the test's own.

use super::{failure, node, sandbox};
use nexcage_tests::Config;
use oci_spec::runtime::LinuxNamespaceType;
use std::collections::HashMap;
use std::fs;
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

/// Runs a script on a bridge of the test's own with these annotations besides `net0`.
fn on_bridge(name: &str, config: Config, net: &str, more: &[(&str, &str)]) -> String {
    let sandbox = sandbox();
    let name = format!("{name}{}", std::process::id() % 100_000);
    let _bridge = Bridge::new(&name, "10.213.78.1/24");
    let more = more.iter().map(|(key, value)| (format!("org.nexcage.pve.{key}"), (*value).to_owned()));
    let net = format!("name=eth0,bridge={name},{net}");
    let all: HashMap<String, String> = more.chain([("org.nexcage.pve.net0".to_owned(), net)]).collect();
    let config = config.edit(|spec| {
        spec.set_annotations(Some(all));
    });
    let output = sandbox.run(&sandbox.bundle(&config)).output();
    assert_eq!((output.status.code(), &*crate::text(&output.stderr)), (Some(0), ""));
    crate::text(&output.stdout)
}

#[test]
fn a_ct_with_an_address_has_a_resolv_conf_and_hosts_that_it_may_change() {
    let script =
        "cat /etc/resolv.conf /etc/hosts; echo '# mine' >> /etc/resolv.conf && tail -1 /etc/resolv.conf";
    let asked = [("nameserver", "10.0.0.9 fd00::9"), ("searchdomain", "example.org")];
    let expected = "nameserver 10.0.0.9\nnameserver fd00::9\nsearch example.org\n\
                    127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n10.213.78.2 box\n# mine\n";
    for config in [Config::script(script), Config::script(script).mapped_to(100_000)] {
        assert_eq!(on_bridge("nr", config, "ip=10.213.78.2/24,gw=10.213.78.1", &asked), expected);
    }
}

#[test]
fn what_the_bundle_mounts_is_left_alone_and_so_is_who_gets_its_address_itself() {
    let own = tempfile::NamedTempFile::new().unwrap();
    fs::write(own.path(), "nameserver 10.9.9.9\n").unwrap();
    let script = "cat /etc/resolv.conf; grep -c ' box$' /etc/hosts";
    let config = Config::script(script).bind(own.path(), "/etc/resolv.conf");
    let shown = on_bridge("nb", config, "ip=10.213.78.2/24", &[("nameserver", "10.0.0.9")]);
    assert_eq!(shown, "nameserver 10.9.9.9\n1\n");
    assert_eq!(fs::read_to_string(own.path()).unwrap(), "nameserver 10.9.9.9\n");
    let script = "[ -e /etc/resolv.conf ] || echo none";
    assert_eq!(on_bridge("nd", Config::script(script), "ip=dhcp", &[]), "none\n");
    let script = "cat /etc/resolv.conf; tail -1 /etc/hosts";
    let shown = on_bridge("ns", Config::script(script), "ip=dhcp", &[("nameserver", "10.0.0.9")]);
    assert_eq!(shown.lines().next_back(), Some("127.0.1.1 box"));
    assert!(shown.starts_with("nameserver 10.0.0.9\n"), "{shown}");
}

/// Proxmox carries these out: what it is told is what was asked for.
#[test]
fn vlan_rate_and_firewall_are_told_to_proxmox_word_for_word() {
    let sandbox = sandbox();
    let net = "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:07,ip=10.213.79.2/24,ip6=fd13:79::2/64,mtu=1400,\
               tag=7,trunks=8;9,rate=2.5,firewall=1";
    let script = "cat /sys/class/net/eth0/address /sys/class/net/eth0/mtu; echo up; read line";
    let bundle = sandbox.bundle(&annotated(Config::script(script), "net0", net.to_owned()));
    let mut running = sandbox.run(&bundle).start();
    assert_eq!([(); 3].map(|()| running.line()), ["bc:24:11:00:00:07", "1400", "up"]);
    let shown = crate::text(&super::pct(node(&sandbox), &["config", "5000"]).stdout);
    assert!(shown.lines().any(|line| line == format!("net0: {net}")), "{shown}");
    running.write(b"go\n");
    assert_eq!(running.wait().status.code(), Some(0));
}
