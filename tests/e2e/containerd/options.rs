//! What a process of ctr's sees, an option a line.

use super::assert_clean;
use crate::text;
use nexcage_tests::{Backend, Config, Containerd, Sandbox, await_that};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::fs;

/// Options of `ctr run`, a script, and what it prints. `@` is the test's own directory.
type Case = (&'static [&'static str], &'static str, &'static str);

const FIELDS: &str = "grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status | tr -d '\\t'";

#[rustfmt::skip]
const CASES: &[Case] = &[
    (&[], "id -u; pwd; echo $$", "0\n/\n1\n"),
    (&["--env", "A=b c", "--env", "B="], "echo \"$A|${B-unset}|$PATH\"", "b c||/bin\n"),
    (&["--env-file", "@/env"], "echo $FROM", "a file\n"),
    (&["--cwd", "/tmp"], "pwd", "/tmp\n"),
    (&["--mount", "type=bind,src=@/shared,dst=/mnt,options=rbind:rw"], "cat /mnt/f; echo new >/mnt/g && echo ok", "data\nok\n"),
    (&["--mount", "type=bind,src=@/shared,dst=/mnt,options=rbind:ro"], "cat /mnt/f; echo x 2>/dev/null >/mnt/f || echo ro", "data\nro\n"),
    (&["--mount", "type=tmpfs,src=tmpfs,dst=/mnt,options=size=64k:noexec"], "df -k /mnt | tail -1 | awk '{print $2}'; cp /bin/busybox /mnt 2>/dev/null || echo full", "64\nfull\n"),
    (&["--read-only"], "echo x 2>/dev/null >/f || echo ro", "ro\n"),
    (&["--cap-add", "CAP_SYS_TIME"], FIELDS, "CapEff:00000000aa0425fb\nNoNewPrivs:1\nSeccomp:0\n"),
    (&["--cap-drop", "CAP_CHOWN"], FIELDS, "CapEff:00000000a80425fa\nNoNewPrivs:1\nSeccomp:0\n"),
    (&["--allow-new-privs"], "grep NoNew /proc/self/status | tr -d '\\t'", "NoNewPrivs:0\n"),
    (&["--seccomp"], "unshare -U true 2>/dev/null || echo refused; grep ^Seccomp: /proc/self/status | tr -d '\\t'", "refused\nSeccomp:2\n"),
    (&["--seccomp", "--seccomp-profile", "@/seccomp.json"], "mkdir /tmp/d 2>&1; true", "mkdir: can't create directory '/tmp/d': Operation not permitted\n"),
    (&["--net-host"], "[ -e /sys/class/net/lo ] && ip -o link | grep -c .", "@links"),
    (&["--with-ns", "uts:/proc/@pid/ns/uts"], "hostname", "@hostname"),
    (&["--label", "a=b", "--annotation", "org.example=1"], "echo ok", "ok\n"),
    (&["--device", "/dev/fuse"], "ls -l /dev/fuse | cut -c1; ls -l /dev/fuse | awk '{print $5 $6}'", "c\n10,229\n"),
    (&["--rlimit-nofile", "64:128"], "ulimit -n; ulimit -Hn", "64\n128\n"),
    (&["--user", "user"], "id -u; id -g", "1000\n1000\n"),
    (&["--hostname", "name"], "hostname", "name\n"),
    (&["--privileged"], "grep CapEff /proc/self/status | tr -d '\\t'; [ -w /proc/sys/kernel/shmmni ] && echo writable", "@privileged"),
    (&["--uidmap", "0:100000:2000", "--gidmap", "0:100000:2000"], "tr -s ' ' </proc/self/uid_map; id -u; stat -c %u /bin/busybox", " 0 100000 2000\n0\n0\n"),
    (&["--null-io"], "echo lost", ""),
    (&["--log-uri", "file://@/new/log"], "echo out; echo err >&2", ""),
    (&["--pid-file", "@/pid"], "echo ok", "ok\n"),
    (&["--rootfs-propagation", "shared"], "grep -c ' / / .*shared:' /proc/self/mountinfo", "1\n"),
];

/// Options that are not those of every ctr: the last of these has all.
fn is_known(help: &str, options: &[&str]) -> bool {
    options.iter().filter(|word| word.starts_with("--")).all(|option| help.contains(option))
}

