//! Single rules of the mapping.

use crate::bundle::{self, set};
use bundle_validate::Bundle;
use lxc_render_config::CgroupVersion::{V1, V2};
use lxc_render_config::{CgroupChoice, HostId, LxcVersion, MountPoint, Options, RenderError, Rendered};
use nexcage_handover::TaskBuf;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;

/// Renders an engine's configuration with changes.
fn rendered(changes: &[(&str, Value)]) -> Result<Rendered, Vec<String>> {
    let mut config = bundle::engine();
    for (pointer, value) in changes {
        set(&mut config, pointer, value.clone());
    }
    let dir = bundle::make(&config);
    match bundle::render_in(dir.path(), V2) {
        Ok(rendered) => Ok(rendered),
        Err(RenderError::Refused(refusals)) => {
            Err(refusals.into_iter().map(|refusal| refusal.pointer).collect())
        }
        Err(other) => panic!("{other}"),
    }
}

fn values(rendered: &Rendered, key: &str) -> Vec<String> {
    rendered.config.values(key).map(ToOwned::to_owned).collect()
}

#[track_caller]
fn refused(changes: &[(&str, Value)], pointers: &[&str]) {
    assert_eq!(rendered(changes).map(|rendered| rendered.config.text()).unwrap_err(), pointers);
}

#[test]
fn refusals_name_the_field() {
    refused(&[("/linux/namespaces/4", json!({"type": "cgroup"}))], &["/linux/namespaces"]);
    refused(&[("/linux/namespaces/3", json!({"type": "cgroup"}))], &["/hostname"]);
    let other = json!({"type": "network", "path": "c1"});
    refused(&[("/linux/namespaces/1", other)], &["/linux/namespaces/1/path"]);
    refused(&[("/linux/sysctl", json!({"vm.swappiness": "1"}))], &["/linux/sysctl/vm.swappiness"]);
    refused(&[("/linux/sysctl", json!({"net.a b": "1"}))], &["/linux/sysctl/net.a b"]);
    for path in ["/a/../b", "/", "a..b", "a/b."] {
        refused(&[("/linux/cgroupsPath", json!(path))], &["/linux/cgroupsPath"]);
    }
    let offset = json!({"monotonic": {"secs": 1}});
    refused(&[("/linux/timeOffsets", offset)], &["/linux/timeOffsets/monotonic"]);
    refused(&[("/linux/intelRdt", json!({"closID": "a"}))], &["/linux/intelRdt"]);
    refused(&[("/linux/memoryPolicy", json!({"mode": "MPOL_BIND"}))], &["/linux/memoryPolicy"]);
    refused(&[("/linux/netDevices", json!({"eth0": {"name": "a"}}))], &["/linux/netDevices"]);
    let signal = json!({"org.opencontainers.image.stopSignal": "SIGNOTHING"});
    refused(&[("/annotations", signal)], &["/annotations/org.opencontainers.image.stopSignal"]);
    for kind in ["cgroup", "time"] {
        let joined = json!({"type": kind, "path": "/proc/1/ns/x"});
        refused(&[("/linux/namespaces/1", joined)], &["/linux/namespaces/1/path"]);
    }
    let mapped = json!([{"containerID": 0, "hostID": 0, "size": 1}]);
    let pointer = "/linux/uidMappings/0/size";
    let error = rendered(&[("/linux/uidMappings", mapped)]).map(drop).unwrap_err();
    assert!(error.contains(&pointer.to_owned()), "{error:?}");
}

