//! What goes wrong says so in one line, with the status of its kind, and leaves nothing behind.

use crate::elf::{self, Does};
use crate::text;
use nexcage_tests::{Config, Run, Sandbox};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

/// Runs what must fail before the process does, and gives back its one line.
#[track_caller]
fn failure(run: Run, status: i32) -> String {
    let output = run.output();
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{message}");
    assert_eq!(text(&output.stdout), "");
    assert_eq!(message.lines().count(), 1, "{message}");
    assert!(message.starts_with("nexcage-shim: error NX-"), "{message}");
    message
}

#[track_caller]
fn check(run: Run, status: i32, parts: &[&str]) {
    let message = failure(run, status);
    for part in parts {
        assert!(message.contains(part), "no {part:?} in: {message}");
    }
}

#[test]
fn a_program_that_cannot_be_executed() {
    let sandbox = Sandbox::new();
    for (program, status, code) in [
        ("/nope", 127, "NX-NO-PROGRAM"),
        ("nope", 127, "NX-NO-PROGRAM"),
        ("/etc/passwd", 126, "NX-NOT-EXECUTABLE"),
        ("/etc", 126, "NX-NOT-EXECUTABLE"),
    ] {
        check(sandbox.run(&sandbox.bundle(&Config::new([program]))), status, &[code, program]);
        sandbox.assert_nothing_left();
    }
}

#[test]
fn a_script_whose_interpreter_is_missing_does_not_exist_either() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::new(["/script"]));
    fs::write(bundle.rootfs().join("script"), "#!/no/interpreter\n").unwrap();
    fs::set_permissions(bundle.rootfs().join("script"), fs::Permissions::from_mode(0o755)).unwrap();
    check(sandbox.run(&bundle), 127, &["NX-NO-PROGRAM", "/script"]);
}

#[test]
fn what_starts_containers_is_not_installed() {
    let sandbox = Sandbox::new();
    if let Some(node) = sandbox.node() {
        fs::remove_file(node.pct()).unwrap();
        let run = sandbox.run(&sandbox.bundle(&Config::script("exit 0")));
        return check(run, 125, &["NX-PCT-MISSING", "bin/pct"]);
    }
    let empty = sandbox.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let run = sandbox.run(&sandbox.bundle(&Config::script("exit 0"))).env("PATH", &empty);
    check(run, 125, &["NX-LXC-MISSING", "lxc-start"]);
}

#[test]
fn nexcage_init_is_not_installed() {
    let sandbox = Sandbox::new();
    let run = sandbox.run(&sandbox.bundle(&Config::script("exit 0"))).args(["--init", "/no/init"]);
    check(run, 125, &["NX-INIT-MISSING", "/no/init"]);
}

#[test]
fn the_bundle_is_missing_or_broken() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::script("exit 0"));
    fs::remove_dir_all(bundle.rootfs()).unwrap();
    // A line for the finding comes before the one that ends the run.
    let output = sandbox.run(&bundle).output();
    let message = text(&output.stderr);
    assert_eq!((output.status.code(), message.lines().count()), (Some(125), 2), "{message}");
    assert!(message.contains("/root/path") && message.contains("NX-INVALID"), "{message}");
    fs::write(bundle.config(), "{").unwrap();
    check(sandbox.run(&bundle), 125, &["NX-SYNTAX", "config.json"]);
    fs::remove_file(bundle.config()).unwrap();
    check(sandbox.run(&bundle), 125, &["NX-INPUT", "config.json"]);
    let missing = sandbox.tool("nexcage-shim").args(["run", "--id", "x", "--bundle", "/no/bundle", "--root"]);
    check(missing.arg(sandbox.root()), 125, &["NX-INPUT", "/no/bundle"]);
}

#[test]
fn lxc_refuses_a_line_of_the_configuration() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::script("exit 0"));
    let rendered = sandbox.tool("lxc-render-config").arg(bundle.path()).output().stdout;
    let config = sandbox.path().join("lxc.conf");
    // Proxmox asks LXC about the CT; LXC 6 repeats the key then, LXC 5.0 does not.
    let (code, key) = match sandbox.node() {
        None => ("NX-LXC-START", "lxc.nonsense"),
        Some(_) => ("NX-PCT-START", "lxc-info"),
    };
    for (line, word) in
        [("lxc.nonsense = 1", key), ("lxc.mount.entry = /no/source mnt none bind 0 0", "/no/source")]
    {
        fs::write(&config, format!("{}{line}\n", text(&rendered))).unwrap();
        check(sandbox.run(&bundle).arg("--config").arg(&config), 125, &[code, word]);
        sandbox.assert_nothing_left();
    }
    check(sandbox.run(&bundle).args(["--config", "/no/config"]), 125, &["NX-INPUT", "/no/config"]);
}

#[test]
fn a_configuration_without_a_root_file_system_would_run_on_the_host_s() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::script("exit 0"));
    let rendered = text(&sandbox.tool("lxc-render-config").arg(bundle.path()).output().stdout);
    let lines = rendered.lines().filter(|line| !line.starts_with("lxc.rootfs.path"));
    let config = sandbox.path().join("lxc.conf");
    fs::write(&config, lines.map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    let run = sandbox.run(&bundle).arg("--config").arg(&config);
    check(run, 125, &["NX-REFUSED", "lxc.rootfs.path"]);
}

#[test]
fn the_init_never_connects() {
    let sandbox = Sandbox::new();
    let init = sandbox.path().join("sleeping-init");
    elf::write(&init, Does::Sleep);
    let bundle = sandbox.bundle(&Config::script("exit 0"));
    let run = sandbox.run(&bundle).arg("--init").arg(&init).args(["--timeout", "1"]);
    check(run, 125, &["NX-TIMEOUT", "1 s"]);
}

#[test]
fn the_init_ends_before_it_connects() {
    let sandbox = Sandbox::new();
    let init = sandbox.path().join("ending-init");
    elf::write(&init, Does::Exit42);
    let bundle = sandbox.bundle(&Config::script("exit 0"));
    check(sandbox.run(&bundle).arg("--init").arg(&init), 125, &["NX-"]);
}

#[test]
fn an_id_that_is_taken() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::script("echo up; read line; exit 8"));
    let mut running = sandbox.run_as("same", &bundle).start();
    assert_eq!(running.line(), "up");
    check(sandbox.run_as("same", &bundle), 125, &["NX-EXISTS", "same"]);
    assert!(running.is_running(), "the first one goes on");
    running.write(b"go\n");
    assert_eq!(running.wait().status.code(), Some(8));
    let again = sandbox.run_as("same", &bundle).stdin("go\n");
    again.assert().code(8).stdout("up\n");
}

#[test]
fn ids_that_are_none() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::script("exit 0"));
    for id in ["", "..", "a/b", "a b", "-x", "a\nb"] {
        check(sandbox.run_as(id, &bundle), 2, &["NX-ID"]);
    }
}

#[test]
fn a_bundle_that_cannot_be_expressed_is_refused_by_name() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::script("exit 0").edit(|spec| {
        let linux = spec.linux_mut().get_or_insert_default();
        linux.set_sysctl(Some([("no such\nkey".to_owned(), "1".to_owned())].into()));
    }));
    check(sandbox.run(&bundle), 125, &["sysctl"]);
}
