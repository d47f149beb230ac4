//! Bundles to render.

use bundle_validate::Bundle;
use lxc_render_config::{CgroupChoice, CgroupVersion, Options, RenderError, Rendered, render};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// A bundle whose root file system has a few directories.
pub(crate) fn make(config: &Value) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in ["bin", "dev", "etc", "proc", "sys", "tmp"] {
        fs::create_dir_all(dir.path().join("rootfs").join(name)).unwrap();
    }
    write(dir.path(), config);
    dir
}

pub(crate) fn write(dir: &Path, config: &Value) {
    fs::write(dir.join("config.json"), config.to_string()).unwrap();
}

pub(crate) fn render_in(dir: &Path, cgroup: CgroupVersion) -> Result<Rendered, RenderError> {
    let bundle = Bundle::open(dir).unwrap();
    render(&bundle, &Options { cgroup: CgroupChoice::Fixed(cgroup), ..Options::default() })
}

/// The smallest configuration that is rendered.
pub(crate) fn minimal() -> Value {
    json!({
        "ociVersion": "1.3.0",
        "root": {"path": "rootfs"},
        "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/", "args": ["sh"]},
        "mounts": [{"destination": "/dev", "type": "tmpfs", "source": "tmpfs"}],
        "linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}]}
    })
}

/// What every engine asks for: the mounts, masks and limits of `runc spec`, and a name.
pub(crate) fn engine() -> Value {
    let mut config = minimal();
    config["root"]["readonly"] = true.into();
    config["hostname"] = "c1".into();
    config["mounts"] = json!([
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
            "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
        {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
            "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
        {"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
            "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]},
        {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue",
            "options": ["nosuid", "noexec", "nodev"]},
        {"destination": "/sys", "type": "sysfs", "source": "sysfs",
            "options": ["nosuid", "noexec", "nodev", "ro"]},
        {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
            "options": ["nosuid", "noexec", "nodev", "relatime", "ro"]}
    ]);
    config["linux"] = json!({
        "namespaces": [{"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}],
        "resources": {"devices": [{"allow": false, "access": "rwm"}], "pids": {"limit": 77}},
        "maskedPaths": ["/proc/kcore", "/proc/keys", "/sys/firmware"],
        "readonlyPaths": ["/proc/bus", "/proc/sys", "/proc/sysrq-trigger"]
    });
    config
}

/// Sets the value at a JSON pointer, making objects on the way.
pub(crate) fn set(config: &mut Value, pointer: &str, value: Value) {
    let mut at = config;
    for name in pointer.trim_start_matches('/').split('/') {
        at = match at {
            Value::Array(list) => &mut list[name.parse::<usize>().unwrap()],
            object => &mut object[name],
        };
    }
    *at = value;
}
