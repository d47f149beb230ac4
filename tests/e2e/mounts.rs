//! Mounts as the container sees them, held against runc where that is cheap.

use crate::text;
use nexcage_tests::{Bundle, Config, Sandbox};
use oci_spec::runtime::{Capabilities, Capability, LinuxNamespaceType, Mount};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// Mount points, flags and propagation, without what differs by its nature: ids, devices, sources.
/// A masked file is the container's own /dev/null under runc, and here the host's.
const LOOK: &str = "while read -r id parent dev root point flags rest; do \
    fs=${rest#*- }; fs=${fs%% *}; opt=${rest%%-*}; \
    set -- $opt; kinds=; for word; do kinds=\"$kinds ${word%%:*}\"; done; \
    case $point in /proc/keys | /proc/timer_list) flags= fs=;; esac; \
    echo \"$point $flags $fs$kinds\"; done < /proc/self/mountinfo";

fn mount(value: Value) -> Mount {
    serde_json::from_value(value).unwrap()
}

fn with(config: Config, mounts: impl IntoIterator<Item = Value>) -> Config {
    let mounts: Vec<Mount> = mounts.into_iter().map(mount).collect();
    config.edit(|spec| spec.mounts_mut().get_or_insert_default().extend(mounts))
}

fn bind(source: &Path, destination: &str, options: &[&str]) -> Value {
    json!({ "destination": destination, "type": "bind", "source": source, "options": options })
}

/// A host directory with a file and, below `sub`, a tmpfs of its own; it is gone with the guard.
struct Tree<'s> {
    sandbox: &'s Sandbox,
    path: std::path::PathBuf,
}

impl<'s> Tree<'s> {
    fn new(sandbox: &'s Sandbox, propagation: &str) -> Self {
        let path = sandbox.path().join("tree");
        fs::create_dir(&path).unwrap();
        let tree = Tree { sandbox, path };
        tree.sh("mount -t tmpfs top \"$1\" && mkdir \"$1/sub\" && mount -t tmpfs low \"$1/sub\" && \
            echo top > \"$1/file\" && echo low > \"$1/sub/file\"");
        tree.sh(&format!("mount --make-r{propagation} \"$1\""));
        tree
    }

    fn sh(&self, script: &str) {
        let run = self.sandbox.command("sh").args(["-c", script, "sh"]).arg(&self.path);
        run.assert().code(0);
    }
}

impl Drop for Tree<'_> {
    fn drop(&mut self) {
        drop(self.sandbox.command("umount").args(["-R", "-l"]).arg(&self.path).output());
    }
}

/// What the bundle's script prints, the same under runc and nexcage.
#[track_caller]
fn same(sandbox: &Sandbox, bundle: &Bundle) -> String {
    let (runc, ours) = (sandbox.runc(bundle).output(), sandbox.run(bundle).output());
    assert_eq!(text(&runc.stderr), "", "runc");
    assert_eq!(text(&ours.stderr), "");
    let ours = text(&ours.stdout);
    assert_eq!(ours, text(&runc.stdout));
    ours
}

#[test]
fn the_tree_of_mounts_is_runcs() {
    let sandbox = Sandbox::new();
    let tree = Tree::new(&sandbox, "private");
    let script = format!("{LOOK}; cat /data/file /data/sub/file; ls -l /dev/ptmx /etc/name | cut -c1-10");
    fs::write(sandbox.path().join("name"), "x").unwrap();
    let mounts = [
        bind(&tree.path, "/data", &["rbind", "nosuid", "nodev"]),
        bind(&tree.path, "/ro", &["rbind", "ro", "noexec"]),
        bind(&tree.path, "/rro", &["rbind", "rro"]),
        bind(&sandbox.path().join("name"), "/etc/name", &["bind", "ro"]),
        json!({"destination": "/t", "type": "tmpfs", "options": ["ro", "noatime", "mode=711"]}),
        json!({"destination": "/t/below", "type": "tmpfs", "options": ["sync", "size=4k"]}),
    ];
    let bundle = sandbox.bundle(&with(Config::script(&script), mounts).read_only());
    let seen = same(&sandbox, &bundle);
    for line in ["/data rw,nosuid,nodev,relatime tmpfs", "/rro/sub ro,relatime tmpfs", "/t ro,noatime tmpfs"]
    {
        assert!(seen.lines().any(|seen| seen == line), "no {line:?} in {seen}");
    }
}