#[test]
fn values_that_nobody_can_carry_out_are_refused() {
    for (pointer, value, refusal) in [
        ("/hostname", json!("x".repeat(65)), ""),
        ("/domainname", json!("x".repeat(65)), ""),
        ("/mounts/1/destination", json!("/."), ""),
        ("/process/args/0", json!("a\0b"), ""),
        ("/process/cwd", json!("a\0b"), ""),
        ("/process/consoleSize", json!({"height": 65536, "width": 1}), "/process/consoleSize/height"),
        ("/process/rlimits", json!([{"type": "RLIMIT_X", "soft": 1, "hard": 1}]), "/process/rlimits/0"),
        ("/process/scheduler", json!({"policy": "SCHED_ISO"}), "/process/scheduler/policy"),
        (
            "/process/scheduler",
            json!({"policy": "SCHED_OTHER", "flags": ["X"]}),
            "/process/scheduler/flags/0",
        ),
        ("/process/ioPriority", json!({"class": "X", "priority": 1}), "/process/ioPriority/class"),
        ("/process/ioPriority", json!({"class": "IOPRIO_CLASS_BE", "priority": 8}), "/process/ioPriority"),
        ("/hooks", json!({"poststop": [{"path": "/x", "env": ["A"]}]}), "/hooks/poststop/0/env/0"),
        ("/hooks", json!({"prestart": [{"path": "/x", "args": ["\0"]}]}), "/hooks/prestart/0/args/0"),
        ("/hooks", json!({"prestart": [{"path": "/x", "timeout": -1}]}), "/hooks/prestart/0/timeout"),
        ("/linux/personality", json!({"domain": "BSD"}), "/linux/personality"),
        ("/linux/personality", json!({"domain": "LINUX", "flags": ["X"]}), "/linux/personality/flags"),
        ("/linux/rootfsPropagation", json!("rbind"), ""),
        ("/linux/maskedPaths/0", json!("/"), ""),
        ("/linux/readonlyPaths/0", json!("/.."), ""),
        ("/linux/devices", json!([{"path": "/dev/x", "type": "x"}]), "/linux/devices/0"),
        ("/linux/resources/unified", json!({"pids": "1"}), "/linux/resources/unified/pids"),
        ("/linux/resources/memory", json!({"kernel": 1}), "/linux/resources/memory/kernel"),
        ("/linux/resources/blockIO", json!({"leafWeight": 9}), "/linux/resources/blockIO/leafWeight"),
    ] {
        let Err(pointers) = rendered(&[(pointer, value.clone())]) else {
            panic!("rendered: {pointer} {value}");
        };
        let expected = if refusal.is_empty() { pointer } else { refusal };
        assert!(pointers[0].starts_with(expected), "{pointers:?} for {pointer} {value}");
    }
    for (clock, advice) in [("tai", "monotonic or boottime"), ("boottime", "whole seconds")] {
        let mut config = bundle::engine();
        set(&mut config, "/linux/namespaces/0", json!({"type": "time"}));
        set(
            &mut config,
            "/linux/timeOffsets",
            json!({clock: {"secs": 1, "nanosecs": if clock == "tai" { 0 } else { 1 }}}),
        );
        let Err(error) = bundle::render_in(bundle::make(&config).path(), V2) else { panic!("{clock}") };
        let message = error.to_string();
        assert!(
            message.contains(&format!("/linux/timeOffsets/{clock}")) && message.contains(advice),
            "{message}"
        );
    }
}

#[test]
fn destinations_never_leave_the_root_file_system() {
    let mut config = bundle::minimal();
    config["mounts"] = json!([
        {"destination": "/dev", "type": "tmpfs"},
        {"destination": "/../../x", "type": "tmpfs"},
        {"destination": "/link/y", "type": "tmpfs"},
        {"destination": "/up/z", "type": "tmpfs"},
        {"destination": "/a b\t\\c", "type": "tmpfs"}
    ]);
    let dir = bundle::make(&config);
    symlink("/etc", dir.path().join("rootfs/link")).unwrap();
    symlink("../../../../../..", dir.path().join("rootfs/up")).unwrap();
    let rendered = bundle::render_in(dir.path(), V2).unwrap();
    let entries = values(&rendered, "lxc.mount.entry");
    let targets: Vec<&str> = entries.iter().map(|entry| entry.split(' ').nth(1).unwrap()).collect();
    assert_eq!(targets[..5], ["dev", "x", "etc/y", "z", "a\\040b\\011\\134c"]);
    symlink("loop", dir.path().join("rootfs/loop")).unwrap();
    for bad in ["/loop/x", "/", "/etc/..", "up"] {
        config["mounts"][1]["destination"] = bad.into();
        bundle::write(dir.path(), &config);
        let Err(RenderError::Refused(refusals)) = bundle::render_in(dir.path(), V2) else { panic!("{bad}") };
        assert_eq!(refusals[0].pointer, "/mounts/1/destination", "{bad}");
    }
}

