//! The cgroup that a bundle names.

use crate::text;
use nexcage_tests::{Config, Sandbox};
use oci_spec::runtime::LinuxNamespaceType;
use serde_json::json;
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

#[test]
fn the_kernel_shows_the_limits_that_the_bundle_sets() {
    let Some(root) = Some("/sys/fs/cgroup").filter(|root| Path::new(root).join("memory").is_dir()) else {
        println!("NOT RUN: this host has no cgroup v1");
        return;
    };
    let sandbox = Sandbox::new();
    // The kernel takes limits for disks that it has.
    let mut disks = fs::read_dir("/sys/block").unwrap().flatten();
    let disk = disks.find_map(|disk| fs::read_to_string(disk.path().join("dev")).ok()).unwrap();
    let (major, minor) = disk.trim().split_once(':').unwrap();
    let throttled = format!("{major}:{minor} 1048576");
    let (major, minor): (u32, u32) = (major.parse().unwrap(), minor.parse().unwrap());
    // Where the CT's process is below the cgroup that has the limits.
    let script = "for file; do
            path=$(grep \":${file%%/*}:\" /proc/self/cgroup | cut -d : -f 3)
            cat /cg/${file%%/*}${path%/ns}/${file#*/} | grep -v '^under\\|^oom_kill '
        done";
    let expected = [
        ("memory/memory.limit_in_bytes", "104857600"),
        ("memory/memory.memsw.limit_in_bytes", "209715200"),
        ("memory/memory.soft_limit_in_bytes", "52428800"),
        ("memory/memory.kmem.tcp.limit_in_bytes", "4194304"),
        ("memory/memory.swappiness", "7"),
        ("memory/memory.oom_control", "oom_kill_disable 1"),
        ("cpu/cpu.shares", "512"),
        ("cpu/cpu.cfs_period_us", "50000"),
        ("cpu/cpu.cfs_quota_us", "75000"),
        ("cpu/cpu.cfs_burst_us", "20000"),
        ("cpuset/cpuset.cpus", "0"),
        ("cpuset/cpuset.mems", "0"),
        ("pids/pids.max", "33"),
        ("blkio/blkio.throttle.read_bps_device", throttled.as_str()),
    ];
    let args = ["/bin/sh", "-c", script, "sh"].into_iter().chain(expected.map(|(file, _)| file));
    let mut config = Config::new(args).without_namespace(LinuxNamespaceType::Cgroup).edit(|spec| {
        let resources = json!({
            "memory": {"limit": 104_857_600, "swap": 209_715_200, "reservation": 52_428_800,
                "kernelTCP": 4_194_304, "swappiness": 7, "disableOOMKiller": true},
            "cpu": {"shares": 512, "period": 50_000, "quota": 75_000, "burst": 20_000, "cpus": "0", "mems": "0"},
            "pids": {"limit": 33},
            "blockIO": {"throttleReadBpsDevice": [{"major": major, "minor": minor, "rate": 1_048_576}]},
        });
        let mut linux = spec.linux().clone().unwrap();
        linux.set_resources(Some(serde_json::from_value(resources).unwrap()));
        spec.set_linux(Some(linux));
    });
    for controller in ["memory", "cpu", "cpuset", "pids", "blkio"] {
        config = config.bind(&Path::new(root).join(controller), &format!("/cg/{controller}"));
    }
    let output = sandbox.run(&sandbox.bundle(&config)).output();
    let (seen, said) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(seen.lines().collect::<Vec<_>>(), expected.map(|(_, value)| value), "{said}");
}

#[test]
fn a_clock_is_offset_and_a_device_has_its_mode_and_owner() {
    let sandbox = Sandbox::new();
    let script =
        "cat /proc/self/timens_offsets; stat -c '%n %a %u:%g %t:%T' /dev/null /dev/mine /dev/sub/pipe";
    let config = Config::script(script).edit(|spec| {
        let mut linux = serde_json::to_value(spec.linux()).unwrap();
        linux["namespaces"].as_array_mut().unwrap().push(json!({"type": "time"}));
        linux["timeOffsets"] =
            json!({"boottime": {"secs": 86_400}, "monotonic": {"secs": -1, "nanosecs": 0}});
        linux["devices"] = json!([
            {"path": "/dev/mine", "type": "c", "major": 1, "minor": 5, "fileMode": 0o640, "uid": 7, "gid": 8},
            {"path": "/dev/sub/pipe", "type": "p", "major": 0, "minor": 0, "fileMode": 0o604}
        ]);
        spec.set_linux(Some(serde_json::from_value(linux).unwrap()));
    });
    let output = sandbox.run(&sandbox.bundle(&config)).output();
    let (seen, said) = (text(&output.stdout), text(&output.stderr));
    let words: Vec<Vec<&str>> = seen.lines().map(|line| line.split_whitespace().collect()).collect();
    let expected: [&[&str]; 5] = [
        &["monotonic", "-1", "0"],
        &["boottime", "86400", "0"],
        &["/dev/null", "666", "0:0", "1:3"],
        &["/dev/mine", "640", "7:8", "1:5"],
        &["/dev/sub/pipe", "604", "0:0", "0:0"],
    ];
    assert_eq!(words, expected, "{said}");
}
