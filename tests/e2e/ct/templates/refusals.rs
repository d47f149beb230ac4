//! What is refused before any disk is made.

use super::super::{failure, node, sandbox};
use super::{cache, on, pack, volumes};
use nexcage_tests::{Config, Sandbox};
use std::fs;

/// Must be refused without a call of pct.
#[track_caller]
fn refused(sandbox: &Sandbox, config: &Config, words: &[&str], code: &str) -> String {
    let bundle = sandbox.bundle(config);
    let message = failure(sandbox.run(&bundle).args(words), code);
    assert!(message.contains("(hint: "), "{message}");
    assert_eq!(node(sandbox).calls().unwrap(), [""; 0]);
    assert_eq!(volumes(node(sandbox)), 0);
    message
}

#[test]
fn templates_that_cannot_become_a_root_file_system() {
    let sandbox = sandbox();
    let cache = cache(node(&sandbox));
    let bundle = sandbox.bundle(&Config::script("exit 0"));
    pack(&sandbox, &bundle.rootfs(), &cache.join("good.tar.gz"));
    for (from, to) in [
        ("good.tar.gz", "wrong.tar.zst"),
        ("good.tar.gz", "debian-12-standard.tar.gz"),
        ("good.tar.gz", "good.zip"),
    ] {
        fs::copy(cache.join(from), cache.join(to)).unwrap();
    }
    pack(&sandbox, bundle.path(), &cache.join("bundle.tar.xz"));
    let whole = fs::read(cache.join("good.tar.gz")).unwrap();
    fs::write(cache.join("damaged.tar.gz"), &whole[..40]).unwrap();
    fs::create_dir(cache.join("directory.tar")).unwrap();
    let mut elf = fs::read("/bin/busybox").unwrap();
    elf[18..20].copy_from_slice(&22_u16.to_le_bytes());
    fs::write(bundle.rootfs().join("bin/busybox"), elf).unwrap();
    pack(&sandbox, &bundle.rootfs(), &cache.join("s390.tar.bz2"));
    for (name, words) in [
        ("local:vztmpl/none.tar.gz", "No such file"),
        // Names are exact.
        ("local:vztmpl/debian-12.tar.gz", "No such file"),
        ("local:vztmpl/good.zip", "which Proxmox does not unpack"),
        ("local:vztmpl/wrong.tar.zst", "zstd by its name, and gzip by its content"),
        ("local:vztmpl/bundle.tar.xz", "no root file system"),
        ("local:vztmpl/damaged.tar.gz", "cannot look into"),
        ("local:vztmpl/directory.tar", "no regular file"),
        ("local:vztmpl/s390.tar.bz2", "is for machine 22 of ELF"),
        ("/nowhere/x.tar", "No such file"),
    ] {
        let words_typed = ["--template", name, "--rootfs-storage", "local:0"];
        let message = refused(&sandbox, &Config::script("exit 0"), &words_typed, "NX-TEMPLATE");
        assert!(message.contains(words) && message.contains(name), "{message}");
    }
}

#[test]
fn storages_that_take_no_such_thing() {
    let sandbox = sandbox();
    for (words, expected) in [
        (["--rootfs-storage", "nostore:8"], "no storage nostore (hint: there is local, local-lvm)"),
        (["--rootfs-storage", "backups:8"], "takes backup, and not rootdir"),
        (["--template", "nostore:vztmpl/a.tar"], "no storage nostore"),
        (["--template", "local-lvm:vztmpl/a.tar"], "takes rootdir, and not vztmpl"),
    ] {
        let message = refused(&sandbox, &Config::script("exit 0"), &words, "NX-STORAGE");
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn wishes_and_bundles_that_do_not_fit() {
    let sandbox = sandbox();
    let config = || Config::script("exit 0");
    for (config, words, expected) in [
        (config(), ["--rootfs-storage", "8"], "--rootfs-storage: no STORAGE:SIZE"),
        (
            config(),
            ["--template", "debian-12"],
            "--template: neither STORAGE:vztmpl/NAME nor an absolute path",
        ),
        (config().mapped_to(200_000), ["--rootfs-storage", "local-lvm:8"], "has Proxmox's own id map"),
        (config(), ["--rootfs-storage", "local:0.0001"], "MiB, and its disk 0 MiB"),
    ] {
        let message = refused(&sandbox, &config, &words, "NX-REFUSED");
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_device_node_in_an_unprivileged_ct() {
    let sandbox = sandbox();
    let bundle = sandbox.bundle(&Config::script("exit 0").mapped_to(100_000));
    let make = sandbox.command("mknod").arg(bundle.rootfs().join("etc/zero")).args(["c", "1", "5"]);
    make.assert().code(0);
    let message = failure(on(&sandbox, &bundle, "local:0"), "NX-REFUSED");
    assert!(message.contains("etc/zero cannot be made in an unprivileged CT"), "{message}");
    assert_eq!(node(&sandbox).calls().unwrap(), [""; 0]);
}

#[test]
fn plain_lxc_has_no_storages() {
    let sandbox = Sandbox::on(nexcage_tests::Backend::Lxc);
    let bundle = sandbox.bundle(&Config::script("exit 0"));
    for words in [["--template", "/x.tar"], ["--rootfs-storage", "local:8"]] {
        let message = failure(sandbox.run(&bundle).args(words), "NX-UNSUPPORTED");
        assert!(message.contains("CTs of Proxmox VE"), "{message}");
    }
}