#[test]
fn mount_points_missing_in_a_read_only_root_are_listed_and_made() {
    let mut config = bundle::engine();
    let list = config["mounts"].as_array_mut().unwrap();
    list.push(json!({"destination": "/srv/data", "type": "tmpfs"}));
    list.push(json!({"destination": "/dev/extra", "type": "tmpfs"}));
    list.push(json!({"destination": "/etc/hosts", "type": "bind", "source": "hosts", "options": ["ro"]}));
    let dir = bundle::make(&config);
    fs::write(dir.path().join("hosts"), "").unwrap();
    let rendered = bundle::render_in(dir.path(), V2).unwrap();
    let missing = [MountPoint::Directory("srv/data".into()), MountPoint::File("etc/hosts".into())];
    assert_eq!(rendered.prepare, missing);
    let entries = values(&rendered, "lxc.mount.entry").join("\n");
    let source = dir.path().canonicalize().unwrap().join("hosts");
    assert!(entries.contains(&format!("{} etc/hosts none bind,ro 0 0", source.display())));
    lxc_render_config::prepare_mount_points(&rendered).unwrap();
    assert!(dir.path().join("rootfs/srv/data").is_dir() && dir.path().join("rootfs/etc/hosts").is_file());
    assert_eq!(bundle::render_in(dir.path(), V2).unwrap().prepare, []);
}

#[test]
fn a_bundle_without_a_mount_on_dev_gets_a_tmpfs_there() {
    let mut config = bundle::minimal();
    config["mounts"] = json!([{"destination": "/bin/x", "type": "tmpfs"}]);
    let dir = bundle::make(&config);
    let rendered = bundle::render_in(dir.path(), V2).unwrap();
    assert_eq!(rendered.config.get("lxc.init.cmd"), Some("/dev/.nexcage/init"));
    let first = values(&rendered, "lxc.mount.entry")[0].clone();
    assert!(first.starts_with("tmpfs dev tmpfs nosuid,strictatime,mode=755"), "{first}");
}

#[test]
fn under_a_bound_dev_init_covers_a_directory_of_the_image() {
    let mut config = bundle::minimal();
    config["mounts"] = json!([
        {"destination": "/dev", "type": "bind", "source": "/dev"},
        {"destination": "/bin/x", "type": "tmpfs"}
    ]);
    let dir = bundle::make(&config);
    let rendered = bundle::render_in(dir.path(), V2).unwrap();
    assert_eq!(rendered.config.get("lxc.init.cmd"), Some("/etc/init"));
    for name in ["bin", "etc", "tmp"] {
        fs::remove_dir(dir.path().join("rootfs").join(name)).unwrap();
    }
    symlink("proc", dir.path().join("rootfs/run")).unwrap();
    fs::create_dir(dir.path().join("rootfs/a b")).unwrap();
    let Err(RenderError::Refused(refusals)) = bundle::render_in(dir.path(), V2) else { panic!("rendered") };
    assert!(refusals[0].reason.contains("nexcage-init"), "{refusals:?}");
}

