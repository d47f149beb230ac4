//! Root file systems: read-only, hostile, shared; none is ever written to by nexcage.

use crate::text;
use nexcage_tests::{Bundle, Config, Sandbox};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::symlink;

/// Everything in the image: kind, mode, owner, size, time of change, name. Not the top directory
/// itself, in which LXC makes and removes a file of its own.
fn listing(bundle: &Bundle) -> String {
    let sandbox = Sandbox::new();
    let find = sandbox.command("find").arg(bundle.rootfs());
    text(&find.args(["-mindepth", "1", "-printf", "%y %m %U:%G %s %T@ %P -> %l\n"]).output().stdout)
}

/// Compares two listings; a failure shows the lines that differ.
#[track_caller]
fn assert_same(before: &str, after: &str) {
    let only = |these: &str, those: &str| -> Vec<String> {
        let others: HashSet<&str> = those.lines().collect();
        these.lines().filter(|line| !others.contains(line)).map(str::to_owned).collect()
    };
    assert_eq!(only(before, after), only(after, before), "the image was changed");
}

#[test]
fn a_read_only_root_file_system_runs_and_stays_as_it_is() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::script("touch /x 2>/dev/null || echo read-only").read_only());
    let before = listing(&bundle);
    sandbox.run(&bundle).assert().code(0).stdout("read-only\n").stderr("");
    assert_same(&before, &listing(&bundle));
}

#[test]
fn an_image_without_a_dev_mount_is_left_untouched() {
    let sandbox = Sandbox::new();
    for config in [Config::script("ls -A /dev"), Config::script("ls -A /dev").read_only()] {
        let bundle = sandbox.bundle(&config.without_mount("/dev"));
        let before = listing(&bundle);
        let output = sandbox.run(&bundle).output();
        assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""));
        assert!(!text(&output.stdout).contains("nexcage"), "{}", text(&output.stdout));
        assert_same(&before, &listing(&bundle));
    }
}

/// Prepares the image of a bundle and runs in it, with and without a mount of the bundle over /dev:
/// the process sees nothing at /dev/.nexcage, and the image stays as it is.
#[track_caller]
fn check_image_with(prepare: impl Fn(&Bundle)) {
    let sandbox = Sandbox::new();
    let config = Config::script("ls -Ad /dev/.nexcage 2>&-; wc -l < /etc/passwd");
    for config in [config.clone(), config.without_mount("/dev")] {
        let bundle = sandbox.bundle(&config);
        prepare(&bundle);
        let before = listing(&bundle);
        sandbox.run(&bundle).assert().code(0).stdout("2\n").stderr("");
        assert_same(&before, &listing(&bundle));
    }
}

#[test]
fn an_image_may_have_a_file_where_nexcage_puts_its_own() {
    check_image_with(|bundle| fs::write(bundle.rootfs().join("dev/.nexcage"), "mine\n").unwrap());
}

#[test]
fn an_image_may_have_a_directory_where_nexcage_puts_its_own() {
    let prepare = |bundle: &Bundle| {
        let directory = bundle.rootfs().join("dev/.nexcage");
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("init"), "mine\n").unwrap();
        fs::write(directory.join("socket"), "mine\n").unwrap();
    };
    check_image_with(prepare);
}

#[test]
fn an_image_may_have_a_link_where_nexcage_puts_its_own() {
    for target in ["/etc", "/etc/group", "../../../../../../tmp", "/nowhere", ".nexcage"] {
        check_image_with(|bundle| symlink(target, bundle.rootfs().join("dev/.nexcage")).unwrap());
    }
}

#[test]
fn dev_as_a_link_is_refused_because_lxc_does_not_follow_it() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::script("exit 0"));
    let root = bundle.rootfs();
    fs::rename(root.join("dev"), root.join("devices")).unwrap();
    symlink("/devices", root.join("dev")).unwrap();
    let before = listing(&bundle);
    let output = sandbox.run(&bundle).output();
    let message = text(&output.stderr);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(125), ""), "{message}");
    assert!(message.contains("NX-REFUSED") && message.contains("/mounts/1/destination"), "{message}");
    assert_same(&before, &listing(&bundle));
}

#[test]
fn mount_points_behind_links_stay_inside_the_image() {
    let sandbox = Sandbox::new();
    let (source, outside) = (sandbox.path().join("source"), sandbox.path().join("outside"));
    fs::create_dir(&source).unwrap();
    fs::write(source.join("file"), "mounted\n").unwrap();
    fs::create_dir(&outside).unwrap();
    let up = format!("../../../../../../../../../..{}", outside.display());
    for link in ["/real", "real", "../../../real", outside.to_str().unwrap(), &up] {
        let config = Config::new(["/bin/cat", "/data/file"]).bind(&source, "/data");
        let bundle = sandbox.bundle(&config);
        fs::create_dir(bundle.rootfs().join("real")).unwrap();
        fs::create_dir_all(bundle.rootfs().join(outside.strip_prefix("/").unwrap())).unwrap();
        symlink(link, bundle.rootfs().join("data")).unwrap();
        sandbox.run(&bundle).assert().code(0).stdout("mounted\n").stderr("");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "{link}");
    }
}

#[test]
fn mount_points_with_hard_names() {
    let sandbox = Sandbox::new();
    for name in ["/two words", "/tab\there", "/back\\slash", "/ąę", "/deep/er/than that"] {
        let source = sandbox.path().join(format!("source{}", name.len()));
        fs::create_dir_all(source.join("with blank")).unwrap();
        let file = source.join("with blank/file");
        fs::write(&file, name).unwrap();
        let config = Config::new(["/bin/cat".to_owned(), format!("{name}/file")]);
        let bundle = sandbox.bundle(&config.bind(&source.join("with blank"), name));
        sandbox.run(&bundle).assert().code(0).stdout(name.to_owned()).stderr("");
    }
}

#[test]
fn one_root_file_system_under_two_containers_at_once() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::script("echo up; read line; echo got $line; exit 4").read_only());
    let mut both = [sandbox.run(&bundle).start(), sandbox.run(&bundle).start()];
    for running in &mut both {
        assert_eq!(running.line(), "up");
    }
    for (running, line) in both.iter_mut().zip(["one\n", "two\n"]) {
        running.write(line.as_bytes());
    }
    for (running, line) in both.into_iter().zip(["got one\n", "got two\n"]) {
        let output = running.wait();
        assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(4), line));
    }
}

#[test]
fn the_state_directory_may_be_on_a_noexec_file_system() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.root()).unwrap();
    let flags = MountFlags::NOEXEC | MountFlags::NOSUID | MountFlags::NODEV;
    mount("state", sandbox.root(), "tmpfs", flags, None::<&std::ffi::CStr>).unwrap();
    let bundle = sandbox.bundle(&Config::script("exit 5"));
    let output = sandbox.run(&bundle).output();
    unmount(sandbox.root(), UnmountFlags::empty()).unwrap();
    assert_eq!(output.status.code(), Some(5), "{}", text(&output.stderr));
}
