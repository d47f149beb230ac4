//! Rendered configurations under the real LXC, without nexcage-init: busybox in its place.

use crate::bundle::{self, set};
use lxc_render_config::{CgroupChoice, CgroupVersion, prepare_mount_points};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{self, Command};
use tempfile::TempDir;

/// Renders a bundle and starts it with a shell script as its init; gives what that prints.
fn run(config: &Value, name: &str, script: &str) -> String {
    let dir = bundle::make(config);
    fill(&dir.path().join("rootfs"), script);
    let version = CgroupChoice::Auto.version();
    let rendered = bundle::render_in(dir.path(), version).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(rendered.steps, [], "nexcage-setup does not run here");
    prepare_mount_points(&rendered).unwrap();
    let mut config = rendered.config;
    config.push("lxc.init.cmd", "/bin/busybox sh /script").unwrap();
    start(&dir, &config.text(), &format!("{name}-{}", process::id()))
}

fn fill(root: &Path, script: &str) {
    fs::copy("/bin/busybox", root.join("bin/busybox"))
        .unwrap_or_else(|error| panic!("this test needs the static busybox: {error}"));
    fs::write(root.join("script"), format!("PATH=/bin\nalias cat='busybox cat'\n{script}")).unwrap();
}

fn start(dir: &TempDir, config: &str, name: &str) -> String {
    let (file, log) = (dir.path().join("lxc.conf"), dir.path().join("log"));
    fs::write(&file, config).unwrap();
    let output = Command::new("lxc-start")
        .args(["-F", "-n", name, "-P"])
        .arg(dir.path())
        .arg("-f")
        .arg(&file)
        .arg("-o")
        .arg(&log)
        .output()
        .unwrap_or_else(|error| panic!("this test needs lxc-start: {error}"));
    let log = fs::read_to_string(log).unwrap_or_default();
    // nexcage-init makes /dev/null, and it does not run here.
    let errors: Vec<&str> =
        log.lines().filter(|line| line.contains("ERROR") && !line.contains("open_devnull")).collect();
    assert!(output.status.success() && errors.is_empty(), "{config}\n{}", errors.join("\n"));
    String::from_utf8(output.stdout).unwrap()
}

/// One mount as the kernel shows it: its type, and the flags that the specification has.
fn mounted<'m>(info: &'m str, target: &str) -> Option<(&'m str, BTreeSet<&'m str>)> {
    const FLAGS: [&str; 4] = ["ro", "nosuid", "nodev", "noexec"];
    let line = info.lines().rfind(|line| line.split(' ').nth(4) == Some(target))?;
    let flags = line.split(' ').nth(5)?.split(',').filter(|flag| FLAGS.contains(flag)).collect();
    let (_, file_system) = line.split_once(" - ")?;
    Some((file_system.split(' ').next()?, flags))
}

/// What `runc spec` writes, without a terminal.
fn spec() -> Value {
    let spec = tempfile::tempdir().unwrap();
    let made = Command::new("runc").arg("spec").current_dir(spec.path()).status();
    assert!(made.is_ok_and(|status| status.success()), "this test needs runc");
    let mut config: Value =
        serde_json::from_slice(&fs::read(spec.path().join("config.json")).unwrap()).unwrap();
    config["process"]["terminal"] = false.into();
    config
}

#[test]
fn the_mounts_of_runcs_own_bundle_are_what_the_kernel_shows() {
    let mut config = spec();
    // With cgroup v1 nexcage-setup makes this one, and all after it.
    config["mounts"].as_array_mut().unwrap().retain(|mount| mount["type"] != "cgroup");
    let info = run(&config, "render-mounts", "cat /proc/self/mountinfo");
    for mount in config["mounts"].as_array().unwrap() {
        let target = mount["destination"].as_str().unwrap();
        let (fs_type, flags) =
            mounted(&info, target).unwrap_or_else(|| panic!("{target} missing from\n{info}"));
        assert_eq!(fs_type, mount["type"], "{target}");
        let options = mount["options"].as_array().map_or(&[][..], Vec::as_slice);
        let wanted: BTreeSet<&str> = options.iter().filter_map(Value::as_str).collect();
        let wanted: BTreeSet<&str> =
            wanted.into_iter().filter(|o| ["ro", "nosuid", "nodev", "noexec"].contains(o)).collect();
        assert_eq!(flags, wanted, "{target}");
    }
    assert!(mounted(&info, "/").unwrap().1.contains("ro"), "{info}");
    for path in ["/proc/sys", "/proc/bus", "/proc/irq"] {
        assert!(mounted(&info, path).unwrap().1.contains("ro"), "{path}\n{info}");
    }
    assert_eq!(mounted(&info, "/sys/firmware").map(|(fs_type, _)| fs_type), Some("tmpfs"), "{info}");
}

