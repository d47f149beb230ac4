//! The cgroup that a bundle names.

use crate::text;
use nexcage_tests::{Config, Sandbox};
use oci_spec::runtime::LinuxNamespaceType;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A hierarchy that every machine has, whichever version of cgroups.
fn hierarchy() -> &'static Path {
    let v1 = Path::new("/sys/fs/cgroup/pids");
    if v1.is_dir() { v1 } else { Path::new("/sys/fs/cgroup") }
}

fn config(path: &str, script: &str) -> Config {
    // In a cgroup namespace the process would see "/".
    Config::script(script).without_namespace(LinuxNamespaceType::Cgroup).edit(|spec| {
        let mut linux = spec.linux().clone().unwrap();
        linux.set_cgroups_path(Some(PathBuf::from(path)));
        spec.set_linux(Some(linux));
    })
}

#[test]
fn the_process_is_in_the_named_cgroup_and_no_part_of_that_is_left() {
    let sandbox = Sandbox::new();
    let parent = format!("{}-parent", sandbox.namespace());
    let bundle = sandbox.bundle(&config(&format!("/{parent}/child"), "cat /proc/self/cgroup"));
    let output = sandbox.run(&bundle).output();
    let (seen, errors) = (text(&output.stdout), text(&output.stderr));
    assert_eq!((output.status.code(), errors.as_str()), (Some(0), ""));
    // A CT has the cgroups that Proxmox gives it.
    if sandbox.node().is_none() {
        assert!(seen.contains(&format!("/{parent}/child")), "{seen}");
    }
    assert!(!hierarchy().join(parent).exists());
}

#[test]
fn a_cgroup_that_exists_is_left_alone_with_all_in_it() {
    let sandbox = Sandbox::new();
    if sandbox.node().is_some() {
        // Proxmox does not look at the bundle's path: it runs beside the other's cgroup.
        let bundle = sandbox.bundle(&config("/lxc.pivot", "exit 0"));
        sandbox.run(&bundle).assert().code(0);
        return;
    }
    let name = format!("{}-other", sandbox.namespace());
    let other = hierarchy().join(&name);
    fs::create_dir(&other).unwrap();
    let mut process = Command::new("sleep").arg("60").spawn().unwrap();
    fs::write(other.join("cgroup.procs"), process.id().to_string()).unwrap();
    let output = sandbox.run(&sandbox.bundle(&config(&name, "exit 0"))).output();
    let alive = process.try_wait().unwrap().is_none();
    process.kill().unwrap();
    process.wait().unwrap();
    fs::remove_dir(&other).unwrap();
    let message = text(&output.stderr);
    assert!(message.contains("NX-REFUSED") && message.contains("linux.cgroupsPath"), "{message}");
    assert_eq!((output.status.code(), alive), (Some(125), true));
}
