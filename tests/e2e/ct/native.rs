//! What Proxmox shows and enforces of a container, and what stays when somebody changes it there.

use super::{await_that, conf, failure, node, pct, sandbox};
use crate::text;
use nexcage_tests::{Config, FIRST_VMID};
use oci_spec::runtime::{LinuxCpuBuilder, LinuxMemoryBuilder, LinuxResources};
use std::collections::HashMap;
use std::fs;

fn annotated(config: Config, annotations: &[(&str, &str)]) -> Config {
    let annotations: HashMap<String, String> =
        annotations.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    config.edit(|spec| {
        spec.set_annotations(Some(annotations));
    })
}

#[test]
fn a_ct_shows_limits_names_tags_and_origin() {
    let sandbox = sandbox();
    let config = annotated(
        Config::script("read line").edit(|spec| {
            let mut resources = LinuxResources::default();
            let memory = LinuxMemoryBuilder::default().limit(100_000_000).swap(150_000_000);
            resources.set_memory(memory.build().ok());
            resources.set_cpu(LinuxCpuBuilder::default().shares(2048u64).cpus("0").build().ok());
            spec.linux_mut().as_mut().unwrap().set_resources(Some(resources));
            spec.set_hostname(Some("my_host.example".to_owned()));
        }),
        &[
            ("org.opencontainers.image.ref.name", "docker.io/library/x:1"),
            ("evil", "a\nlxc.include: /evil"),
            ("org.nexcage.pve.tags", "web"),
            ("org.nexcage.pve.startup", "order=3"),
            ("org.nexcage.pve.features", "nesting=1,keyctl=1"),
        ],
    );
    let container = sandbox.create(&sandbox.bundle(&config));
    let shown = text(&pct(node(&sandbox), &["config", "5000"]).stdout);
    for line in [
        "features: nesting=1,keyctl=1".to_owned(),
        "hostname: my-host.example".to_owned(),
        "memory: 96".to_owned(),
        "swap: 48".to_owned(),
        "startup: order=3".to_owned(),
        "tags: nexcage;web".to_owned(),
    ] {
        assert!(shown.lines().any(|shown| shown == line), "no {line:?} in:\n{shown}");
    }
    let description = shown.lines().find(|line| line.starts_with("description: ")).unwrap();
    for part in [&*container.id, "image%3A docker.io/library/x%3A1", "evil%3A a", "bundle%3A /"] {
        assert!(description.contains(part), "no {part}: {description}");
    }
    assert_eq!(shown.lines().filter(|line| line.starts_with("lxc.include")).count(), 1, "{shown}");
    container.remove();
}

#[test]
fn what_is_set_by_pct_survives_with_our_include() {
    let sandbox = sandbox();
    let container = sandbox.start(&sandbox.bundle(&Config::script("read line")));
    let include =
        format!("lxc.include: {}", sandbox.state_directory(&container.id).join("5000.conf").display());
    let set = pct(node(&sandbox), &["set", "5000", "--memory", "300", "--onboot", "0"]);
    assert_eq!(set.status.code(), Some(0), "{}", text(&set.stderr));
    container.kill("KILL");
    container.await_status("stopped");
    await_that("the CT has stopped", || {
        text(&pct(node(&sandbox), &["status", "5000"]).stdout) == "status: stopped\n"
    });
    let rendered = node(&sandbox).lxc_dir().join("5000/config");
    drop(fs::remove_file(&rendered));
    // nexcage-init finds nobody and ends at once: the include is in force. pct has seen it run, or not.
    let start = pct(node(&sandbox), &["start", "5000"]);
    assert!(start.status.success() || text(&start.stderr).contains("unable to get PID"), "{start:?}");
    let conf = fs::read_to_string(conf(node(&sandbox), FIRST_VMID)).unwrap();
    for line in ["memory: 300", "onboot: 0", &include] {
        assert_eq!(conf.lines().filter(|shown| *shown == line).count(), 1, "{line}:\n{conf}");
    }
    let rendered = fs::read_to_string(rendered).unwrap();
    assert!(rendered.contains(&include.replace(": ", " = ")), "{rendered}");
    container.remove();
}

#[test]
fn what_proxmox_would_refuse_is_refused_before_anything_is_made() {
    let sandbox = sandbox();
    let config = annotated(Config::script("exit 0"), &[("org.nexcage.pve.net0", "bridge=vmbr0")]);
    let message = failure(sandbox.run(&sandbox.bundle(&config)), "NX-REFUSED");
    assert!(message.contains("/annotations/org.nexcage.pve.net0: invalid format"), "{message}");
    assert_eq!(node(&sandbox).calls().unwrap(), [] as [String; 0]);
    sandbox.assert_nothing_left();
}

#[test]
fn a_mount_point_that_is_asked_for_is_proxmox_s_and_comes_before_the_bundle_s_mounts() {
    let sandbox = sandbox();
    let [data, over] = ["data", "over"].map(|name| {
        let directory = sandbox.path().join(name);
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("file"), name).unwrap();
        directory
    });
    let script = "cat /mnt/file /srv/a/file; echo x 2>/dev/null > /mnt/file || echo read-only; read line";
    let config = annotated(
        Config::script(script).bind(&over, "/srv/a"),
        &[
            ("org.nexcage.pve.mp0", &format!("{},mp=/mnt,ro=1", data.display())),
            ("org.nexcage.pve.mp1", &format!("{},mp=/srv/a", data.display())),
            ("org.nexcage.pve.startup", "order=3,up=5"),
        ],
    );
    let mut running = sandbox.run(&sandbox.bundle(&config)).start();
    assert_eq!(running.line(), "dataoverread-only");
    let shown = text(&pct(node(&sandbox), &["config", "5000"]).stdout);
    for line in [
        format!("mp0: {},mp=/mnt,ro=1", data.display()),
        format!("mp1: {},mp=/srv/a", data.display()),
        "startup: order=3,up=5".to_owned(),
    ] {
        assert!(shown.lines().any(|shown| shown == line), "no {line:?} in:\n{shown}");
    }
    running.write(b"go\n");
    assert_eq!(running.wait().status.code(), Some(0));
    assert_eq!(fs::read_to_string(data.join("file")).unwrap(), "data");
}
