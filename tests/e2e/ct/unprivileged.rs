//! An unprivileged CT's root, who is nobody on the host, must reach what nexcage gives it: each part is
//! looked at when pct is called, and taken back to show that it is needed.

use super::{await_that, configure, failure, node, pct, sandbox, wrap};
use crate::text;
use nexcage_tests::{Bundle, Config, Run, Sandbox};
use pct_stand_in::Fault;
use serde_json::json;
use std::fs;
use std::os::unix::fs::MetadataExt as _;

/// A bundle whose image belongs to the mapped root.
fn bundle(sandbox: &Sandbox, script: &str) -> Bundle {
    let bundle = sandbox.bundle(&Config::script(script).mapped_to(100_000));
    sandbox.command("chown").args(["-Rh", "100000:100000"]).arg(bundle.rootfs()).assert().code(0);
    bundle
}

/// The container `c`, and the shell word for its directory on the host.
fn run(sandbox: &Sandbox, bundle: &Bundle) -> (Run, String) {
    let directory = sandbox.root().join(sandbox.namespace()).join("c");
    (sandbox.run_as("c", bundle), format!("'{}'", directory.display()))
}

#[test]
fn the_mapped_root_owns_socket_and_stdio_and_may_pass_the_directories() {
    let sandbox = sandbox();
    let (run, directory) = run(&sandbox, &bundle(&sandbox, "exit 0"));
    let seen = sandbox.path().join("seen");
    let look = format!(
        "cd {directory} && {{ stat -c '%a %n' '{}' .. . init; stat -c '%u:%g %F' init/socket
         find -L /proc/$PPID/fd -type p -printf '%i %U:%G\\n' | sort -u | grep -c ' 100000:100000$'; }} > '{}' 2>&1",
        sandbox.root().display(),
        seen.display(),
    );
    wrap(node(&sandbox), &look, "");
    run.assert().code(0).stderr("");
    let expected =
        format!("711 {}\n711 ..\n711 .\n711 init\n100000:100000 socket\n3\n", sandbox.root().display());
    assert_eq!(fs::read_to_string(seen).unwrap(), expected);
}

#[test]
fn a_socket_of_the_host_s_root_is_out_of_reach() {
    let sandbox = sandbox();
    let (run, directory) = run(&sandbox, &bundle(&sandbox, "exit 0"));
    wrap(node(&sandbox), &format!("chown 0:0 {directory}/init/socket"), "");
    failure(run.args(["--timeout", "3"]), "NX-");
}

#[test]
fn a_directory_of_the_host_s_root_alone_is_out_of_reach() {
    let sandbox = sandbox();
    let (run, directory) = run(&sandbox, &bundle(&sandbox, "exit 0"));
    wrap(node(&sandbox), &format!("chmod 0700 {directory}/init"), "");
    failure(run.args(["--timeout", "3"]), "NX-");
}

#[test]
fn a_pipe_of_the_host_s_root_cannot_be_opened_again() {
    let sandbox = sandbox();
    let (run, _) = run(&sandbox, &bundle(&sandbox, "echo open > /dev/stdout || exit 9"));
    wrap(node(&sandbox), "find -L /proc/$PPID/fd -type p -exec chown 0:0 {} +", "");
    let output = run.output();
    let message = text(&output.stderr);
    assert!(message.contains("Permission denied"), "{message}");
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(9), String::new()));
}

#[test]
fn an_image_of_the_host_s_root_is_mounted_with_its_owners_mapped() {
    let sandbox = sandbox();
    configure(&sandbox, "version", json!("6.1.6"));
    let config = Config::script("stat -c %u:%g /bin/busybox /; echo new > /new").mapped_to(100_000);
    let bundle = sandbox.bundle(&config);
    let seen = sandbox.path().join("seen");
    wrap(
        node(&sandbox),
        &format!("grep rootfs: '{}'/5000.conf > '{}'", node(&sandbox).conf_dir().display(), seen.display()),
        "",
    );
    sandbox.run(&bundle).assert().code(0).stdout("0:0\n0:0\n").stderr("");
    let new = fs::metadata(bundle.rootfs().join("new")).unwrap();
    assert_eq!((new.uid(), new.gid()), (0, 0));
    let expected = format!("rootfs: {},idmap=passthrough\n", bundle.rootfs().display());
    assert_eq!(fs::read_to_string(seen).unwrap(), expected);
}

#[test]
fn without_the_map_such_an_image_belongs_to_nobody() {
    let sandbox = sandbox();
    let bundle =
        sandbox.bundle(&Config::script("stat -c %u:%g /bin/busybox; echo new > /new").mapped_to(100_000));
    configure(&sandbox, "version", json!("6.1.6"));
    let conf = node(&sandbox).conf_dir().join("5000.conf");
    wrap(node(&sandbox), &format!("sed -i s/,idmap=passthrough// '{}'", conf.display()), "");
    let output = sandbox.run(&bundle).output();
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), "65534:65534\n".to_owned()));
}