#[test]
fn propagation_is_runcs() {
    for (kind, root) in
        [("private", None), ("shared", None), ("shared", Some("rslave")), ("shared", Some("rprivate"))]
    {
        let sandbox = Sandbox::new();
        let tree = Tree::new(&sandbox, kind);
        let words =
            ["private", "rprivate", "slave", "rslave", "shared", "rshared", "unbindable", "runbindable"];
        let mounts = words.map(|word| bind(&tree.path, &format!("/{word}"), &["rbind", word]));
        let config = with(Config::script(LOOK), mounts);
        let config = with(config, [bind(&tree.path, "/none", &["rbind"])]);
        let bundle = sandbox.bundle(&config.edit(|spec| {
            let linux = spec.linux_mut().get_or_insert_default();
            linux.set_rootfs_propagation(root.map(str::to_owned));
        }));
        same(&sandbox, &bundle);
    }
}

#[test]
fn cgroups_are_shown_as_runc_shows_them() {
    for access in ["ro", "rw"] {
        for own_namespace in [true, false] {
            let sandbox = Sandbox::new();
            let script = format!("{LOOK} | grep cgroup; ls /sys/fs/cgroup");
            let options = ["nosuid", "noexec", "nodev", "relatime", access];
            let cgroup = json!({"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
                "options": options});
            let mut config = with(Config::script(&script), [cgroup]);
            if !own_namespace {
                config = config.without_namespace(LinuxNamespaceType::Cgroup);
            } else if !format!("{config:?}").contains("Cgroup") {
                config = config.joining_namespace(LinuxNamespaceType::Cgroup, "");
            }
            same(&sandbox, &sandbox.bundle(&config));
        }
    }
}

#[test]
fn a_tmpfs_gets_a_copy_of_what_it_covers() {
    let sandbox = Sandbox::new();
    let script = "cd /var/data; stat -c '%n %a %u:%g %F' . a a/file link; cat a/file; stat -c %Y a/file";
    let tmpfs = json!({"destination": "/var/data", "type": "tmpfs", "source": "tmpfs",
        "options": ["tmpcopyup", "nodev"]});
    let bundle = sandbox.bundle(&with(Config::script(script), [tmpfs]));
    let covered = bundle.rootfs().join("var/data");
    fs::create_dir_all(covered.join("a")).unwrap();
    fs::write(covered.join("a/file"), "copied\n").unwrap();
    symlink("a/file", covered.join("link")).unwrap();
    sandbox
        .command("sh")
        .args(["-c", "chmod 2710 a; chown 5:6 a/file; touch -d @1000000000 a/file"])
        .through(["env", "-C"].map(str::to_owned).into_iter().chain([covered.display().to_string()]))
        .assert()
        .code(0);
    let expected = ". 755 0:0 directory\na 2710 0:0 directory\na/file 644 5:6 regular file\n\
        link 777 0:0 symbolic link\ncopied\n1000000000\n";
    sandbox.run(&bundle).assert().code(0).stdout(expected).stderr("");
    assert!(fs::read_dir(&covered).unwrap().count() == 2);
}

#[test]
fn owners_are_mapped_in_a_mount() {
    let sandbox = Sandbox::new();
    let tree = Tree::new(&sandbox, "private");
    tree.sh("chown 7:8 \"$1/file\" \"$1/sub/file\"");
    let script = "stat -c %u:%g /one/file /one/sub/file /all/sub/file; touch /all/new; stat -c %u /all/new";
    let map = json!([{"containerID": 0, "hostID": 1000, "size": 100}]);
    let mapped = |destination: &str, option: &str| {
        let mut mount = bind(&tree.path, destination, &["rbind", option]);
        mount["uidMappings"] = map.clone();
        mount["gidMappings"] = map.clone();
        mount
    };
    let bundle =
        sandbox.bundle(&with(Config::script(script), [mapped("/one", "idmap"), mapped("/all", "ridmap")]));
    let output = sandbox.run(&bundle).output();
    // Root of the container has no id in the mount.
    assert_eq!(text(&output.stdout), "1007:1008\n7:8\n1007:1008\n", "{}", text(&output.stderr));
}

