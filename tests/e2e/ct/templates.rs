//! Root file systems on storages, made by `pct create`: from templates, and from bundles' own.

mod failures;
mod refusals;

use super::administrator::answer;
use super::{conf, node, pct, sandbox};
use nexcage_tests::{Bundle, Config, FIRST_VMID, Run, Sandbox};
use pct_stand_in::Node;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Where the node's templates are.
fn cache(node: &Node) -> PathBuf {
    let cache = node.storage_dir().join("template/cache");
    fs::create_dir_all(&cache).unwrap();
    cache
}

/// Makes an archive of a bundle's root file system, compressed as its name says, and gives the bundle
/// without it.
fn template(sandbox: &Sandbox, config: &Config, name: &str) -> Bundle {
    let bundle = sandbox.bundle(config);
    fs::write(bundle.rootfs().join("etc/origin"), format!("{name}\n")).unwrap();
    pack(sandbox, &bundle.rootfs(), &cache(node(sandbox)).join(name));
    fs::remove_dir_all(bundle.rootfs()).unwrap();
    bundle
}

fn pack(sandbox: &Sandbox, root: &Path, archive: &Path) {
    let tar = sandbox.command("tar").args(["--create", "--auto-compress", "--file"]).arg(archive);
    tar.arg("--directory").arg(root).arg(".").assert().code(0);
}

/// `nexcage-shim run` with the root file system on a storage.
fn on(sandbox: &Sandbox, bundle: &Bundle, storage: &str) -> Run {
    sandbox.run(bundle).args(["--rootfs-storage", storage])
}

/// The commands that pct was called with, and the VMIDs.
fn calls(node: &Node) -> Vec<String> {
    let calls = node.calls().unwrap();
    calls.iter().map(|call| call.split('\t').take(2).collect::<Vec<_>>().join(" ")).collect()
}

/// The volumes on the node's storages.
fn volumes(node: &Node) -> usize {
    fs::read_dir(node.storage_dir().join("images")).map_or(0, Iterator::count)
}

/// Archives of root file systems that are being made, or were left.
fn archives(sandbox: &Sandbox) -> Vec<PathBuf> {
    let begin = format!("nexcage-{}-", sandbox.namespace());
    let entries = fs::read_dir("/var/tmp").unwrap().flatten().map(|entry| entry.path());
    let is_ours =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&begin));
    entries.filter(is_ours).collect()
}

#[test]
fn a_template_of_each_form_becomes_the_root_file_system_and_goes_with_the_container() {
    for ending in ["tar", "tar.gz", "tar.xz", "tar.zst", "tar.bz2", "tar.lzo"] {
        let sandbox = sandbox();
        let name = format!("box-1_amd64.{ending}");
        let script = "cat /etc/origin; mount | grep -c ' /proc '; echo x > /new; read line; exit 7";
        let bundle = template(&sandbox, &Config::script(script), &name);
        let create = sandbox.making("create", &bundle).args(["--template", &format!("local:vztmpl/{name}")]);
        let mut container = sandbox.hold(create.args(["--rootfs-storage", "local-lvm:8"]));
        let text = fs::read_to_string(conf(node(&sandbox), FIRST_VMID)).unwrap();
        for line in
            ["rootfs: local-lvm:vm-5000-disk-0,size=8G", "ostype: unmanaged", "tags: nexcage", "console: 0"]
        {
            assert!(text.lines().any(|one| one == line), "no {line}: {text}");
        }
        assert!(!text.contains("in the making") && !text.contains("512"), "{text}");
        container.start();
        assert_eq!((container.line(), container.line()), (name, "1".to_owned()));
        container.shell("test -e /new && exit 9").assert().code(9);
        container.write(b"go\n");
        container.await_status("stopped");
        assert_eq!(crate::lifecycle::exit_status(&sandbox, &container.id), 7);
        assert!(!bundle.rootfs().exists(), "the bundle has a root file system again");
        container.delete();
        assert_eq!(calls(node(&sandbox)), ["create 5000", "start 5000", "destroy 5000"]);
        sandbox.assert_nothing_left();
    }
}

#[test]
fn annotations_and_the_configuration_ask_for_it_as_well() {
    let sandbox = sandbox();
    let annotated = |config: Config, key: &str, value: &str| {
        let entry = (format!("org.nexcage.pve.{key}"), value.to_owned());
        config.edit(|spec| {
            spec.annotations_mut().get_or_insert_default().extend([entry]);
        })
    };
    let config = Config::script("cat /etc/origin; exit 3");
    let config = annotated(config, "template", "local:vztmpl/a.tar");
    let bundle = template(&sandbox, &annotated(config, "rootfs-storage", "local:0"), "a.tar");
    sandbox.run(&bundle).assert().code(3).stdout("a.tar\n").stderr("");
    let text = node(&sandbox).calls().unwrap().concat();
    assert!(text.contains("--rootfs\tlocal:0"), "{text}");
    // What is typed comes first, and Proxmox's own place is the last resort.
    let run = sandbox.run(&bundle).args(["--rootfs-storage", "none"]);
    run.assert().code(3).stdout("a.tar\n").stderr("");
    let last = node(&sandbox).calls().unwrap()[3].clone();
    assert!(last.starts_with("create\t") && !last.contains("--rootfs"), "{last}");
}