#[test]
fn an_older_proxmox_is_given_the_image_with_its_owners_mapped() {
    let sandbox = sandbox();
    configure(&sandbox, "version", json!("6.1.5"));
    let config = Config::script("stat -c %u:%g /bin/busybox /; echo new > /new; sleep 1000");
    let bundle = sandbox.bundle(&config.mapped_to(100_000));
    let container = sandbox.start(&bundle);
    let image = sandbox.state_directory(&container.id).join("image");
    let shown = text(&pct(node(&sandbox), &["config", "5000"]).stdout);
    let line = format!("rootfs: {}", image.display());
    assert!(shown.lines().any(|shown| shown == line), "no {line}:\n{shown}");
    let new = || fs::metadata(bundle.rootfs().join("new"));
    await_that("a file is written", || new().is_ok());
    assert_eq!(new().unwrap().uid(), 0);
    assert_eq!(fs::metadata(image.join("new")).unwrap().uid(), 100_000);
    let output = sandbox.nexcage("exec").arg(&container.id).args(["stat", "-c", "%u:%g", "/new"]).output();
    assert_eq!(text(&output.stdout), "0:0\n", "{output:?}");
    container.remove();
    assert!(new().is_ok(), "only the mount is gone");
    sandbox.assert_nothing_left();
}

#[test]
fn a_failed_start_takes_only_the_mount_away() {
    let sandbox = sandbox();
    let fault = Fault::Fail { stdout: String::new(), stderr: "x\n".to_owned(), status: 255 };
    node(&sandbox).set_fault(Some(&fault)).unwrap();
    let bundle = sandbox.bundle(&Config::script("exit 0").mapped_to(100_000));
    failure(sandbox.run(&bundle), "NX-PCT-START");
    assert!(bundle.rootfs().join("bin/busybox").exists());
    sandbox.assert_nothing_left();
}

#[test]
fn owners_that_cannot_be_mapped_are_refused_before_anything_is_made() {
    let sandbox = sandbox();
    let bundle = sandbox.bundle(&Config::script("exit 0").mapped_to(100_000));
    let [lower, upper, work] = ["lower", "upper", "work"].map(|name| sandbox.path().join(name));
    fs::rename(bundle.rootfs(), &lower).unwrap();
    for directory in [&bundle.rootfs(), &upper, &work] {
        fs::create_dir(directory).unwrap();
    }
    let layers =
        format!("lowerdir={},upperdir={},workdir={}", lower.display(), upper.display(), work.display());
    let mount = |words: &[&str]| sandbox.command("mount").args(words).arg(bundle.rootfs()).assert().code(0);
    for version in ["6.1.5", "6.1.6"] {
        configure(&sandbox, "version", json!(version));
        mount(&["-t", "overlay", "-o", &layers, "overlay"]);
        let output = sandbox.run(&bundle).output();
        sandbox.command("umount").arg(bundle.rootfs()).assert().code(0);
        let message = text(&output.stderr);
        assert_eq!((output.status.code(), message.lines().count()), (Some(125), 1), "{message}");
        for words in ["NX-REFUSED", "belongs to the host's root", "Invalid argument", "hint: an overlay"] {
            assert!(message.contains(words), "no {words}: {message}");
        }
    }
    assert_eq!(node(&sandbox).calls().unwrap(), [] as [String; 0]);
    sandbox.assert_nothing_left();
}

/// Says what Proxmox's filter does, and how many filters the kernel knows of.
const FILTERS: &str = "umount -f /proc 2>&1 | sed 's/.*: //'; grep Seccomp /proc/self/status | tr -d '\\t'";

#[test]
fn an_executed_process_has_proxmox_s_filter_as_well_as_the_first_one() {
    let sandbox = sandbox();
    let script = format!("{FILTERS}; echo up; sleep 1000");
    for (config, filters) in [(Config::script(&script), 0), (Config::script(&script).mapped_to(100_000), 1)] {
        let bundle = sandbox.bundle(&config);
        let mut running = sandbox.run(&bundle).start();
        let first: Vec<String> = (0..3).map(|_| running.line()).collect();
        assert_eq!(running.line(), "up");
        let error = ["Operation not permitted", "Permission denied"][filters];
        let expected =
            [error.to_owned(), format!("Seccomp:{}", 2 * filters), format!("Seccomp_filters:{filters}")];
        assert_eq!(first, expected);
        let output = sandbox.nexcage("exec").arg(&running.id).args(["sh", "-c", FILTERS]).output();
        assert_eq!(text(&output.stdout).lines().collect::<Vec<_>>(), expected, "{output:?}");
        let kill = sandbox.nexcage("kill").arg(&running.id).arg("KILL");
        kill.assert().code(0);
        assert_eq!(running.wait().status.code(), Some(137));
    }
}

#[test]
fn nothing_is_executed_without_a_filter_that_is_there_and_not_understood() {
    let sandbox = sandbox();
    let container = sandbox.start(&sandbox.bundle(&Config::script("sleep 1000").mapped_to(100_000)));
    let rules = node(&sandbox).lxc_dir().join("5000/rules.seccomp");
    let text = fs::read_to_string(&rules).unwrap();
    fs::write(&rules, format!("{text}keyctl maybe\n")).unwrap();
    let message = crate::lifecycle::refused(
        sandbox.nexcage("exec").arg(&container.id).args(["touch", "/ran"]),
        "NX-REFUSED",
        125,
    );
    assert!(message.contains("rules.seccomp:") && message.contains("keyctl maybe"), "{message}");
    container.remove();
}
