//! What is in /dev.

use crate::text;
use nexcage_tests::{Config, Sandbox};
use oci_spec::runtime::{LinuxDeviceBuilder, LinuxDeviceType};

/// Names, types, modes, owners, numbers and targets.
const LISTING: &str = "cd /dev; for name in * deep/*; do \
    echo $(stat -c '%n %F %a %u:%g %t:%T' $name) $(readlink $name); done";

#[test]
fn it_is_what_runc_puts_there() {
    let sandbox = Sandbox::new();
    let device = |path: &str, kind, numbers: (i64, i64), mode, owner: (u32, u32)| {
        let device = LinuxDeviceBuilder::default().path(path).typ(kind).major(numbers.0).minor(numbers.1);
        device.file_mode(mode).uid(owner.0).gid(owner.1).build().unwrap()
    };
    let devices = vec![
        device("/dev/fuse", LinuxDeviceType::C, (10, 229), 0o666_u32, (0, 0)),
        device("/dev/deep/loop", LinuxDeviceType::B, (7, 0), 0o640, (1000, 6)),
        device("/dev/own", LinuxDeviceType::C, (1, 3), 0o604, (7, 8)),
        device("/dev/queue", LinuxDeviceType::P, (0, 0), 0o622, (1, 2)),
    ];
    for config in [Config::script(LISTING), Config::script(LISTING).user(1000, 1000)] {
        let plain = sandbox.bundle(&config);
        let more = config.edit(|spec| {
            spec.linux_mut().get_or_insert_default().set_devices(Some(devices.clone()));
        });
        for bundle in [plain, sandbox.bundle(&more)] {
            let (ours, theirs) = (sandbox.run(&bundle).output(), sandbox.runc(&bundle).output());
            assert_eq!(ours.status.code(), Some(0), "{}", text(&ours.stderr));
            assert_eq!(text(&ours.stdout), text(&theirs.stdout));
        }
    }
}

#[test]
fn something_else_in_a_device_s_place_is_told() {
    let sandbox = Sandbox::new();
    let device = LinuxDeviceBuilder::default().path("/etc/passwd").typ(LinuxDeviceType::C).major(1).minor(3);
    let device = device.build().unwrap();
    let bundle = sandbox.bundle(&Config::script("echo ran").edit(|spec| {
        spec.linux_mut().get_or_insert_default().set_devices(Some(vec![device]));
    }));
    let output = sandbox.run(&bundle).output();
    let message = text(&output.stderr);
    assert_eq!((text(&output.stdout).as_str(), output.status.success()), ("", false));
    assert!(message.contains("/linux/devices/0/path"), "{message}");
}

#[test]
fn the_host_s_nodes_keep_their_modes() {
    let sandbox = Sandbox::new();
    // Masked files, and a device that is in the image's place, are nodes of the host.
    let script =
        "for node in /proc/keys /node; do chmod 640 $node 2>&-; echo x > $node; stat -c %a $node; done";
    let config = Config::script(script).edit(|spec| {
        let node = serde_json::json!([{"path": "/node", "type": "c", "major": 1, "minor": 3}]);
        let linux = spec.linux_mut().get_or_insert_default();
        linux.set_masked_paths(Some(vec!["/proc/keys".to_owned()]));
        linux.set_devices(Some(serde_json::from_value(node).unwrap()));
    });
    let sealed = config.clone().edit(|spec| {
        let sealed = serde_json::json!({"destination": "/sealed", "type": "tmpfs", "options": ["ro"]});
        spec.mounts_mut().get_or_insert_default().push(serde_json::from_value(sealed).unwrap());
    });
    let mode = || std::fs::metadata("/dev/null").unwrap().permissions();
    let before = mode();
    for config in [config, sealed] {
        let output = sandbox.run(&sandbox.bundle(&config)).output();
        let after = mode();
        std::fs::set_permissions("/dev/null", before.clone()).unwrap();
        assert_eq!(after, before);
        assert_eq!((text(&output.stdout).as_str(), text(&output.stderr).as_str()), ("666\n666\n", ""));
    }
}
