//! User namespaces: root inside is user 100000 outside.

use crate::{EXIT_SOURCES, text};
use nexcage_tests::{Bundle, Config, Sandbox};
use serde_json::{Value, json};
use std::fs;

/// A bundle whose image belongs to the mapped root.
fn bundle(sandbox: &Sandbox, config: Config) -> Bundle {
    let bundle = sandbox.bundle(&config.mapped_to(100_000));
    sandbox.command("chown").args(["-Rh", "100000:100000"]).arg(bundle.rootfs()).assert().code(0);
    bundle
}

#[test]
fn the_process_is_root_inside_and_not_outside() {
    let sandbox = Sandbox::new();
    let script = "id -u; cat /proc/self/uid_map | tr -s ' '; touch /x; ls -ln /x | tr -s ' ' | cut -d' ' -f3,4; exit 42";
    let bundle = bundle(&sandbox, Config::script(script));
    for source in EXIT_SOURCES {
        let run = sandbox.run(&bundle).args(["--exit-source", source]);
        run.assert().code(42).stdout("0\n 0 100000 65536\n0 0\n").stderr("");
    }
}

#[test]
fn stdio_is_the_caller_s_and_can_be_opened_again() {
    let sandbox = Sandbox::new();
    let script = "read a; read b < /dev/stdin; echo out $a $b > /dev/stdout; echo err > /dev/stderr";
    for config in [Config::script(script), Config::script(script).user(1000, 1000)] {
        // Unbuffered reads of a shell take a line each.
        let run = sandbox.run(&bundle(&sandbox, config)).stdin("one\ntwo\n");
        run.assert().code(0).stdout("out one two\n").stderr("err\n");
    }
}

#[test]
fn a_supplementary_group_and_a_read_only_root() {
    let sandbox = Sandbox::new();
    let config = Config::script("id -G; touch /x 2>/dev/null || echo read-only");
    let bundle = bundle(&sandbox, config.user(7, 8).groups(&[9, 10]).read_only());
    sandbox.run(&bundle).assert().code(0).stdout("8 9 10\nread-only\n").stderr("");
}

#[test]
fn nothing_of_nexcage_is_mounted() {
    let sandbox = Sandbox::new();
    let bundle = bundle(&sandbox, Config::new(["/bin/cat", "/proc/self/mountinfo"]));
    let output = sandbox.run(&bundle).output();
    let mounts = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(mounts.lines().count() > 3 && !mounts.contains("nexcage"), "{mounts}");
}

#[test]
fn a_missing_program_is_told_from_inside() {
    let sandbox = Sandbox::new();
    let output = sandbox.run(&bundle(&sandbox, Config::new(["/nope"]))).output();
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(127), "{message}");
    assert!(message.contains("NX-NO-PROGRAM") && message.contains("/nope"), "{message}");
}

#[test]
fn a_kernel_parameter_of_the_container_s_network_is_set() {
    let sandbox = Sandbox::new();
    let name = "net.ipv4.ip_unprivileged_port_start";
    let config = Config::script("cat /proc/sys/net/ipv4/ip_unprivileged_port_start").edit(|spec| {
        let mut linux = spec.linux().clone().unwrap();
        linux.set_sysctl(Some([(name.to_owned(), "80".to_owned())].into()));
        spec.set_linux(Some(linux));
    });
    for bundle in [sandbox.bundle(&config), bundle(&sandbox, config.clone())] {
        sandbox.run(&bundle).assert().code(0).stdout("80\n").stderr("");
    }
}

/// As containerd 1.7 and later make the containers of a pod that has users of its own.
#[test]
fn a_container_joins_another_s_users_with_the_namespaces_that_belong_to_them() {
    let sandbox = Sandbox::new();
    let first = sandbox.start(&bundle(&sandbox, Config::new(["/bin/sleep", "1000"])));
    let kinds = [("user", "user"), ("network", "net"), ("ipc", "ipc"), ("uts", "uts")];
    let path = |kind: &str| format!("/proc/{}/ns/{kind}", first.pid());
    let script = "id -u; touch /x && stat -c %u /x; mount | grep -c 'sysfs on /sys '; \
                  for kind in user net ipc uts; do readlink /proc/self/ns/$kind; done";
    let second = bundle(&sandbox, Config::script(script));
    let mut document: Value = serde_json::from_slice(&fs::read(second.config()).unwrap()).unwrap();
    document.as_object_mut().unwrap().remove("hostname");
    let listed = document.pointer_mut("/linux/namespaces").unwrap().as_array_mut().unwrap();
    for (kind, name) in kinds {
        listed.retain(|namespace| namespace["type"] != kind);
        listed.push(json!({ "type": kind, "path": path(name) }));
    }
    fs::write(second.config(), document.to_string()).unwrap();
    let namespaces = kinds.map(|(_, name)| fs::read_link(path(name)).unwrap());
    let shown: String = namespaces.iter().map(|link| format!("{}\n", link.display())).collect();
    sandbox.run(&second).assert().code(0).stdout(format!("0\n0\n1\n{shown}")).stderr("");
    first.remove();
}
