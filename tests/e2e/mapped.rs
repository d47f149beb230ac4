//! User namespaces: root inside is user 100000 outside.

use crate::{EXIT_SOURCES, text};
use nexcage_tests::{Bundle, Config, Sandbox};

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