/// The host's own side of some cases.
fn expected(text: &str) -> String {
    match text {
        "@hostname" => fs::read_to_string("/proc/sys/kernel/hostname").unwrap(),
        "@privileged" => {
            let status = fs::read_to_string("/proc/self/status").unwrap();
            let line = status.lines().find(|line| line.starts_with("CapBnd")).unwrap();
            format!("{}\nwritable\n", line.replace("CapBnd", "CapEff").replace('\t', ""))
        }
        "@links" => format!("{}\n", fs::read_dir("/sys/class/net").unwrap().count()),
        text => text.to_owned(),
    }
}

#[test]
fn each_option_is_seen_by_the_process() {
    let sandbox = Sandbox::new();
    let containerd = Containerd::start(&sandbox);
    let own = sandbox.path();
    fs::create_dir(own.join("shared")).unwrap();
    fs::write(own.join("shared/f"), "data\n").unwrap();
    fs::write(own.join("env"), "FROM=a file\n").unwrap();
    let refuse = json!({ "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1 });
    let profile = json!({ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [refuse] });
    fs::write(own.join("seccomp.json"), profile.to_string()).unwrap();
    let help = text(&containerd.ctr(["run", "--help"]).output().stdout);
    let mut wrong = Vec::new();
    for (options, script, wanted) in CASES.iter().filter(|(options, ..)| is_known(&help, options)) {
        let word = |word: &&str| {
            word.replace("@pid", &std::process::id().to_string())
                .replace("@namespace", sandbox.namespace())
                .replace('@', &own.to_string_lossy())
        };
        let options: Vec<String> = ["--rm"].iter().chain(*options).map(word).collect();
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let output = containerd.run("c", &options, &["/bin/sh", "-c", script]).output();
        let (shown, told) = (text(&output.stdout), text(&output.stderr));
        if shown != expected(wanted) || !output.status.success() {
            wrong.push(format!("{options:?}: {shown:?}, not {wanted:?}; {} {told}", output.status));
            containerd.ctr(["containers", "rm", "c"]).output();
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(fs::read_to_string(own.join("shared/g")).unwrap(), "new\n");
    assert_eq!(fs::read_to_string(own.join("new/log")).unwrap(), "out\nerr\n");
    assert!(fs::read_to_string(own.join("pid")).unwrap().parse::<u32>().is_ok());
    assert_clean(&sandbox);
}

/// A CT's cgroup is Proxmox's choice.
#[test]
fn a_cgroup_is_named() {
    let sandbox = Sandbox::on(Backend::Lxc);
    let containerd = Containerd::start(&sandbox);
    let path = format!("/{}/own", sandbox.namespace());
    let run = containerd.run("c", &["--rm", "--cgroup", &path], &["cat", "/proc/self/cgroup"]);
    let shown = text(&run.output().stdout);
    assert!(shown.lines().any(|line| line.ends_with(&path)), "{shown}");
    assert_clean(&sandbox);
}

/// Limits are looked at where the kernel has them.
#[test]
fn limits_are_the_cgroups() {
    let sandbox = Sandbox::new();
    let containerd = Containerd::start(&sandbox);
    let options = ["--detach", "--memory-limit", "67108864", "--cpus", "0.5", "--cpu-shares", "256"];
    let null = std::process::Stdio::null;
    let mut run = containerd.run("c", &options, &["/bin/sleep", "1000"]);
    assert!(run.with_stdio([null(), null(), null()]).success());
    let (pid, _) = containerd.find("c").unwrap();
    let metrics = containerd.task(["metrics", "--format", "json", "c"]);
    let metrics: Value = serde_json::from_str(&metrics).unwrap();
    let limit = [&metrics["memory"]["usage"]["limit"], &metrics["memory"]["usage_limit"]];
    assert!(limit.iter().any(|limit| limit.to_string().trim_matches('"') == "67108864"), "{metrics}");
    let values = |v1, v2| cgroup_file(pid, "cpu", [v1, v2]);
    assert!(["256", "10"].contains(&values("cpu.shares", "cpu.weight").as_str()));
    assert!(["50000", "50000 100000"].contains(&values("cpu.cfs_quota_us", "cpu.max").as_str()));
    super::force(&containerd, "c");
    assert_clean(&sandbox);
}

/// What a file of a process's cgroup has, given by its names in both versions.
fn cgroup_file(pid: i32, controller: &str, [v1, v2]: [&str; 2]) -> String {
    let cgroups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let lines: Vec<Vec<&str>> = cgroups.lines().map(|line| line.splitn(3, ':').collect()).collect();
    let first = lines.iter().find(|fields| fields[1].split(',').any(|name| name == controller));
    // A CT's processes are in a cgroup within its own.
    let own = |path: &str| path.trim_end_matches("/ns").to_owned();
    let path = match first {
        Some(fields) => format!("/sys/fs/cgroup/{controller}{}/{v1}", own(fields[2])),
        None => format!("/sys/fs/cgroup{}/{v2}", own(lines[0][2])),
    };
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}")).trim().to_owned()
}

#[test]
fn a_configuration_or_a_root_file_system_of_ones_own() {
    let sandbox = Sandbox::new();
    let containerd = Containerd::start(&sandbox);
    let bundle = sandbox.bundle(&Config::script("echo configured; exit 9").edit(absolute(&sandbox)));
    containerd.run_configured("c", &["--rm"], &bundle.config()).assert().code(9).stdout("configured\n");
    let shim = sandbox.path().join("containerd-shim-nexcage-v2");
    let run = containerd.ctr(["run", "--rm", "--runtime"]).arg(&shim).arg("--rootfs").arg(bundle.rootfs());
    run.args(["d", "/bin/sh", "-c", "echo rooted; exit 8"]).assert().code(8).stdout("rooted\n");
    assert_clean(&sandbox);
}

/// The root file system by its whole path: containerd's bundle has none.
fn absolute(sandbox: &Sandbox) -> impl FnOnce(&mut oci_spec::runtime::Spec) {
    let path = sandbox.path().join("bundle0/rootfs");
    move |spec| {
        let mut root = oci_spec::runtime::Root::default();
        root.set_path(path);
        spec.set_root(Some(root));
    }
}

/// Where a container's state is is in a file that the engine names; what cleans up after a killed shim knows it.
#[test]
fn a_configuration_of_nexcages_is_named() {
    let sandbox = Sandbox::new();
    let containerd = Containerd::start(&sandbox);
    let (own, root) = (sandbox.path().join("own.json"), sandbox.path().join("elsewhere"));
    let configuration = fs::read(sandbox.path().join("shim.json")).unwrap();
    let mut configuration: Value = serde_json::from_slice(&configuration).unwrap();
    configuration["root"] = json!(root);
    fs::write(&own, configuration.to_string()).unwrap();
    let options = ["--detach", "--runtime-config-path", own.to_str().unwrap()];
    let null = std::process::Stdio::null;
    let mut run = containerd.run("c", &options, &["/bin/sleep", "1000"]);
    assert!(run.with_stdio([null(), null(), null()]).success());
    let record = root.join(sandbox.namespace()).join("c/record.json");
    let record: Value = serde_json::from_slice(&fs::read(record).unwrap()).unwrap();
    let shim = i32::try_from(record["shim"]["pid"].as_i64().unwrap()).unwrap();
    kill_process(Pid::from_raw(shim).unwrap(), Signal::KILL).unwrap();
    await_that("the task is gone", || containerd.find("c").is_none());
    containerd.ctr(["containers", "rm", "c"]).assert().code(0);
    assert_clean(&sandbox);
    assert!(!root.exists(), "state is left");
}

#[test]
fn what_does_not_run_is_said_clearly() {
    let sandbox = Sandbox::new();
    let containerd = Containerd::start(&sandbox);
    let cases: [(&[&str], &[&str], &str); 4] = [
        (&[], &["/bin/nothing"], "NX-NO-PROGRAM"),
        (&[], &["/etc/passwd"], "NX-NOT-EXECUTABLE"),
        (&["--mount", "type=bind,src=/no/such,dst=/mnt,options=rbind"], &["/bin/true"], "/no/such"),
        (&["--cwd", "/bin/busybox"], &["/bin/true"], "cannot enter the working directory"),
    ];
    for (options, command, told) in cases {
        let options: Vec<&str> = ["--rm"].iter().chain(options).copied().collect();
        let output = containerd.run("c", &options, command).output();
        let stderr = text(&output.stderr);
        assert!(!output.status.success() && stderr.contains(told), "{options:?} {command:?}: {output:?}");
        assert_eq!(containerd.find("c"), None);
        containerd.ctr(["containers", "rm", "c"]).output();
    }
    assert_clean(&sandbox);
}