#[test]
fn a_mapped_root_sees_the_host_s_files_where_its_map_says() {
    let sandbox = Sandbox::new();
    let tree = Tree::new(&sandbox, "private");
    // Nobody but the host's root may pass.
    tree.sh("mkdir -m 700 \"$1/hidden\" \"$1/hidden/x\" && echo seen > \"$1/hidden/x/file\"");
    let script = "stat -c %u /data/file; cat /plain/file; touch /data/new && stat -c %u /data/new";
    let mounts = [
        bind(&tree.path, "/data", &["bind", "idmap"]),
        bind(&tree.path.join("hidden/x"), "/plain", &["bind"]),
    ];
    let bundle = sandbox.bundle(&with(Config::script(script), mounts).mapped_to(100_000));
    sandbox.command("chown").args(["-Rh", "100000:100000"]).arg(bundle.rootfs()).assert().code(0);
    let output = sandbox.run(&bundle).output();
    assert_eq!(text(&output.stdout), "0\n0\n", "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("Permission denied"), "{}", text(&output.stderr));
}

#[test]
fn options_and_paths_that_lxc_would_mistake_are_carried_out() {
    let sandbox = Sandbox::new();
    let lower = sandbox.path().join("optional");
    let long = "x".repeat(200);
    let deep = format!("/{}", [long.as_str(); 15].join("/"));
    for directory in ["optional", "upper", "work"] {
        fs::create_dir(sandbox.path().join(directory)).unwrap();
    }
    fs::write(lower.join("file"), "lower\n").unwrap();
    let path = |name: &str| sandbox.path().join(name).display().to_string();
    let layers = ["optional", "upper", "work"].map(path);
    let options = format!("lowerdir={},upperdir={},workdir={}", layers[0], layers[1], layers[2]);
    let mounts = [
        json!({"destination": "/merged", "type": "overlay", "source": "overlay", "options": [options]}),
        bind(&lower, &deep, &["bind"]),
        bind(&lower, "/odd\u{1}name", &["bind"]),
    ];
    let script = format!("cat /merged/file {deep}/file /odd*name/file");
    let bundle = sandbox.bundle(&with(Config::script(&script), mounts));
    sandbox.run(&bundle).assert().code(0).stdout("lower\n".repeat(3)).stderr("");
}

#[test]
fn a_mount_that_fails_is_named() {
    let sandbox = Sandbox::new();
    let mounts = [
        json!({"destination": "/a", "type": "tmpfs", "options": ["sync"]}),
        json!({"destination": "/b", "type": "tmpfs", "options": ["size=nonsense"]}),
    ];
    let bundle = sandbox.bundle(&with(Config::script("exit 0"), mounts));
    let output = sandbox.run(&bundle).output();
    let message = text(&output.stderr);
    assert_eq!((output.status.code(), message.lines().count()), (Some(125), 1), "{message}");
    for part in ["NX-MOUNT", "type tmpfs on /b", "Invalid argument", "(/mounts/7)"] {
        assert!(message.contains(part), "no {part}: {message}");
    }
}

#[test]
fn a_link_that_changes_while_containers_start_never_leads_to_the_host() {
    let sandbox = Sandbox::new();
    let outside = sandbox.path().join("outside");
    fs::create_dir(&outside).unwrap();
    // One mount by LXC, one by nexcage-setup.
    let mounts = [
        json!({"destination": "/swap/lxc", "type": "tmpfs"}),
        json!({"destination": "/swap/setup", "type": "tmpfs", "options": ["sync"]}),
    ];
    let bundle = sandbox.bundle(&with(Config::script("exit 0"), mounts));
    let (swap, up) = (bundle.rootfs().join("swap"), format!("../../../../../../../..{}", outside.display()));
    let done = AtomicBool::new(false);
    let outputs = thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                for target in [outside.display().to_string(), up.clone()] {
                    drop(fs::remove_dir_all(&swap));
                    drop(symlink(target, &swap));
                    thread::sleep(Duration::from_micros(500));
                    drop(fs::remove_file(&swap));
                    drop(fs::create_dir(&swap));
                    thread::sleep(Duration::from_micros(500));
                }
            }
        });
        let outputs: Vec<Output> = (0..50).map(|_| sandbox.run(&bundle).output()).collect();
        done.store(true, Ordering::Relaxed);
        outputs
    });
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    for output in outputs {
        // It may fail to start.
        assert!(matches!(output.status.code(), Some(0 | 125)), "{}", text(&output.stderr));
    }
}

#[test]
fn a_shared_mount_reaches_the_host_where_the_bundle_says_so() {
    let sandbox = Sandbox::new();
    let tree = Tree::new(&sandbox, "shared");
    let script = "mkdir /data/sub/x && mount -t tmpfs inside /data/sub/x && echo mounted && read line";
    let admin: Capabilities = [Capability::SysAdmin].into_iter().collect();
    for (root, expected) in [("rshared", true), ("rslave", false)] {
        let config = with(Config::script(script), [bind(&tree.path, "/data", &["rbind", root])]);
        let config = config.capabilities(&admin, &Capabilities::default()).edit(|spec| {
            spec.linux_mut().get_or_insert_default().set_rootfs_propagation(Some(root.to_owned()));
        });
        let bundle = sandbox.bundle(&config);
        let mut running = sandbox.run(&bundle).start();
        assert_eq!(running.line(), "mounted");
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let place = format!("{} ", tree.path.join("sub/x").display());
        assert_eq!(mounts.lines().any(|line| line.contains(&place)), expected, "{root}");
        drop(running.wait());
        tree.sh("umount -l \"$1/sub/x\" 2> /dev/null; rmdir \"$1/sub/x\"");
    }
}
