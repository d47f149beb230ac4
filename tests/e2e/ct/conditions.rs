//! The conditions on which a hand-over works under `pct start`, each with what happens without it.

use super::{await_that, await_unit, conf, monitor, node, pct, sandbox, start, wrap};
use crate::text;
use nexcage_tests::{Config, FIRST_VMID};
use oci_spec::runtime::LinuxNamespaceType;
use rustix::process::{Pid, Signal, kill_process};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{fs, thread};

#[test]
fn what_proxmox_drops_is_reset_before_capabilities_are_kept() {
    let sandbox = sandbox();
    let node = node(&sandbox);
    let mut running = start(sandbox.run(&sandbox.bundle(&Config::script("echo up; read line"))));
    let ours = fs::read_to_string(conf(node, FIRST_VMID)).unwrap();
    let path = ours.lines().find_map(|line| line.strip_prefix("lxc.include: ")).unwrap();
    let include = fs::read_to_string(path).unwrap();
    let caps: Vec<&str> = include.lines().filter(|line| line.starts_with("lxc.cap.")).collect();
    assert_eq!(caps[0].trim_end(), "lxc.cap.drop =", "{include}");
    assert!(caps.len() > 1 && caps[1..].iter().all(|line| line.starts_with("lxc.cap.keep")), "{include}");

    let without = include.replacen(&format!("{}\n", caps[0]), "", 1);
    let copy = sandbox.path().join("without.conf");
    fs::write(&copy, without).unwrap();
    fs::write(conf(node, 4000), ours.replace(path, &copy.to_string_lossy())).unwrap();
    // LXC gives up before it can report anything.
    node.set("monitor_timeout_ms", "300").unwrap();
    let output = pct(node, &["start", "4000"]);
    await_unit(node, 4000);
    assert_eq!(output.status.code(), Some(255), "{}", text(&output.stderr));
    // What lxc-start says goes to the unit's file.
    let said = fs::read_to_string(node.run_dir().join("ct-4000.stderr")).unwrap();
    assert!(said.contains("Keeping and dropping capabilities are mutually exclusive"), "{said}");

    running.write(b"go\n");
    assert_eq!(running.wait().status.code(), Some(0));
    assert_eq!(pct(node, &["destroy", "4000"]).status.code(), Some(0));
}

/// A process with a network namespace of its own.
struct Network(Child);

impl Network {
    fn new() -> Self {
        let mut command = Command::new("unshare");
        command.args(["--net", "sleep", "1000"]).stdout(Stdio::null()).stderr(Stdio::null());
        Network(command.spawn().unwrap())
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn an_unprivileged_ct_shares_a_network_namespace_without_rights_over_it() {
    let sandbox = sandbox();
    // One that has an interface by which it is known.
    let other = Network::new();
    let link = |process: &str| fs::read_link(format!("/proc/{process}/ns/net")).unwrap();
    let (host, number) = (link("self"), other.0.id().to_string());
    await_that("there is another network", || link(&number) != host);
    let path = format!("/proc/{number}/ns/net");
    let add = "ip link add nxb0 type bridge; exec ip link set nxb0 address 02:00:00:00:00:07";
    sandbox.command("nsenter").arg(format!("--net={path}")).args(["sh", "-c", add]).assert().code(0);

    let script = "readlink /proc/self/ns/net; ls -d /sys/class/net/lo; cat /sys/class/net/nxb0/address 2>&1
                  grep -c ' /sys/' /proc/mounts; touch /sys/x 2>/dev/null || echo read-only
                  grep ' /sys sysfs' /proc/mounts | grep -o ' ro,'";
    let kind = LinuxNamespaceType::Network;
    let config = Config::script(script).mapped_to(100_000);
    let none = "cat: can't open '/sys/class/net/nxb0/address': No such file or directory";
    for (config, network, address) in [
        (config.clone().without_namespace(kind), host, none),
        (config.joining_namespace(kind, &path), link(&number), "02:00:00:00:00:07"),
    ] {
        let stdout = format!("{}\n/sys/class/net/lo\n{address}\n1\nread-only\n ro,\n", network.display());
        sandbox.run(&sandbox.bundle(&config)).assert().code(0).stdout(stdout).stderr("");
    }
}

#[test]
fn the_process_starts_after_pct_start_has_returned_0() {
    let sandbox = sandbox();
    let bundle = sandbox.bundle(&Config::new(["/bin/touch", "/ran"]));
    let seen = sandbox.path().join("seen");
    let after = format!(
        "sleep 0.3; {{ echo $status; \"$pct\" status $2; test -e '{}' && echo ran; }} > '{}'",
        bundle.rootfs().join("ran").display(),
        seen.display(),
    );
    wrap(node(&sandbox), "", &after);
    sandbox.run(&bundle).assert().code(0).stdout("").stderr("");
    assert_eq!(fs::read_to_string(seen).unwrap(), "0\nstatus: running\n");
    assert!(bundle.rootfs().join("ran").exists());
}

#[test]
fn a_program_that_ends_at_once_does_not_make_pct_fail() {
    let sandbox = sandbox();
    let bundle = sandbox.bundle(&Config::new(["/bin/true"]));
    for _ in 0..5 {
        sandbox.run(&bundle).assert().code(0).stdout("").stderr("");
    }
}

#[test]
fn an_exit_status_is_waited_for_until_lxc_has_reaped_the_process() {
    let sandbox = sandbox();
    let bundle = sandbox.bundle(&Config::script("echo up; read line; exit 42"));
    let mut running = start(sandbox.run(&bundle).args(["--exit-source", "pidfd"]));
    let monitor = Pid::from_raw(monitor(&sandbox)).unwrap();
    kill_process(monitor, Signal::STOP).unwrap();
    running.write(b"go\n");
    // The process is a zombie now: its pidfd is readable and has no status yet.
    thread::sleep(Duration::from_millis(200));
    assert!(running.is_running());
    kill_process(monitor, Signal::CONT).unwrap();
    let output = running.wait();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(42), String::new()));
}

#[test]
fn twenty_quick_ends_give_the_right_status() {
    let sandbox = sandbox();
    let bundle = sandbox.bundle(&Config::script("read line; exit $line").read_only());
    thread::scope(|scope| {
        for first in [0, 5, 10, 15] {
            let (sandbox, bundle) = (&sandbox, &bundle);
            scope.spawn(move || {
                for status in first..first + 5 {
                    let run = sandbox.run(bundle).args(["--exit-source", "pidfd"]);
                    run.stdin(format!("{status}\n")).assert().code(status).stdout("").stderr("");
                }
            });
        }
    });
}
