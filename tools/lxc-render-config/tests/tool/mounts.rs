//! Who makes which mount: LXC the leading ones that it makes exactly, nexcage-setup the rest.

use crate::bundle;
use lxc_render_config::CgroupVersion::{V1, V2};
use lxc_render_config::{CgroupVersion, Image, Options, RenderError, Rendered};
use serde_json::{Value, json};

fn rendered(mounts: Value, cgroup: CgroupVersion) -> Result<Rendered, String> {
    let mut config = bundle::minimal();
    config["mounts"] = mounts;
    let dir = bundle::make(&config);
    bundle::render_in(dir.path(), cgroup).map_err(|error| match error {
        RenderError::Refused(refusals) => refusals.into_iter().map(|refusal| refusal.pointer).collect(),
        other => panic!("{other}"),
    })
}

/// The targets of LXC's entries and of nexcage-setup's steps.
fn split(rendered: &Rendered) -> (Vec<String>, Vec<String>) {
    let target = |line: &str| line.split(' ').nth(1).unwrap_or_default().to_owned();
    let entries = rendered.config.values("lxc.mount.entry").map(target);
    // The default devices have their places in /dev.
    let entries = entries.filter(|target| !target.starts_with("dev/") || target == "dev/pts");
    (entries.collect(), rendered.steps.iter().map(|step| step.target.clone()).collect())
}

fn tmpfs(destination: &str, option: &str) -> Value {
    json!({"destination": destination, "type": "tmpfs", "options": [option]})
}

#[test]
fn from_the_first_mount_that_lxc_does_not_make_exactly_all_are_steps() {
    let mounts =
        json!([tmpfs("/dev", "nosuid"), tmpfs("/a", "noexec"), tmpfs("/b", "sync"), tmpfs("/c", "ro")]);
    let (entries, steps) = split(&rendered(mounts, V2).unwrap());
    assert_eq!(entries, ["dev", "a"]);
    // What LXC takes from /dev/pts comes after them, and read-only is last.
    assert_eq!(steps, ["b", "c", "dev/pts", "c"]);
}

#[test]
fn what_lxc_makes_exactly_needs_nobody_else() {
    let devpts = json!({"destination": "/dev/pts", "type": "devpts", "options": ["ptmxmode=0666", "max=7"]});
    let cgroup = json!({"destination": "/sys/fs/cgroup", "type": "cgroup", "options": ["ro"]});
    let mounts = json!([tmpfs("/dev", "nosuid"), devpts, cgroup]);
    let by_lxc = rendered(mounts.clone(), V2).unwrap();
    let (entries, steps) = split(&by_lxc);
    assert_eq!(
        (&*entries, steps.len()),
        (&["dev", "dev/pts", "sys/fs/cgroup", "dev/pts"].map(str::to_owned)[..], 0)
    );
    assert_eq!(by_lxc.config.get("lxc.pty.max"), Some("0"));
    assert!(by_lxc.config.text().contains("dev/pts devpts create=dir,ptmxmode=0666,max=7 0 0"));
    let (_, steps) = split(&rendered(mounts, V1).unwrap());
    assert_eq!(steps, ["sys/fs/cgroup", "dev/pts"]);
}

#[test]
fn every_trap_of_lxc_leads_around_it() {
    for option in [
        "rro",
        "tmpcopyup",
        "sync",
        "dirsync",
        "mand",
        "lazytime",
        "nosymfollow",
        "optional",
        "create=file",
        "rootcontext=x",
        "remount",
        "size=1k,suid",
        "lowerdir=/a/relative",
    ] {
        let (_, steps) = split(&rendered(json!([tmpfs("/a", option)]), V2).unwrap());
        assert_eq!(steps[0], "a", "{option}");
    }
    for option in ["noatime", "nosuid", "rnoexec", "idmap"] {
        let mut bind = json!({"destination": "/a", "source": "/usr", "options": ["bind", option]});
        for key in ["uidMappings", "gidMappings"] {
            bind[key] = json!([{"containerID": 0, "hostID": 5, "size": 1}]);
        }
        let (_, steps) = split(&rendered(json!([bind]), V2).unwrap());
        assert_eq!(steps[0], "a", "{option}");
    }
}

#[test]
fn what_the_kernel_cannot_do_is_refused() {
    for (mount, pointer) in [
        (tmpfs("/a", "idmap"), "/mounts/0"),
        (json!({"destination": "/a", "source": "/usr", "options": ["bind", "idmap"]}), "/mounts/0"),
        (json!({"destination": "/a", "source": "/usr", "options": ["bind", "size=1"]}), "/mounts/0"),
        (json!({"destination": "/a", "source": "/nowhere/at/all", "type": "bind"}), "/mounts/0/source"),
        (json!({"destination": "/a"}), "/mounts/0"),
    ] {
        let refused = rendered(json!([mount]), V2).map(drop).unwrap_err();
        assert!(refused.starts_with(pointer), "{refused} for {mount}");
    }
}

#[test]
fn an_image_that_nobody_can_look_into_yet_is_nexcage_setup_s() {
    let dir = tempfile::tempdir().unwrap();
    bundle::write(dir.path(), &bundle::engine());
    let bundle = bundle_validate::Bundle::open(dir.path()).unwrap();
    let options = Options { image: Image::Elsewhere, ..Options::default() };
    let rendered = lxc_render_config::render(&bundle, &options).unwrap();
    assert_eq!(rendered.config.values("lxc.mount.entry").count(), 0);
    assert_eq!(rendered.prepare, []);
    let targets: Vec<&str> = rendered.steps.iter().map(|step| step.target.as_str()).collect();
    assert_eq!(targets[..4], ["proc", "dev", "dev/pts", "dev/shm"]);
}