#[test]
fn the_parts_of_a_bundle_s_root_file_system_arrive_as_they_are() {
    let sandbox = sandbox();
    let look = "cd /kept; stat -c '%u:%g %a %h %n' *; stat -c '%b' sparse; stat -c '%t:%T' /node; \
        readlink link; id -u; mount | grep -c ' /data '";
    let config = Config::script(look).bind(sandbox.path(), "/data");
    let bundle = sandbox.bundle(&config);
    let kept = bundle.rootfs().join("kept");
    fs::create_dir(&kept).unwrap();
    let shell = sandbox.command("sh").arg("-c").arg(
        "cd \"$0\" && echo x > a && ln a b && chown 1000:33 a && chmod 4751 a && ln -s /nowhere link && \
         truncate -s 100M sparse && mknod ../node c 1 3 && setfattr -n user.x -v y a; true",
    );
    shell.arg(&kept).assert().code(0);
    let output = on(&sandbox, &bundle, "local:1").output();
    let expected =
        "1000:33 4751 2 a\n1000:33 4751 2 b\n0:0 777 1 link\n0:0 644 1 sparse\n0\n1:3\n/nowhere\n0\n1\n";
    assert_eq!(
        (crate::text(&output.stdout), crate::text(&output.stderr)),
        (expected.to_owned(), String::new())
    );
    assert_eq!(archives(&sandbox), [""; 0].map(PathBuf::from));
}

#[test]
fn owners_are_the_container_s_whoever_they_are_on_the_host() {
    let sandbox = sandbox();
    let config =
        Config::script("stat -c '%u:%g' /etc/passwd /home/user; cat /proc/self/uid_map").mapped_to(100_000);
    for shift in [0, 100_000] {
        let bundle = sandbox.bundle(&config);
        let chown = format!("chown -Rh {shift}:{shift} \"$0\"; chown {0}:{0} \"$0\"/home/user", shift + 1000);
        sandbox.command("sh").arg("-c").arg(chown).arg(bundle.rootfs()).assert().code(0);
        let run = on(&sandbox, &bundle, "local-lvm:4");
        run.assert().code(0).stdout("0:0\n1000:1000\n         0     100000      65536\n").stderr("");
    }
    let foreign = sandbox.bundle(&config);
    fs::set_permissions(foreign.rootfs(), fs::Permissions::from_mode(0o755)).unwrap();
    std::os::unix::fs::chown(foreign.rootfs().join("etc/group"), Some(70_000), None).unwrap();
    let message = super::failure(on(&sandbox, &foreign, "local-lvm:4"), "NX-REFUSED");
    assert!(message.contains("etc/group belongs to 70000"), "{message}");
    assert_eq!(fs::metadata(foreign.rootfs()).unwrap().uid(), 0);
}

#[test]
fn pct_destroy_by_an_administrator_takes_the_disk_and_the_container_can_be_deleted() {
    let sandbox = sandbox();
    let bundle = sandbox.bundle(&Config::script("exit 4"));
    let create = sandbox.making("create", &bundle).args(["--rootfs-storage", "local:0"]);
    let container = sandbox.hold(create);
    container.start();
    container.await_status("stopped");
    super::await_that("it is destroyed", || pct(node(&sandbox), &["destroy", "5000"]).status.success());
    let before = calls(node(&sandbox));
    container.delete();
    assert_eq!(calls(node(&sandbox)), before, "pct was called for what is gone");
    sandbox.assert_nothing_left();
}

#[test]
fn what_somebody_adds_to_the_configuration_meanwhile_stays() {
    let sandbox = sandbox();
    let bundle = sandbox.bundle(&Config::script("read line"));
    let add = format!(
        "[ $1 = create ] && echo 'timezone: host' >> '{}'/$2.conf",
        node(&sandbox).conf_dir().display()
    );
    super::wrap(node(&sandbox), "", &add);
    let create = sandbox.making("create", &bundle).args(["--rootfs-storage", "local:0"]);
    let container = sandbox.hold(create);
    let config = answer(&pct(node(&sandbox), &["config", "5000"]));
    assert!(config.contains("timezone: host\n") && config.contains("lxc.include: "), "{config}");
    container.remove();
    sandbox.assert_nothing_left();
}

#[test]
fn several_at_a_time_have_disks_of_their_own() {
    let sandbox = sandbox();
    let bundle = sandbox.bundle(&Config::script("exit 5"));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| on(&sandbox, &bundle, "local-lvm:1").assert().code(5).stderr(""));
        }
    });
    let calls = calls(node(&sandbox));
    assert_eq!(calls.iter().filter(|call| call.starts_with("destroy")).count(), 4, "{calls:?}");
    sandbox.assert_nothing_left();
}
