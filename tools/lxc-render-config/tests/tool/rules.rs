//! Single rules of the mapping.

use crate::bundle::{self, set};
use lxc_render_config::CgroupVersion::{V1, V2};
use lxc_render_config::{HostId, MountPoint, RenderError, Rendered};
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
    refused(&[("/process/terminal", json!(true))], &["/process/terminal"]);
    refused(&[("/mounts/5/options/0", json!("rro"))], &["/mounts/5/options/0"]);
    refused(&[("/mounts/5/options/0", json!("tmpcopyup"))], &["/mounts/5/options/0"]);
    refused(&[("/linux/namespaces/4", json!({"type": "cgroup"}))], &["/linux/namespaces"]);
    refused(&[("/linux/namespaces/3", json!({"type": "cgroup"}))], &["/hostname"]);
    let other = json!({"type": "network", "path": "c1"});
    refused(&[("/linux/namespaces/1", other)], &["/linux/namespaces/1/path"]);
    refused(&[("/linux/sysctl", json!({"vm.swappiness": "1"}))], &["/linux/sysctl/vm.swappiness"]);
    refused(&[("/linux/sysctl", json!({"net.a b": "1"}))], &["/linux/sysctl/net.a b"]);
    refused(&[("/linux/rootfsPropagation", json!("shared"))], &["/linux/rootfsPropagation"]);
    refused(&[("/linux/cgroupsPath", json!("/a/../b"))], &["/linux/cgroupsPath"]);
    refused(&[("/linux/timeOffsets", json!({"monotonic": {"secs": 1}}))], &["/linux/timeOffsets"]);
    refused(&[("/hooks", json!({"poststop": [{"path": "/bin/true"}]}))], &["/hooks"]);
    refused(&[("/linux/resources/unified", json!({"a.b": "1"}))], &["/linux/resources/unified"]);
    let mapped = json!([{"containerID": 0, "hostID": 0, "size": 1}]);
    let pointer = "/linux/uidMappings/0/size";
    let error = rendered(&[("/linux/uidMappings", mapped)]).map(drop).unwrap_err();
    assert!(error.contains(&pointer.to_owned()), "{error:?}");
}

#[test]
fn a_flag_that_lxc_loses_on_a_writable_bind_mount_is_refused() {
    let source = tempfile::tempdir().unwrap();
    let mount = |options: Value| {
        let source = source.path().to_str().unwrap();
        ("/mounts/6", json!({"destination": "/tmp", "type": "bind", "source": source, "options": options}))
    };
    refused(&[mount(json!(["bind", "noatime"]))], &["/mounts/6"]);
    for options in [json!(["bind", "ro", "noatime"]), json!(["rbind", "rprivate"])] {
        assert!(rendered(&[mount(options)]).is_ok());
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
    assert!(entries.contains(&format!("{} etc/hosts none bind,ro,create=file 0 0", source.display())));
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
    assert!(first.starts_with("tmpfs dev tmpfs nosuid,strictatime,create=dir,mode=755"), "{first}");
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
    assert_eq!(rendered.config.get("lxc.cap.keep"), Some("chown setgid setuid setpcap sys_admin bpf"));
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

#[test]
fn devices_come_from_the_host_if_they_are_the_same() {
    let device = |value: Value| ("/linux/devices", json!([value]));
    let null =
        json!({"path": "/dev/mine", "type": "c", "major": 1, "minor": 3, "fileMode": 0o20666, "uid": 0});
    let entries = values(&rendered(&[device(null)]).unwrap(), "lxc.mount.entry");
    assert!(entries.contains(&"/dev/null dev/mine none bind,create=file 0 0".to_owned()), "{entries:?}");
    let odd = json!({"path": "/dev/null", "type": "c", "major": 1, "minor": 3, "fileMode": 0o600});
    refused(&[device(odd)], &["/linux/devices/0/fileMode"]);
    refused(&[device(json!({"path": "/dev/x", "type": "p"}))], &["/linux/devices/0"]);
    refused(
        &[device(json!({"path": "/dev/x", "type": "c", "major": 300, "minor": 1}))],
        &["/linux/devices/0"],
    );
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
