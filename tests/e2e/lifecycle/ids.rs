//! Ids: what may be one, and that nothing else reaches the file system.

use super::{refused, waiting};
use nexcage_tests::Sandbox;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

#[test]
fn what_is_no_id_is_refused_by_every_verb() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&waiting());
    let long = "a".repeat(300);
    let wrong: [&[u8]; 14] = [
        b"../x",
        b"x/y",
        b"/x",
        b".",
        b"..",
        b".hidden",
        b"a..b",
        b"a..",
        b"a b",
        b"a\nb",
        b"a@b",
        "\u{e4}".as_bytes(),
        b"\xff",
        long.as_bytes(),
    ];
    for id in wrong.map(OsStr::from_bytes).into_iter().chain([OsStr::new("")]) {
        for verb in ["state", "start", "kill", "delete", "ps", "pause", "resume"] {
            let output = sandbox.nexcage(verb).arg(id).output();
            assert_eq!(output.status.code(), Some(2), "{verb} {id:?}");
        }
        let create = sandbox.nexcage("create").arg("--bundle").arg(bundle.path()).arg(id).output();
        assert_eq!(create.status.code(), Some(2), "create {id:?}");
        let exec = sandbox.nexcage("exec").arg(id).arg("true").output();
        assert_eq!(exec.status.code(), Some(2), "exec {id:?}");
        let force = sandbox.nexcage("delete").arg("--force").arg(id).output();
        assert_eq!(force.status.code(), Some(2), "delete --force {id:?}");
    }
    sandbox.assert_nothing_left();
}

#[test]
fn a_leading_dash_is_an_option_and_after_two_no_id_either() {
    let sandbox = Sandbox::new();
    for words in [&["-x"][..], &["--", "-x"], &["--", "--force"]] {
        let output = sandbox.nexcage("state").args(words).output();
        assert_eq!(output.status.code(), Some(2), "{words:?}");
    }
}

#[test]
fn what_is_odd_but_an_id_works() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&waiting());
    let longest = "a".repeat(128);
    for id in ["a.b_c+d-e", "0", "A.", "true", "state", &longest] {
        let mut container = sandbox.hold(sandbox.making_as(id, "create", &bundle));
        assert_eq!(container.state()["id"], id);
        container.start();
        assert_eq!(container.line(), "up");
        container.shell("exit 3").assert().code(3);
        container.remove();
    }
    let longer = "a".repeat(129);
    refused(sandbox.making_as(&longer, "create", &bundle), "NX-ID", 2);
}

#[test]
fn the_same_id_in_two_namespaces_is_two_containers() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&waiting());
    let container = sandbox.hold(sandbox.making_as("same", "create", &bundle));
    let other = format!("{}-other", sandbox.namespace());
    let elsewhere = |verb: &str| {
        let run = sandbox.tool("nexcage").arg("--root").arg(sandbox.root()).args(["--namespace", &other]);
        run.arg("--config").arg(sandbox.configuration()).args([verb, "same"])
    };
    refused(elsewhere("state"), "NX-NOT-FOUND", 1);
    let (status, _pipes) = elsewhere("create").arg("--bundle").arg(bundle.path()).hold();
    assert!(status.success());
    container.remove();
    elsewhere("state").assert().code(0);
    elsewhere("delete").arg("--force").assert().code(0);
    // Its empty directory is a namespace's, which stays.
    drop(std::fs::remove_dir(sandbox.root().join(other)));
}
