//! What the real LXC reads out of a configuration, by lxc-info.

use lxc_render_config::LxcConfig;
use proptest::prelude::*;
use std::fmt::Write as _;
use std::fs;
use std::process::Command;
use std::sync::LazyLock;

/// What an injected line would want to say. `lxc.cgroup` and `lxc.cgroup2` are all their keys.
const TARGETS: &[&str] = &[
    "lxc.cap.keep",
    "lxc.cgroup",
    "lxc.cgroup2",
    "lxc.cgroup.dir.container",
    "lxc.environment",
    "lxc.execute.cmd",
    "lxc.group",
    "lxc.hook.autodev",
    "lxc.hook.clone",
    "lxc.hook.destroy",
    "lxc.hook.mount",
    "lxc.hook.post-stop",
    "lxc.hook.pre-mount",
    "lxc.hook.pre-start",
    "lxc.hook.start",
    "lxc.hook.start-host",
    "lxc.hook.stop",
    "lxc.idmap",
    "lxc.init.cmd",
    "lxc.init.cwd",
    "lxc.init.gid",
    "lxc.init.uid",
    "lxc.log.file",
    "lxc.mount.auto",
    "lxc.mount.entry",
    "lxc.mount.fstab",
    "lxc.no_new_privs",
    "lxc.prlimit",
    "lxc.proc",
    "lxc.rootfs.mount",
    "lxc.rootfs.options",
    "lxc.rootfs.path",
    "lxc.seccomp.profile",
    "lxc.selinux.context",
    "lxc.apparmor.profile",
    "lxc.signal.halt",
    "lxc.sysctl",
    "lxc.uts.name",
];

/// What LXC says of [`TARGETS`] for a configuration without them.
static UNSET: LazyLock<Vec<String>> = LazyLock::new(|| {
    let said = info("lxc.rootfs.managed = 0\n", TARGETS);
    let start = |key: &&str| {
        let head = format!("{key} =");
        said.find(&head)
            .filter(|at| *at == 0 || said[..*at].ends_with('\n'))
            .unwrap_or_else(|| panic!("{key}: {said}"))
    };
    let mut starts: Vec<usize> = TARGETS.iter().map(start).collect();
    starts.push(said.len());
    starts.windows(2).map(|pair| said[pair[0]..pair[1]].trim_end().to_owned()).collect()
});

/// LXC reads every line as it was meant, and no other key of [`TARGETS`] has a value.
pub(crate) fn reads(config: &LxcConfig) -> Result<(), TestCaseError> {
    reads_text(config, &config.text())
}

fn reads_text(config: &LxcConfig, text: &str) -> Result<(), TestCaseError> {
    let mut expected: Vec<(&str, String)> = vec![];
    for (key, value) in config.lines() {
        if !value.is_empty() && !expected.iter().any(|(known, _)| *known == key) {
            expected.push((key, format!("{key} = {}", values(config, key))));
        }
    }
    for (key, unset) in TARGETS.iter().zip(UNSET.iter()) {
        let (is_known, said) = match *key {
            "lxc.cgroup" | "lxc.cgroup2" => (false, cgroups(config, key)),
            _ => (expected.iter().any(|(known, _)| known == key), unset.clone()),
        };
        if !is_known {
            expected.push((key, said));
        }
    }
    let keys: Vec<&str> = expected.iter().map(|(key, _)| *key).collect();
    let said = info(text, &keys);
    let mut rest = &*said;
    for (key, meant) in &expected {
        // An empty line ends a list.
        let after = rest.strip_prefix(&**meant).and_then(|rest| rest.strip_prefix('\n'));
        prop_assert!(after.is_some(), "{key}: meant {meant:?}, LXC has {:?}", rest.lines().next());
        rest = after.map_or("", |rest| rest.strip_prefix('\n').unwrap_or(rest));
    }
    prop_assert_eq!(rest, "");
    Ok(())
}

/// The values of a key as LXC prints them.
fn values(config: &LxcConfig, key: &str) -> String {
    let values: Vec<&str> = config.values(key).collect();
    match key {
        "lxc.rootfs.path" => values.concat().trim_start_matches("dir:").to_owned(),
        "lxc.cap.keep" => values.join(" ").replace(' ', "\n"),
        "lxc.namespace.clone" => {
            let order = ["user", "mnt", "pid", "uts", "ipc", "net", "cgroup", "time"];
            let listed = |kind: &&str| values.iter().any(|value| value.split(' ').any(|word| word == *kind));
            order.into_iter().filter(listed).collect::<Vec<_>>().join("\n")
        }
        _ => values.join("\n"),
    }
}

/// All limits for a version of cgroups.
fn cgroups(config: &LxcConfig, version: &str) -> String {
    let mut said = format!("{version} =");
    let mut separator = ' ';
    for (key, value) in config.lines() {
        let file = key.strip_prefix(version).and_then(|rest| rest.strip_prefix('.'));
        if file.is_some_and(|file| !file.starts_with("dir.")) {
            let _ = write!(said, "{separator}{key} = {value}");
            separator = '\n';
        }
    }
    said
}

fn info(text: &str, keys: &[&str]) -> String {
    let lxc_path = tempfile::tempdir().unwrap();
    let container = lxc_path.path().join("c");
    fs::create_dir(&container).unwrap();
    fs::write(container.join("config"), text).unwrap();
    let output = Command::new("lxc-info")
        .arg("-P")
        .arg(lxc_path.path())
        .args(["-n", "c"])
        .args(keys.iter().flat_map(|key| ["-c", key]))
        .output()
        .unwrap_or_else(|error| panic!("this test needs lxc-info: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}\n{text}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_line_too_many_would_be_seen() {
    let text = "lxc.uts.name = a\nlxc.mount.entry = a b c d 0 0\nlxc.cgroup2.pids.max = 1\n";
    let config = LxcConfig::parse(text).unwrap();
    reads_text(&config, text).unwrap();
    for line in [
        "lxc.hook.start = x",
        "lxc.mount.entry = x",
        "lxc.uts.name = b",
        "lxc.cgroup2.memory.max = 1",
        "lxc.init.uid = 7",
        "lxc.mount.entry =",
        "lxc.rootfs.path = dir:/",
    ] {
        assert!(reads_text(&config, &format!("{text}{line}\n")).is_err(), "{line}");
    }
}
