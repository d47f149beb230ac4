//! Pods with a user namespace (hostUsers: false), which containerd makes from 1.7 on.

use super::{plain, security};
use nexcage_tests::{Cri, Sandbox};
use serde_json::json;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};

const FIRST: u32 = 100_000;

#[test]
fn users_of_a_pod_are_nobody_on_the_host() {
    let sandbox = Sandbox::new();
    let cri = Cri::start(&sandbox);
    let ids = json!([{ "host_id": FIRST, "container_id": 0, "length": 65536 }]);
    let users = json!({ "mode": "POD", "uids": ids, "gids": ids });
    let pod = cri.pod(
        "users",
        &security(&json!({ "namespace_options": { "pid": "CONTAINER", "userns_options": users } })),
    );
    let volume = sandbox.path().join("volume");
    fs::create_dir(&volume).unwrap();
    // containerd 2 maps the owners in a volume, too; 1.7 refuses to.
    let (outside, mapped) = if Cri::is_version("1.") { (FIRST, json!([])) } else { (0, ids) };
    chown(&volume, Some(outside), Some(outside)).unwrap();
    let mount = json!({ "mounts": [{
        "container_path": "/volume", "host_path": volume, "uidMappings": mapped, "gidMappings": mapped,
    }] });
    let one = pod.run("one", "sleep 1000", &mount);
    let other = pod.run("other", "sleep 1000", &plain());
    let map = one.exec("cat /proc/self/uid_map").stdout;
    let map: Vec<&str> = map.split_whitespace().collect();
    if Cri::is_version("1.6.") {
        assert_eq!(map, ["0", "0", "4294967295"], "containerd 1.6 makes no user namespaces for pods");
    } else {
        assert_eq!(map, ["0", "100000", "65536"]);
        let said = one.exec(
            "id -u; touch /own /volume/file; stat -c %u:%g / /own; grep -c localhost /etc/hosts > /dev/null",
        );
        assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("0\n0:0\n0:0\n", ""));
        let file = fs::metadata(volume.join("file")).unwrap();
        assert_eq!((file.uid(), file.gid()), (outside, outside));
        let uid = fs::metadata(format!("/proc/{}", one.pid())).unwrap().uid();
        assert_eq!(uid, FIRST);
        for kind in ["user", "net", "ipc", "uts"] {
            let namespace = |pid: i64| fs::read_link(format!("/proc/{pid}/ns/{kind}")).unwrap();
            assert_eq!(namespace(one.pid()), namespace(other.pid()), "{kind}");
        }
        assert_eq!(other.exec("ping -c 1 -W 5 127.0.0.1 > /dev/null; echo $?").stdout, "0\n");
    }
    pod.remove();
    cri.assert_clean();
}
