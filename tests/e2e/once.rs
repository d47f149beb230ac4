//! LXC restarts containers whose process reboots or dies by SIGHUP. Here a process runs once.

use crate::{EXIT_SOURCES, text};
use nexcage_tests::{Config, Sandbox};
use oci_spec::runtime::{Capabilities, Capability, LinuxNamespaceType};
use std::fs;

/// Runs it and expects one of these statuses.
#[track_caller]
fn check(config: &Config, expected: &[i32]) {
    let sandbox = Sandbox::new();
    for source in EXIT_SOURCES {
        let bundle = sandbox.bundle(config);
        let output = sandbox.run(&bundle).args(["--exit-source", source]).output();
        let status = output.status.code().unwrap();
        assert!(expected.contains(&status), "{source}: {status} {}", text(&output.stderr));
        assert_eq!(fs::read_to_string(bundle.rootfs().join("ran")).unwrap(), "ran\n", "once");
        sandbox.assert_nothing_left();
    }
}

/// The kernel kills the process and tells its parent SIGHUP (reboot(2)); pidfd and process events say
/// SIGKILL.
const REBOOTED: &[i32] = &[129, 137];
/// The same for SIGINT.
const POWERED_OFF: &[i32] = &[130, 137];

fn may_reboot() -> Capabilities {
    [Capability::SysBoot].into_iter().collect()
}

#[test]
fn a_reboot_from_inside_ends_the_container() {
    let config = Config::script("echo ran >> /ran; reboot -f; sleep 1000");
    check(&config.capabilities(&may_reboot(), &Capabilities::new()), REBOOTED);
}

#[test]
fn a_power_off_from_inside_ends_the_container() {
    let config = Config::script("echo ran >> /ran; poweroff -f; sleep 1000");
    check(&config.capabilities(&may_reboot(), &Capabilities::new()), POWERED_OFF);
}

#[test]
fn death_by_sighup_in_the_host_s_pid_namespace_is_not_repeated() {
    let config = Config::script("echo ran >> /ran; kill -HUP $$; sleep 1000");
    check(&config.without_namespace(LinuxNamespaceType::Pid), &[129]);
}

#[test]
fn death_by_sighup_in_a_joined_pid_namespace_is_not_repeated() {
    let sandbox = Sandbox::new();
    let mut holder = sandbox.run(&sandbox.bundle(&Config::script("echo up; read line"))).start();
    assert_eq!(holder.line(), "up");
    let path = format!("/proc/{}/ns/pid", crate::inspect::pid(&sandbox, &holder.id));
    let config = Config::script("echo ran >> /ran; kill -HUP $$; sleep 1000");
    check(&config.joining_namespace(LinuxNamespaceType::Pid, &path), &[129]);
    assert_eq!(holder.wait().status.code(), Some(1), "end of file");
}
