//! Security contexts.

use super::security;
use nexcage_tests::{Cri, Sandbox};
use serde_json::json;
use std::fs;

fn line<'t>(text: &'t str, name: &str) -> &'t str {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {name}: {text}")).trim()
}

const STATUS: &str = "id; cat /proc/self/status; ";

#[test]
fn a_security_context_holds() {
    let sandbox = Sandbox::new();
    let cri = Cri::start(&sandbox);
    let sysctls =
        json!({ "net.core.somaxconn": "1023", "kernel.shm_rmid_forced": "1", "fs.mqueue.msg_max": "50" });
    let pod = cri.pod("security", &json!({ "linux": { "sysctls": sysctls } }));
    let strict = security(&json!({
        "run_as_user": { "value": 1000 }, "run_as_group": { "value": 1000 },
        "supplemental_groups": [2000, 3000], "no_new_privs": true, "readonly_rootfs": true,
        "capabilities": { "add_capabilities": ["NET_ADMIN"], "drop_capabilities": ["ALL"] },
        "seccomp": { "profile_type": "RuntimeDefault" },
        "masked_paths": ["/proc/keys"], "readonly_paths": ["/proc/sys"],
    }));
    let look = "touch /file 2>/dev/null || echo read-only; wc -c < /proc/keys; \
                touch /proc/sys/kernel/shmmax 2>/dev/null || echo sys; cat /proc/sys/net/core/somaxconn /proc/sys/kernel/shm_rmid_forced /proc/sys/fs/mqueue/msg_max";
    let said = pod.told("strict", &format!("{STATUS}{look}"), &strict);
    assert!(said.starts_with("uid=1000(user) gid=1000(user) groups=1000(user),2000,3000\n"), "{said}");
    assert!(said.ends_with("read-only\n0\nsys\n1023\n1\n50\n"), "{said}");
    assert_eq!((line(&said, "CapBnd"), line(&said, "CapEff")), ("0000000000001000", "0000000000000000"));
    assert_eq!((line(&said, "NoNewPrivs"), line(&said, "Seccomp")), ("1", "2"));

    let loose = security(&json!({ "run_as_username": "user", "seccomp": { "profile_type": "Unconfined" } }));
    let said = pod.told("loose", STATUS, &loose);
    assert!(said.starts_with("uid=1000(user) gid=1000(user)"), "{said}");
    assert_eq!((line(&said, "NoNewPrivs"), line(&said, "CapBnd")), ("0", "00000000a80425fb"));
    let profile = sandbox.path().join("profile.json");
    let rule = json!({ "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO" });
    fs::write(&profile, json!({ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule] }).to_string())
        .unwrap();
    let local = json!({ "seccomp": { "profile_type": "Localhost", "localhost_ref": profile } });
    assert_eq!(
        pod.told("local", "mkdir /directory 2>/dev/null || echo refused", &security(&local)),
        "refused\n"
    );
    pod.remove();

    let privileged = security(&json!({ "privileged": true }));
    let pod = cri.pod("privileged", &privileged);
    let said =
        pod.told("privileged", &format!("{STATUS}ls -d /dev/kmsg; cat /proc/self/mountinfo"), &privileged);
    let own = fs::read_to_string("/proc/self/status").unwrap();
    assert_eq!(line(&said, "CapBnd"), line(&own, "CapBnd"));
    assert!(said.contains("\n/dev/kmsg\n"), "{said}");
    let system =
        |path: &str| said.lines().filter(|line| line.contains(path)).all(|line| line.contains(" rw,"));
    assert!(system(" /sys ") && system(" /proc ") && !said.contains(" /proc/sys "), "{said}");
    pod.remove();
    cri.assert_clean();
}