#[test]
fn the_process_goes_to_init_and_its_limits_to_the_shim() {
    let rendered = rendered(&[
        ("/process/args", json!(["a b", "", "\"'\n\u{e9}"])),
        ("/process/env", json!(["A=1\n2"])),
        ("/process/user", json!({"uid": 7, "gid": 8, "umask": 63, "additionalGids": [5, 6]})),
        ("/process/noNewPrivileges", json!(true)),
        ("/process/oomScoreAdj", json!(-5)),
        (
            "/process/rlimits",
            json!([{"type": "RLIMIT_NOFILE", "soft": 1, "hard": 18_446_744_073_709_551_615_u64}]),
        ),
        (
            "/process/capabilities",
            json!({"bounding": ["CAP_CHOWN", "CAP_NOVEL"], "permitted": ["CAP_BPF"],
            "inheritable": ["CAP_BPF"], "ambient": ["CAP_BPF", "CAP_KILL"]}),
        ),
        ("/annotations", json!({"a.b": "c\nd"})),
    ])
    .unwrap();
    let process = &rendered.process;
    assert_eq!(
        process.args.iter().map(|arg| arg.to_bytes()).collect::<Vec<_>>(),
        [&b"a b"[..], b"", "\"'\n\u{e9}".as_bytes()]
    );
    assert_eq!(process.env[0].to_bytes(), b"A=1\n2");
    assert_eq!((process.uid, process.gid, process.umask), (7, 8, 63));
    assert_eq!((process.groups.as_slice(), process.flags), (&[5, 6][..], 1));
    assert_eq!((process.capabilities.bounding, process.capabilities.ambient), (1, 1 << 39));
    assert_eq!(
        rendered.config.get("lxc.cap.keep"),
        Some("chown dac_override setgid setuid setpcap sys_admin mknod bpf")
    );
    assert_eq!(rendered.oom_score_adj, Some(-5));
    assert_eq!((rendered.limits[0].soft, rendered.limits[0].hard), (Some(1), None));
    assert_eq!(rendered.annotations["a.b"], "c\nd");
    assert_eq!(rendered.host_user, HostId { uid: 7, gid: 8 });
}

#[test]
fn a_user_namespace_moves_the_ids() {
    let map = json!([{"containerID": 0, "hostID": 100_000, "size": 1000}]);
    let changes = |uid: u32| {
        [
            ("/linux/namespaces/4", json!({"type": "mount"})),
            ("/linux/namespaces/3", json!({"type": "user"})),
            ("/hostname", Value::Null),
            ("/linux/uidMappings", map.clone()),
            ("/linux/gidMappings", map.clone()),
            ("/process/user", json!({"uid": uid, "gid": 2})),
        ]
    };
    let moved = rendered(&changes(1)).unwrap();
    assert_eq!(moved.host_root, HostId { uid: 100_000, gid: 100_000 });
    assert_eq!(moved.host_user, HostId { uid: 100_001, gid: 100_002 });
    assert_eq!(values(&moved, "lxc.idmap"), ["u 0 100000 1000", "g 0 100000 1000"]);
    refused(&changes(1000), &["/process/user"]);
}

/// The nodes that nexcage-init makes, as path, mode, number and owner.
fn nodes(rendered: &Rendered) -> Vec<(String, u32, [u32; 2], [u32; 2])> {
    let node = |task: &TaskBuf| match task {
        TaskBuf::Node { path, mode, major, minor, uid, gid } => {
            Some((path.to_str().unwrap().to_owned(), *mode, [*major, *minor], [*uid, *gid]))
        }
        _ => None,
    };
    rendered.process.tasks.iter().filter_map(node).collect()
}

#[test]
fn devices_are_made_in_the_tmpfs_on_dev_with_mode_and_owner() {
    let device = |value: Value| ("/linux/devices", json!([value]));
    let null =
        json!({"path": "/dev/null", "type": "c", "major": 1, "minor": 3, "fileMode": 0o20640, "gid": 9});
    let made = nodes(&rendered(&[device(null)]).unwrap());
    assert_eq!(made[0], ("/dev/null".to_owned(), 0o020_640, [1, 3], [0, 9]));
    assert_eq!(made[1], ("/dev/zero".to_owned(), 0o020_666, [1, 5], [0, 0]));
    let paths: Vec<&str> = made.iter().map(|(path, ..)| path.as_str()).collect();
    assert_eq!(paths[1..], ["/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"]);
    let fifo = json!({"path": "/dev/a/pipe", "type": "p", "fileMode": 0o600, "uid": 7});
    let made = nodes(&rendered(&[device(fifo)]).unwrap());
    assert_eq!(made[0], ("/dev/a/pipe".to_owned(), 0o010_600, [0, 0], [7, 0]));
    let absent = json!({"path": "/dev/x", "type": "b", "major": 300, "minor": 1});
    let made = nodes(&rendered(&[device(absent)]).unwrap());
    assert_eq!(made[0], ("/dev/x".to_owned(), 0o060_666, [300, 1], [0, 0]));
    let one = json!({"path": "/dev/x", "type": "u", "major": 1, "minor": 3});
    refused(&[("/linux/devices", json!([one, one]))], &["/linux/devices/1"]);
}

