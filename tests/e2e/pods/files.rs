//! Files and devices of the host in containers of pods.

use super::plain;
use nexcage_tests::{Cri, Sandbox};
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_change, unmount,
};
use serde_json::json;
use std::fs;
use std::os::unix::fs::symlink;

#[test]
fn files_of_the_pod_and_of_the_host_are_where_they_ought_to_be() {
    let sandbox = Sandbox::new();
    let cri = Cri::start(&sandbox);
    let dns = json!({ "dns_config": { "servers": ["10.0.0.9"], "searches": ["pods.test"], "options": ["ndots:5"] } });
    let pod = cri.pod("files", &dns);
    let volume = sandbox.path().join("volume");
    fs::create_dir_all(volume.join("host")).unwrap();
    fs::create_dir_all(volume.join("container")).unwrap();
    fs::write(volume.join("file"), "of the host\n").unwrap();
    mount_bind(&volume, &volume).unwrap();
    mount_change(&volume, MountPropagationFlags::SHARED).unwrap();
    let at = |path: &str, more: serde_json::Value| {
        let mut mount = json!({ "container_path": path, "host_path": volume });
        mount.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        mount
    };
    let [link, missing] = ["link", "missing"].map(|name| sandbox.path().join(name));
    symlink(&volume, &link).unwrap();
    let more = json!({
        "mounts": [
            { "container_path": "/by-link", "host_path": link },
            { "container_path": "/missing", "host_path": missing },
            at("/private", json!({})),
            at("/read-only", json!({ "readonly": true })),
            at("/from-host", json!({ "propagation": "PROPAGATION_HOST_TO_CONTAINER" })),
            at("/both", json!({ "propagation": "PROPAGATION_BIDIRECTIONAL" })),
        ],
        "devices": [{ "host_path": "/dev/fuse", "container_path": "/dev/renamed", "permissions": "rwm" }],
        "linux": { "security_context": { "privileged": false } },
    });
    let app = pod.run("app", "sleep 1000", &more);
    let said =
        app.exec("cat /etc/resolv.conf /etc/hostname /private/file /by-link/file; touch /missing/made; touch /read-only/x || echo read-only");
    assert_eq!(
        said.stdout,
        "search pods.test\nnameserver 10.0.0.9\noptions ndots:5\nfiles\nof the host\nof the host\nread-only\n"
    );
    assert!(missing.join("made").exists(), "containerd makes what is missing");
    assert!(app.exec("ls -l /dev/renamed").stdout.contains("10, 229"));
    assert!(app.exec("cat /etc/hosts").stdout.contains("localhost"));

    mount("tmpfs", volume.join("host"), "tmpfs", MountFlags::empty(), None).unwrap();
    fs::write(volume.join("host/late"), "late\n").unwrap();
    let said = app.exec("cat /from-host/host/late /both/host/late; cat /private/host/late || echo not");
    assert_eq!(said.stdout, "late\nlate\nnot\n", "{said:?}");
    unmount(volume.join("host"), UnmountFlags::empty()).unwrap();
    let said = app.exec("ls /from-host/host /both/host");
    assert!(!said.stdout.contains("late"), "{said:?}");

    let other = pod.run("other", "sleep 1000", &plain());
    assert_eq!(app.exec("echo through > /dev/shm/note").status, 0);
    assert_eq!(other.exec("cat /dev/shm/note").stdout, "through\n");
    let mounter = json!({
        "mounts": [at("/both", json!({ "propagation": "PROPAGATION_BIDIRECTIONAL" }))],
        "linux": { "security_context": { "privileged": true } },
    });
    let privileged = cri.pod("mounter", &json!({ "linux": { "security_context": { "privileged": true } } }));
    let mounter = privileged.run("mounter", "sleep 1000", &mounter);
    let said = mounter.exec("mount -t tmpfs tmpfs /both/container && echo inside > /both/container/note");
    assert_eq!(said.status, 0, "{said:?}");
    assert_eq!(fs::read_to_string(volume.join("container/note")).unwrap(), "inside\n");
    assert_eq!(app.exec("cat /from-host/container/note").stdout, "inside\n");
    assert_eq!(mounter.exec("umount /both/container").status, 0);
    privileged.remove();
    pod.remove();
    unmount(&volume, UnmountFlags::empty()).unwrap();
    cri.assert_clean();
}