#[test]
fn all_from_a_cgroup_mount_on_is_for_nexcage_setup_and_in_order() {
    let config = spec();
    let dir = bundle::make(&config);
    let rendered = bundle::render_in(dir.path(), CgroupVersion::V1).unwrap();
    let list = |pointer: &str| {
        let paths = config.pointer(pointer).unwrap().as_array().unwrap();
        paths.iter().map(|path| path.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let mut expected = vec!["/sys/fs/cgroup".to_owned(), "/dev/pts".to_owned()];
    expected.extend(list("/linux/readonlyPaths"));
    expected.extend(list("/linux/maskedPaths"));
    let targets: Vec<String> = rendered.steps.iter().map(|step| format!("/{}", step.target)).collect();
    assert_eq!(targets, expected);
    let lines = rendered.config.values("lxc.mount.entry").count();
    assert_eq!(lines, config["mounts"].as_array().unwrap().len() - 1, "{}", rendered.config);
}

#[test]
fn names_parameters_devices_and_limits_hold_inside() {
    let mut config = bundle::engine();
    let cgroup = format!("nexcage-render-{}", process::id());
    for (pointer, value) in [
        ("/hostname", json!("it's \"me\"")),
        ("/domainname", json!(" 'd' $(x)")),
        ("/linux/sysctl", json!({"net.ipv4.ping_group_range": "0 7", "fs.mqueue.msg_max": "17"})),
        ("/linux/cgroupsPath", json!(format!("/{cgroup}"))),
        ("/linux/devices", json!([{"path": "/etc/mine", "type": "c", "major": 1, "minor": 5}])),
        ("/linux/rootfsPropagation", json!("private")),
        ("/process/capabilities", json!({"bounding": ["CAP_DAC_OVERRIDE"]})),
        (
            "/mounts/6",
            json!({"destination": "/a b", "type": "bind", "source": "rootfs/bin",
            "options": ["rbind", "ro", "nosuid", "noexec", "rprivate"]}),
        ),
    ] {
        set(&mut config, pointer, value);
    }
    // The host's, since nexcage-setup does not run here.
    let host =
        json!({"destination": "/cgroups", "type": "bind", "source": "/sys/fs/cgroup", "options": ["rbind"]});
    config["mounts"].as_array_mut().unwrap().push(host);
    let script = format!(
        "
        busybox hostname; cat /proc/sys/kernel/domainname
        cat /proc/sys/net/ipv4/ping_group_range /proc/sys/fs/mqueue/msg_max
        busybox head -c 1 /etc/mine | busybox wc -c
        cat /cgroups/pids/{cgroup}/pids.max /cgroups/{cgroup}/pids.max 2> /etc/mine
        busybox grep /a.040b /proc/self/mountinfo | busybox cut -d ' ' -f 6
        busybox grep -c . /proc/net/dev; echo /dev/pts/*; busybox cut -d : -f 3 /proc/self/cgroup"
    );
    let output = run(&config, "render-facts", &script);
    let lines: Vec<&str> = output.lines().collect();
    let expected = [
        "it's \"me\"",
        " 'd' $(x)",
        "0\t7",
        "17",
        "1",
        "77",
        "ro,nosuid,noexec,relatime",
        "3",
        "/dev/pts/ptmx",
    ];
    assert_eq!(lines[..expected.len()], expected, "{output}");
    assert!(lines[expected.len()..].iter().all(|line| *line == format!("/{cgroup}")), "{output}");
    let version = CgroupChoice::Auto.version();
    let left = Path::new("/sys/fs/cgroup").join(if version == CgroupVersion::V1 { "pids" } else { "" });
    assert!(!left.join(&cgroup).exists(), "the cgroup is still there");
}

#[test]
fn nothing_is_mounted_or_joined_that_was_not_asked_for() {
    let script = "
        cat /proc/self/mountinfo | busybox cut -d ' ' -f 5 | busybox sort | busybox tr '\\n' ' '
        busybox hostname; busybox readlink /proc/self/ns/net";
    let mut config = bundle::minimal();
    config["mounts"] = json!([
        {"destination": "/proc", "type": "proc"},
        {"destination": "/dev", "type": "tmpfs"}
    ]);
    let output = run(&config, "render-least", script);
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let net = fs::read_link("/proc/self/ns/net").unwrap();
    assert_eq!(output, format!("/ /dev /proc {}{}\n", host, net.display()), "{output}");
}

/// A host with cgroup v2 alone, as far as a new mount namespace can be one: its controllers are those
/// that cgroup v1 does not hold. LXC reads the whole vocabulary there, and the kernel what it has.
#[test]
fn limits_of_cgroup_v2_hold_where_it_is_alone() {
    let hybrid = Path::new("/sys/fs/cgroup/unified/cgroup.controllers");
    if !fs::read_to_string(hybrid).is_ok_and(|controllers| controllers.contains("hugetlb")) {
        println!("NOT RUN: no controller is free for cgroup v2 beside v1");
        return;
    }
    let name = format!("nexcage-v2-{}", process::id());
    let mut config = bundle::minimal();
    for (pointer, value) in [
        ("/linux/cgroupsPath", json!(format!("/{name}"))),
        (
            "/linux/resources",
            json!({
                "hugepageLimits": [{"pageSize": "2MB", "limit": 6_291_456}],
                "unified": {"hugetlb.2MB.max": "4194304", "cgroup.max.depth": "3"}
            }),
        ),
    ] {
        set(&mut config, pointer, value);
    }
    let cgroups =
        json!({"destination": "/cg", "type": "bind", "source": "/sys/fs/cgroup", "options": ["rbind"]});
    config["mounts"].as_array_mut().unwrap().push(cgroups);
    let dir = bundle::make(&Value::Null);
    fs::create_dir(dir.path().join("rootfs/cg")).unwrap();
    fill(
        &dir.path().join("rootfs"),
        &format!("cd /cg/{name} && cat hugetlb.2MB.max hugetlb.2MB.rsvd.max cgroup.max.depth"),
    );
    bundle::write(dir.path(), &config);
    let mut rendered = bundle::render_in(dir.path(), CgroupVersion::V2).unwrap().config;
    rendered.push("lxc.init.cmd", "/bin/busybox sh /script").unwrap();
    let file = dir.path().join("lxc.conf");
    fs::write(&file, rendered.text()).unwrap();
    let script = format!(
        "umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && lxc-start -F -n v2 -P {} -f {}",
        dir.path().display(),
        file.display()
    );
    let output = Command::new("unshare").args(["-m", "sh", "-c", &script]).output().unwrap();
    let (seen, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(seen.lines().collect::<Vec<_>>(), ["4194304", "6291456", "3"], "{said}\n{rendered}");
}