#[test]
fn outside_a_tmpfs_devices_come_from_the_host_if_they_are_the_same() {
    let device = |value: Value| ("/linux/devices", json!([value]));
    let null =
        json!({"path": "/etc/mine", "type": "c", "major": 1, "minor": 3, "fileMode": 0o20666, "uid": 0});
    let entries = values(&rendered(&[device(null)]).unwrap(), "lxc.mount.entry");
    assert!(entries.contains(&"/dev/null etc/mine none bind,ro 0 0".to_owned()), "{entries:?}");
    let odd = json!({"path": "/etc/null", "type": "c", "major": 1, "minor": 3, "fileMode": 0o600});
    refused(&[device(odd)], &["/linux/devices/0/fileMode"]);
    refused(&[device(json!({"path": "/etc/x", "type": "p"}))], &["/linux/devices/0"]);
    refused(
        &[device(json!({"path": "/etc/x", "type": "c", "major": 300, "minor": 1}))],
        &["/linux/devices/0"],
    );
}

#[test]
fn in_a_user_namespace_devices_come_from_the_host() {
    let map = json!([{"containerID": 0, "hostID": 100_000, "size": 1000}]);
    let rendered = rendered(&[
        ("/linux/namespaces/3", json!({"type": "user"})),
        ("/hostname", Value::Null),
        ("/linux/uidMappings", map.clone()),
        ("/linux/gidMappings", map),
    ])
    .unwrap();
    assert_eq!(nodes(&rendered), []);
    let entries = values(&rendered, "lxc.mount.entry");
    assert!(entries.contains(&"/dev/null dev/null none bind,create=file 0 0".to_owned()), "{entries:?}");
}

#[test]
fn a_user_namespace_is_joined_with_its_ids() {
    let joined = |path: &str| {
        rendered(&[
            ("/linux/namespaces/3", json!({"type": "user", "path": path})),
            ("/hostname", Value::Null),
        ])
    };
    let own = joined("/proc/self/ns/user").unwrap();
    assert_eq!(own.config.get("lxc.namespace.share.user"), Some("/proc/self/ns/user"));
    assert_eq!(own.config.values("lxc.idmap").count(), 2);
    assert_eq!(joined("/run/x").map(drop).unwrap_err()[0], "/linux/namespaces");
}

#[test]
fn clocks_are_offset_in_a_new_time_namespace() {
    let offsets = |value: Value| {
        rendered(&[
            ("/linux/namespaces/3", json!({"type": "time"})),
            ("/hostname", Value::Null),
            ("/linux/timeOffsets", value),
        ])
    };
    let both = offsets(json!({"monotonic": {"secs": -5}, "boottime": {"nanosecs": 7}})).unwrap();
    assert_eq!(both.config.get("lxc.time.offset.monotonic"), Some("-5s"));
    assert_eq!(both.config.get("lxc.time.offset.boot"), Some("7ns"));
    let mixed = offsets(json!({"monotonic": {"secs": 1, "nanosecs": 7}})).map(drop);
    assert_eq!(mixed.unwrap_err(), ["/linux/timeOffsets/monotonic"]);
}

