//! Who an executed process is, and what it may do: exactly what was said, and no more than the
//! container.

use super::{process_file, started, started_of};
use crate::lifecycle::waiting;
use crate::text;
use nexcage_tests::{Container, Run, Sandbox};
use oci_spec::runtime::{Capabilities, Capability};
use serde_json::{Value, json};
use std::fs;

/// What /proc/PID/status says of a process's rights.
const RIGHTS: &str = "^(Uid|Gid|Groups|CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp):";

fn own(container: &Container<'_>, what: &str) -> String {
    let output = container.shell(&what.replace("PID", "self")).output();
    assert_eq!(output.status.code(), Some(0), "{what}: {}", text(&output.stderr));
    text(&output.stdout)
}

fn said(run: Run) -> String {
    let output = run.output();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn without_options_it_is_as_the_container_s_own_process() {
    let sandbox = Sandbox::new();
    let held: Capabilities = [Capability::Kill, Capability::Chown, Capability::NetRaw].into_iter().collect();
    let kept: Capabilities = [Capability::Kill].into_iter().collect();
    let configs = [
        waiting(),
        waiting().user(1000, 1001).groups(&[5, 6]),
        waiting().capabilities(&held, &Capabilities::new()),
        waiting().user(1000, 1000).capabilities(&held, &kept),
        waiting().allowing_new_privileges(),
    ];
    for config in configs {
        let container = started(&sandbox, &config);
        for what in [
            format!("grep -E '{RIGHTS}' /proc/PID/status"),
            "cat /proc/PID/cgroup".to_owned(),
            "cat /proc/PID/limits".to_owned(),
            "cat /proc/PID/oom_score_adj".to_owned(),
            "cat /proc/PID/mountinfo".to_owned(),
        ] {
            let first = container.shell(&what.replace("PID", "1")).output();
            assert_eq!(own(&container, &what), text(&first.stdout), "{what}");
        }
        container.remove();
    }
}

#[test]
fn it_is_in_all_of_the_container_s_namespaces() {
    let sandbox = Sandbox::new();
    let container = started(&sandbox, &waiting());
    let names = ["cgroup", "ipc", "mnt", "net", "pid", "uts"];
    for name in names {
        let link = fs::read_link(format!("/proc/{}/ns/{name}", container.pid())).unwrap();
        assert_eq!(own(&container, &format!("readlink /proc/PID/ns/{name}")).trim(), link.to_str().unwrap());
    }
    // A session of its own, whose number is known inside.
    let session: u32 = own(&container, "cut -d' ' -f6 /proc/$$/stat").trim().parse().unwrap();
    assert!(session > 1, "{session}");
    container.remove();
}

#[test]
fn user_groups_and_directory_are_what_is_said() {
    let sandbox = Sandbox::new();
    let held: Capabilities = [Capability::Kill].into_iter().collect();
    let container = started(&sandbox, &waiting().capabilities(&held, &Capabilities::new()));
    let exec = |options: &[&str], script: &str| {
        said(sandbox.nexcage("exec").args(options).args([&container.id, "/bin/sh", "-c", script]))
    };
    let who = "grep -E '^(Uid|Gid|Groups):' /proc/self/status | tr '\\t' ' '; pwd";
    assert_eq!(
        exec(&["--user", "1000:1001", "-g", "7", "--additional-gids", "8", "--cwd", "/tmp"], who),
        "Uid: 1000 1000 1000 1000\nGid: 1001 1001 1001 1001\nGroups: 7 8 \n/tmp\n"
    );
    assert!(exec(&["-u", "12345"], who).starts_with("Uid: 12345 12345"));
    // A user without capabilities has none, and cannot become root.
    assert_eq!(exec(&["-u", "1000:1000"], "grep CapEff /proc/self/status"), "CapEff:\t0000000000000000\n");
    container.remove();
}

#[test]
fn the_environment_is_the_container_s_and_what_is_added() {
    let sandbox = Sandbox::new();
    let config = waiting().env(["PATH=/bin", "A=1", "B=two words"]);
    let container = started(&sandbox, &config);
    let exec = |options: &[&str]| {
        let run = sandbox.nexcage("exec").args(options).args([&container.id, "/bin/env"]).env("LEAK", "host");
        let mut lines: Vec<String> = said(run).lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(exec(&[]), ["A=1", "B=two words", "HOME=/root", "PATH=/bin"]);
    assert_eq!(
        exec(&["-e", "C=a=b", "--env", "D="]),
        ["A=1", "B=two words", "C=a=b", "D=", "HOME=/root", "PATH=/bin"]
    );
    assert!(exec(&["-e", "A=other"]).contains(&"A=other".to_owned()), "the last one counts");
    container.remove();
}

#[test]
fn capabilities_are_what_is_said() {
    let sandbox = Sandbox::new();
    let held: Capabilities = [Capability::Kill].into_iter().collect();
    let bundle = sandbox.bundle(&waiting().capabilities(&held, &Capabilities::new()));
    let container = started_of(&sandbox, &bundle);
    let show = "grep -E 'Cap(Inh|Prm|Eff|Bnd|Amb)' /proc/self/status | cut -f2 | tr '\\n' ' '";
    let sets = |sets: [u64; 5]| sets.iter().map(|set| format!("{set:016x} ")).collect::<String>();
    assert_eq!(own(&container, show), sets([0, 0x20, 0x20, 0x20, 0]));
    let run = sandbox.nexcage("exec").args(["--cap", "CAP_NET_ADMIN", &container.id, "/bin/sh", "-c", show]);
    assert_eq!(said(run), sets([0, 0x1020, 0x1020, 0x1020, 0]));
    let names = json!(["CAP_CHOWN"]);
    let all = json!({"bounding": names, "permitted": names, "effective": names, "inheritable": names, "ambient": names});
    let changes =
        json!({"capabilities": all, "user": {"uid": 1000, "gid": 1000}, "args": ["/bin/sh", "-c", show]});
    let file = process_file(&sandbox, &bundle, &changes);
    let run = sandbox.nexcage("exec").arg("-p").arg(file).arg(&container.id);
    assert_eq!(said(run), sets([1, 1, 1, 1, 1]));
    container.remove();
}

#[test]
fn limits_mask_and_new_privileges_are_what_is_said() {
    let sandbox = Sandbox::new();
    let config = waiting().umask(0o27).allowing_new_privileges().edit(|spec| {
        let limits = json!([{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}]);
        let limits = serde_json::from_value(limits).unwrap();
        spec.process_mut().get_or_insert_default().set_rlimits(Some(limits));
    });
    let bundle = sandbox.bundle(&config);
    let container = started_of(&sandbox, &bundle);
    let show = "ulimit -Sn; ulimit -Hn; umask; grep NoNewPrivs /proc/self/status | cut -f2";
    assert_eq!(own(&container, show), "100\n200\n0027\n0\n");
    let run = sandbox.nexcage("exec").args(["--no-new-privs", &container.id, "/bin/sh", "-c", show]);
    assert_eq!(said(run), "100\n200\n0027\n1\n");
    let changes = json!({
        "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 50, "hard": 60}],
        "user": {"uid": 0, "gid": 0, "umask": 0o77},
        "noNewPrivileges": true,
        "oomScoreAdj": 321,
        "args": ["/bin/sh", "-c", format!("{show}; cat /proc/self/oom_score_adj")],
    });
    let file = process_file(&sandbox, &bundle, &changes);
    let run = sandbox.nexcage("exec").arg("--process").arg(file).arg(&container.id);
    assert_eq!(said(run), "50\n60\n0077\n1\n321\n");
    container.remove();
}

#[test]
fn the_container_s_filter_holds_for_it_too() {
    let sandbox = Sandbox::new();
    for config in [waiting(), waiting().user(1000, 1000), waiting().allowing_new_privileges()] {
        let bundle = sandbox.bundle(&config);
        let mut config: Value = serde_json::from_slice(&fs::read(bundle.config()).unwrap()).unwrap();
        config["linux"]["seccomp"] = json!({
            "defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}],
        });
        fs::write(bundle.config(), config.to_string()).unwrap();
        let container = started_of(&sandbox, &bundle);
        let output = container.shell("grep Seccomp: /proc/self/status; mkdir /tmp/new").output();
        assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(1), "Seccomp:\t2\n"));
        assert!(text(&output.stderr).contains("not supported"), "{}", text(&output.stderr));
        container.remove();
    }
}

