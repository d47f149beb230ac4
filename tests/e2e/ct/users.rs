//! Whether a CT is privileged: the bundle says, and the administrator permits.

use super::{conf, configure, failure, node, sandbox};
use nexcage_tests::{Config, FIRST_VMID};
use serde_json::json;
use std::fs;
use std::os::unix::fs::MetadataExt as _;

#[test]
fn a_bundle_without_a_user_namespace_is_a_privileged_ct_unless_that_is_excluded() {
    let sandbox = sandbox();
    let bundle = sandbox.bundle(&Config::script("cat /proc/self/uid_map | tr -s ' '"));
    sandbox.run(&bundle).assert().code(0).stdout(" 0 0 4294967295\n").stderr("");
    let calls = node(&sandbox).calls().unwrap();
    configure(&sandbox, "withoutUserNamespace", json!("refused"));
    let message = failure(sandbox.run(&bundle), "NX-REFUSED");
    for words in ["privileged CT", "/pct/withoutUserNamespace", "hint: list a namespace of type user"] {
        assert!(message.contains(words), "{message}");
    }
    assert_eq!(node(&sandbox).calls().unwrap(), calls, "nothing was started");
    sandbox.assert_nothing_left();
    // One that has users of its own is none of this.
    let mapped = sandbox.bundle(&Config::script("cat /proc/self/uid_map | tr -s ' '").mapped_to(100_000));
    sandbox.run(&mapped).assert().code(0).stdout(" 0 100000 65536\n").stderr("");
}

#[test]
fn the_administrator_may_have_every_ct_unprivileged() {
    let sandbox = sandbox();
    configure(&sandbox, "withoutUserNamespace", json!("unprivileged"));
    let script = "id -u; stat -c %u:%g /bin/busybox; echo new > /new; sleep 1000";
    let bundle = sandbox.bundle(&Config::script(script));
    let container = sandbox.start(&bundle);
    let text = fs::read_to_string(conf(node(&sandbox), FIRST_VMID)).unwrap();
    assert!(text.lines().any(|line| line == "unprivileged: 1"), "{text}");
    let map = |pid: i32| fs::read_to_string(format!("/proc/{pid}/uid_map")).unwrap();
    assert_eq!(map(container.pid()).split_whitespace().collect::<Vec<_>>(), ["0", "100000", "65536"]);
    let exec = sandbox.nexcage("exec").arg(&container.id).args(["cat", "/proc/self/uid_map", "/new"]);
    let output = exec.output();
    let shown = crate::text(&output.stdout);
    assert_eq!(shown.split_whitespace().collect::<Vec<_>>(), ["0", "100000", "65536", "new"], "{output:?}");
    container.remove();
    assert_eq!(fs::metadata(bundle.rootfs().join("new")).unwrap().uid(), 0);
}

#[test]
fn a_given_configuration_cannot_make_a_ct_privileged_either() {
    let sandbox = sandbox();
    let bundle = sandbox.bundle(&Config::script("exit 0"));
    let given = sandbox.path().join("given.conf");
    let rendered = sandbox.tool("lxc-render-config").arg(bundle.path()).output();
    fs::write(&given, rendered.stdout).unwrap();
    let run = || sandbox.run(&bundle).arg("--config").arg(&given);
    run().assert().code(0).stderr("");
    for choice in ["refused", "unprivileged"] {
        configure(&sandbox, "withoutUserNamespace", json!(choice));
        failure(run(), "NX-REFUSED");
    }
}
