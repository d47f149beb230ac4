//! The tools one after the other, through files and pipes.

use crate::text;
use nexcage_tests::{Config, Sandbox};
use serde_json::Value;
use std::fs;

#[test]
fn validate_render_run() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::script("read line; echo \"got $line\"; exit 42"));
    sandbox.tool("bundle-validate").arg(bundle.path()).assert().code(0);
    let rendered = sandbox.tool("lxc-render-config").arg(bundle.path()).output();
    assert_eq!(rendered.status.code(), Some(0), "{}", text(&rendered.stderr));
    let config = sandbox.path().join("lxc.conf");
    fs::write(&config, rendered.stdout).unwrap();
    let run = sandbox.run(&bundle).arg("--config").arg(&config).stdin("hello\n");
    run.assert().code(42).stdout("got hello\n").stderr("");
}

#[test]
fn the_configuration_may_come_through_a_pipe() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::script("read line || echo end; exit 7"));
    let rendered = sandbox.tool("lxc-render-config").arg(bundle.path()).output().stdout;
    let run = sandbox.run(&bundle).args(["--config", "-"]).stdin(rendered);
    // The process's stdin is /dev/null then.
    run.assert().code(7).stdout("end\n").stderr("");
}

#[test]
fn rendering_is_deterministic_and_lxc_reads_it() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::script("exit 0").read_only());
    let render = || sandbox.tool("lxc-render-config").arg(bundle.path()).output().stdout;
    let first = text(&render());
    assert_eq!(first, text(&render()));
    fs::create_dir_all(sandbox.path().join("lxc/x")).unwrap();
    fs::write(sandbox.path().join("lxc/x/config"), &first).unwrap();
    let read = sandbox.command("lxc-info").arg("-P").arg(sandbox.path().join("lxc"));
    let read = read.args(["-n", "x", "-c", "lxc.uts.name", "-c", "lxc.init.cmd"]).output();
    let shown = text(&read.stdout);
    assert!(shown.contains("lxc.uts.name = box"), "{shown}{}", text(&read.stderr));
    assert!(shown.contains("lxc.init.cmd = /dev/.nexcage/init"), "{shown}");
    // Locks of lxc-info.
    sandbox.clear();
}

#[test]
fn a_config_of_another_place_is_read_from_stdin() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::script("exit 0"));
    let config = fs::read(bundle.config()).unwrap();
    sandbox.tool("bundle-validate").arg("-").stdin(config).assert().code(0);
    sandbox.tool("bundle-validate").arg(bundle.config()).assert().code(0);
    sandbox.tool("bundle-validate").arg("-").stdin("{").assert().code(1).stderr("");
    sandbox.tool("bundle-validate").arg("/no/such").assert().code(3).stdout("");
    sandbox.tool("lxc-render-config").arg("/no/such").assert().code(3).stdout("");
}

#[test]
fn findings_are_listed_with_their_places() {
    let sandbox = Sandbox::new();
    let text_of_config = "{\n  \"ociVersion\": 1,\n  \"root\": {\"path\": \"rootfs\"},\n  \"process\": {\"cwd\": \"relative\"}\n}\n";
    let output =
        sandbox.tool("bundle-validate").args(["--format", "json", "-"]).stdin(text_of_config).output();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let at = |pointer: &str| findings.iter().find(|finding| finding["pointer"] == pointer);
    let version = at("/ociVersion").unwrap();
    assert_eq!(
        (&version["severity"], &version["line"], &version["column"]),
        (&"error".into(), &2.into(), &17.into())
    );
    assert!(at("/process/cwd").is_some(), "{report}");
    for finding in findings {
        for key in ["rule", "severity", "pointer", "message", "file"] {
            assert!(finding[key].is_string(), "{key}: {finding}");
        }
    }
    let human = sandbox.tool("bundle-validate").arg("-").stdin(text_of_config).output();
    assert_eq!(human.status.code(), Some(1));
    assert!(text(&human.stdout).contains(":2:17"), "{}", text(&human.stdout));
}

#[test]
fn what_cannot_be_expressed_is_refused_and_nothing_is_printed() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::script("exit 0").edit(|spec| {
        spec.set_hostname(Some("two\nlines".to_owned()));
    }));
    let output = sandbox.tool("lxc-render-config").arg(bundle.path()).output();
    let message = text(&output.stderr);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(4), ""), "{message}");
    assert!(message.contains("hostname"), "{message}");
}