#[test]
fn the_stop_signal_of_the_image_halts_the_container() {
    let signal = |text: &str| {
        let annotations = json!({"org.opencontainers.image.stopSignal": text});
        rendered(&[("/annotations", annotations)])
            .unwrap()
            .config
            .get("lxc.signal.halt")
            .map(ToOwned::to_owned)
    };
    assert_eq!(signal("SIGRTMIN+3").as_deref(), Some("37"));
    assert_eq!(signal("quit").as_deref(), Some("3"));
    assert_eq!(signal(""), None);
}

#[test]
fn a_loss_is_allowed_by_name_only() {
    let mut config = bundle::engine();
    set(&mut config, "/linux/intelRdt", json!({"closID": "a"}));
    set(&mut config, "/linux/resources/memory", json!({"swappiness": 7}));
    let dir = bundle::make(&config);
    let render = |allowed_losses: Vec<&'static str>| {
        let bundle = Bundle::open(dir.path()).unwrap();
        let cgroup = CgroupChoice::Fixed(V2);
        lxc_render_config::render(&bundle, &Options { cgroup, allowed_losses, ..Options::default() })
    };
    let swappiness = "/linux/resources/memory/swappiness";
    let lost = render(vec!["/linux/intelRdt", swappiness]).unwrap().losses;
    assert_eq!(
        lost.iter().map(|loss| loss.pointer.as_str()).collect::<Vec<_>>(),
        ["/linux/intelRdt", swappiness]
    );
    for allowed in [vec![], vec![swappiness], vec!["/linux/intelRdt"]] {
        assert!(matches!(render(allowed), Err(RenderError::Refused(refusals)) if !refusals.is_empty()));
    }
}

#[test]
fn lxc_7_limits_nothing_with_cgroup_v1() {
    let dir = bundle::make(&bundle::engine());
    for (lxc, version, good) in
        [(LxcVersion::V6, V1, true), (LxcVersion::V7, V1, false), (LxcVersion::V7, V2, true)]
    {
        let options = Options { cgroup: CgroupChoice::Fixed(version), lxc, ..Options::default() };
        let bundle = Bundle::open(dir.path()).unwrap();
        assert_eq!(lxc_render_config::render(&bundle, &options).is_ok(), good, "{lxc:?}");
    }
}

#[test]
fn the_null_device_of_the_container_is_the_null_device() {
    let mut config = bundle::minimal();
    let dir = bundle::make(&config);
    fs::write(dir.path().join("null"), "").unwrap();
    for (target, source, accepted) in [
        ("/dev/null", "null", false),
        ("/dev", ".", false),
        ("/dev/null", "/dev/null", true),
        ("/dev", "/dev", true),
    ] {
        config["mounts"] = json!([
            {"destination": "/dev", "type": "tmpfs"},
            {"destination": target, "type": "bind", "source": source}
        ]);
        bundle::write(dir.path(), &config);
        assert_eq!(bundle::render_in(dir.path(), V2).is_ok(), accepted, "{source} at {target}");
    }
}

#[test]
fn limits_are_written_for_the_version_of_cgroups() {
    let mut config = bundle::engine();
    set(&mut config, "/linux/cgroupsPath", json!("/pods/c1"));
    let dir = bundle::make(&config);
    let v1 = bundle::render_in(dir.path(), V1).unwrap();
    let v2 = bundle::render_in(dir.path(), V2).unwrap();
    assert_eq!(v1.config.get("lxc.cgroup.pids.max"), Some("77"));
    assert_eq!(v2.config.get("lxc.cgroup2.pids.max"), Some("77"));
    assert_eq!(v1.config.values("lxc.cgroup.devices.deny").next(), Some("a"));
    assert_eq!(v2.config.get("lxc.cgroup.devices.deny"), None);
    assert_eq!(v1.cgroups_path.as_deref(), Some("pods/c1"));
    assert_eq!(v1.config.get("lxc.cgroup.dir.monitor"), Some("pods/c1.monitor"));
}

#[test]
fn the_same_bundle_gives_the_same_text() {
    let dir = bundle::make(&bundle::engine());
    let texts = [(); 3].map(|()| bundle::render_in(dir.path(), V1).unwrap().config.text());
    assert!(texts.iter().all(|text| *text == texts[0]));
}