#[test]
fn masked_and_read_only_paths_are_so_for_it_too() {
    let sandbox = Sandbox::new();
    let container = started(&sandbox, &waiting().read_only());
    container.shell("cat /proc/kcore 2>/dev/null | head -c 1").assert().code(0).stdout("");
    container.shell("echo > /new").assert().code(1);
    container.shell("echo x > /proc/sys/kernel/hostname").assert().code(1);
    container.remove();
}

#[test]
fn a_mapped_container_takes_it_with_its_own_ids() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&waiting().mapped_to(100_000));
    sandbox.command("chown").args(["-Rh", "100000:100000"]).arg(bundle.rootfs()).assert().code(0);
    let container = started_of(&sandbox, &bundle);
    let link = fs::read_link(format!("/proc/{}/ns/user", container.pid())).unwrap();
    assert_eq!(own(&container, "readlink /proc/PID/ns/user").trim(), link.to_str().unwrap());
    assert_eq!(own(&container, "id -u; awk '{ print $1, $2, $3 }' /proc/PID/uid_map"), "0\n0 100000 65536\n");
    let run = sandbox.nexcage("exec").args([
        "-u",
        "1000:1000",
        &container.id,
        "/bin/sh",
        "-c",
        "touch /tmp/made; echo hi",
    ]);
    assert_eq!(said(run), "hi\n");
    let made = fs::metadata(bundle.rootfs().join("tmp/made")).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&made), 101_000);
    // Of an unprivileged CT, Proxmox's own filter is the container's process's alone.
    let what = format!("grep -E '{RIGHTS}' /proc/PID/status | grep -v Seccomp");
    assert_eq!(own(&container, &what), text(&container.shell(&what.replace("PID", "1")).output().stdout));
    container.remove();
}
