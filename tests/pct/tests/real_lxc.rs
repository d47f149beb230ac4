//! The stand-in on real LXC: what a backend relies on. Needs root, LXC and busybox.
#![allow(clippy::unwrap_used)] // A test ends by panicking.

use pct_stand_in::{Fault, Node};
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A node with one CT, number 100, on a busybox root file system.
struct Ct {
    node: Node,
}

impl Ct {
    fn new(conf: &str) -> Ct {
        let ct = Ct { node: Node::new(Path::new(env!("CARGO_BIN_EXE_pct"))).expect("a node") };
        let root = ct.rootfs();
        for directory in ["bin", "proc", "sys", "dev", "tmp"] {
            fs::create_dir_all(root.join(directory)).unwrap();
        }
        fs::copy("/bin/busybox", root.join("bin/busybox")).expect("busybox-static is installed");
        for name in ["sh", "sleep", "cat", "hostname", "stat"] {
            symlink("busybox", root.join("bin").join(name)).unwrap();
        }
        ct.write_conf(conf);
        ct
    }

    fn rootfs(&self) -> PathBuf {
        self.node.root().join("rootfs")
    }

    fn write_conf(&self, conf: &str) {
        let ground = "arch: amd64\nostype: unmanaged\nhostname: ct100\nmemory: 64\nswap: 0\n";
        let rootfs = self.rootfs().display().to_string();
        let conf = conf.replace("ROOTFS", &rootfs).replace("NODE", &self.node.root().display().to_string());
        fs::write(self.node.conf_dir().join("100.conf"), format!("{ground}{conf}")).unwrap();
    }

    fn pct(&self, words: &[&str]) -> Output {
        Command::new(self.node.pct()).args(words).stdin(Stdio::null()).output().unwrap()
    }

    /// Runs a call that has to do its work without a word, and returns its stdout.
    fn good(&self, words: &[&str]) -> String {
        let output = self.pct(words);
        assert!(output.status.success() && output.stderr.is_empty(), "{words:?}: {output:?}");
        text(&output.stdout)
    }

    fn init(&self) -> u32 {
        let status = text(&self.pct(&["status", "100", "--verbose"]).stdout);
        let pid = status.lines().find_map(|line| line.strip_prefix("pid: ")).expect("a pid");
        pid.parse().unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn failed(output: &Output, status: i32, stderr: &str) {
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(status), stderr), "{output:?}");
}

/// A caller of pct, ended with the test.
struct Caller(Child);

impl Caller {
    fn end(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.end();
    }
}

/// The parents of a process up to the first one.
fn ancestors(mut pid: u32) -> Vec<u32> {
    let mut chain = Vec::new();
    while pid > 1 {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        pid = status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap().trim().parse().unwrap();
        chain.push(pid);
    }
    chain
}

const SLEEP: &str = "entrypoint: /bin/sleep 1000\nrootfs: ROOTFS\n";

#[test]
fn a_ct_lives_and_is_seen_from_outside() {
    let ct = Ct::new("entrypoint: /bin/nothing\nrootfs: ROOTFS\nlxc.include: NODE/include\n");
    let include = "lxc.init.cmd = /bin/sleep 1000\nlxc.uts.name = from-include\nlxc.no_new_privs = 1\n";
    fs::write(ct.node.root().join("include"), include).unwrap();

    ct.good(&["start", "100"]);
    assert_eq!(ct.good(&["status", "100"]), "status: running\n");
    assert!(
        ct.good(&["list"]).contains("100        running                 ct100"),
        "the conf's name is shown"
    );
    assert_eq!(ct.good(&["exec", "100", "--", "/bin/hostname"]), "from-include\n");
    let status = fs::read_to_string(format!("/proc/{}/status", ct.init())).unwrap();
    assert!(status.contains("NoNewPrivs:\t1"), "the include is not filtered: {status}");
    failed(&ct.pct(&["start", "100"]), 255, "CT 100 already running\n");
    failed(&ct.pct(&["destroy", "100"]), 255, "unable to destroy CT 100 - container is running\n");

    ct.good(&["stop", "100"]);
    assert_eq!(ct.good(&["status", "100"]), "status: stopped\n");
    ct.good(&["destroy", "100"]);
    assert_eq!(ct.good(&["list"]), "");
    assert!(ct.rootfs().join("bin/busybox").exists(), "a directory of the host stays");
    let left: Vec<_> =
        fs::read_dir(ct.node.lxc_dir().join("100")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["passthrough"], "what a node leaves behind");
    assert_eq!(ct.node.calls().unwrap().iter().filter(|call| call.starts_with("start\t")).count(), 2);
}

#[test]
fn shutdown_sends_the_halt_signal_and_gives_up_in_time() {
    let ct = Ct::new("entrypoint: /bin/sh /init\nrootfs: ROOTFS\n");
    fs::write(ct.rootfs().join("init"), "trap 'exit 3' PWR\nwhile :; do sleep 1000 & wait; done\n").unwrap();
    ct.good(&["start", "100"]);
    ct.good(&["shutdown", "100"]);
    assert_eq!(ct.good(&["status", "100"]), "status: stopped\n");
    failed(&ct.pct(&["shutdown", "100"]), 255, "CT 100 not running\n");

    ct.write_conf(SLEEP);
    ct.good(&["start", "100"]);
    let output = ct.pct(&["shutdown", "100", "--timeout", "1"]);
    failed(&output, 255, "container did not stop\n");
    assert_eq!(text(&output.stdout), "command 'lxc-stop -n 100 --nokill --timeout 1' failed: exit code 1\n");
    ct.good(&["shutdown", "100", "--timeout", "1", "--forceStop", "1"]);
}

#[test]
fn a_container_descends_from_nobody_who_called_pct() {
    for manager in ["present", "absent"] {
        let ct = Ct::new(SLEEP);
        if manager == "absent" {
            let run = ct.node.root().join("run/without");
            fs::create_dir_all(&run).unwrap();
            ct.node.set("run", run.to_str().unwrap()).unwrap();
        }
        let script = format!("exec 9<settings; {} start 100 && exec sleep 1000", ct.node.pct().display());
        let mut caller = Command::new("sh");
        caller.args(["-c", &script]).current_dir(ct.node.root()).stdin(Stdio::null());
        let mut caller = Caller(caller.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let begin = Instant::now();
        while ct.good(&["status", "100"]) != "status: running\n" {
            assert!(begin.elapsed() < Duration::from_secs(10), "it never ran");
        }
        let chain = ancestors(ct.init());
        assert!(!chain.contains(&caller.0.id()), "manager {manager}: {chain:?} has {}", caller.0.id());
        let settings = ct.node.root().join("settings");
        let mut descriptors = fs::read_dir(format!("/proc/{}/fd", chain[0])).unwrap();
        let inherited =
            descriptors.any(|fd| fs::read_link(fd.unwrap().path()).is_ok_and(|file| file == settings));
        assert!(!inherited, "manager {manager}: LXC got the caller's descriptor");
        caller.end();
        assert_eq!(ct.good(&["status", "100"]), "status: running\n", "it outlives its caller");
        ct.good(&["stop", "100"]);
    }
}

#[test]
fn without_a_console_stdio_is_what_systemd_gave_to_lxc() {
    let ct = Ct::new(&format!("console: 0\ntty: 0\n{SLEEP}"));
    ct.good(&["start", "100"]);
    let targets = [0, 1, 2].map(|fd| fs::read_link(format!("/proc/{}/fd/{fd}", ct.init())).unwrap());
    assert_eq!(targets[0], Path::new("/dev/null"));
    assert_eq!(targets[1], Path::new("/dev/null"));
    assert_eq!(targets[2], ct.node.run_dir().join("ct-100.stderr"));
}

#[test]
fn keeping_capabilities_needs_a_reset_of_those_dropped() {
    let ct = Ct::new(&format!("{SLEEP}lxc.cap.keep: kill\n"));
    ct.node.set("monitor_timeout_ms", "300").unwrap();
    let begin = Instant::now();
    failed(&ct.pct(&["start", "100"]), 255, "command 'lxc-info -n 100 -p' failed: exit code 1\n");
    assert!(begin.elapsed() >= Duration::from_millis(300), "pct waits for a report of LXC");
    let log = fs::read_to_string(ct.node.run_dir().join("ct-100.stderr")).unwrap();
    assert!(log.contains("Keeping and dropping capabilities are mutually exclusive"), "{log}");

    ct.write_conf(&format!("{SLEEP}lxc.cap.drop:\nlxc.cap.keep: kill\n"));
    ct.good(&["start", "100"]);
}

#[test]
fn an_unprivileged_ct_has_proxmoxs_map_and_may_own_a_directory_of_the_host() {
    let ct = Ct::new(
        "entrypoint: /bin/sleep 1000\nrootfs: ROOTFS,idmap=passthrough\nunprivileged: 1\nlxc.proc.oom_score_adj: 5\n",
    );
    let started = ct.good(&["start", "100"]);
    assert_eq!(
        started, "vm 100 - unable to parse config: lxc.proc.oom_score_adj: 5\n",
        "a task warns on stdout"
    );
    let map = fs::read_to_string(format!("/proc/{}/uid_map", ct.init())).unwrap();
    assert_eq!(map.split_whitespace().collect::<Vec<_>>(), ["0", "100000", "65536"]);
    let inside = Command::new(ct.node.pct())
        .args(["exec", "100", "--", "/bin/sh", "-c", "stat -c %u /bin/busybox; echo > /made"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(text(&inside.stdout), "0\n", "{inside:?}");
    assert_eq!(fs::metadata(ct.rootfs().join("made")).unwrap().uid(), 0, "and so on the host");
}

#[test]
fn faults_make_a_start_go_wrong() {
    let ct = Ct::new(SLEEP);
    let fault = Fault::Fail { stdout: "log\n".into(), stderr: "startup failed\n".into(), status: 255 };
    ct.node.set_fault(Some(&fault)).unwrap();
    failed(&ct.pct(&["start", "100"]), 255, "startup failed\n");
    assert_eq!(ct.good(&["status", "100"]), "status: stopped\n");

    ct.node.set_fault(Some(&Fault::Hang { milliseconds: 400 })).unwrap();
    let begin = Instant::now();
    ct.good(&["start", "100"]);
    assert!(begin.elapsed() >= Duration::from_millis(400));
    ct.good(&["stop", "100"]);

    ct.node.set_fault(Some(&Fault::Hang { milliseconds: 400 })).unwrap();
    for (signal, ends) in [("-TERM", "status: stopped\n"), ("-KILL", "status: running\n")] {
        let mut call = Command::new(ct.node.pct()).args(["start", "100"]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(150));
        Command::new("kill").args([signal, &call.id().to_string()]).status().unwrap();
        assert!(!call.wait().unwrap().success());
        std::thread::sleep(Duration::from_millis(600));
        assert_eq!(ct.good(&["status", "100"]), ends, "{signal}: only a kill leaves the worker at work");
    }
    ct.good(&["stop", "100"]);

    ct.node.set_fault(Some(&Fault::Killed)).unwrap();
    assert_eq!(ct.pct(&["start", "100"]).status.code(), None, "it dies by a signal");
    let begin = Instant::now();
    while ct.good(&["status", "100"]) != "status: running\n" {
        assert!(begin.elapsed() < Duration::from_secs(10), "its container starts all the same");
    }
    ct.good(&["stop", "100"]);

    ct.node.set_fault(Some(&Fault::ConfLost)).unwrap();
    failed(&ct.pct(&["start", "100"]), 255, "startup for container '100' failed\n");
    ct.node.set_fault(None).unwrap();
    failed(
        &ct.pct(&["start", "100"]),
        255,
        "Configuration file 'nodes/pvetest/lxc/100.conf' does not exist\n",
    );
}

fn await_that(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_secs(10), "not so after 10 s: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_reboot_applies_what_is_pending_and_ends_whoever_does_not() {
    let ct = Ct::new(SLEEP);
    ct.good(&["start", "100"]);
    let first = ct.init();
    ct.good(&["set", "100", "--entrypoint", "/bin/sleep 2000"]);
    assert_eq!(ct.good(&["pending", "100"]).lines().nth(2), Some("new entrypoint: /bin/sleep 2000"));
    ct.good(&["reboot", "100", "--timeout", "1"]);
    let command = || {
        let init = text(&ct.pct(&["status", "100", "--verbose"]).stdout);
        let pid = init.lines().find_map(|line| line.strip_prefix("pid: "))?.to_owned();
        (pid != first.to_string()).then(|| fs::read_to_string(format!("/proc/{pid}/cmdline")).ok())?
    };
    await_that("it runs again", || command().as_deref() == Some("/bin/sleep\x002000\0"));
    ct.good(&["stop", "100"]);
    assert_eq!(ct.good(&["status", "100"]), "status: stopped\n", "one reboot is one");
    failed(&ct.pct(&["reboot", "100"]), 255, "VM 100 not running\n");
}

#[test]
fn a_start_that_finds_the_former_unit_is_none() {
    let ct = Ct::new(SLEEP);
    // Longer than a unit waits for a former one: it has given up by then.
    ct.node.set("monitor_timeout_ms", "3000").unwrap();
    let unit = fs::File::create(ct.node.run_dir().join("ct-100.unit")).unwrap();
    rustix::fs::flock(&unit, rustix::fs::FlockOperation::LockExclusive).unwrap();
    failed(&ct.pct(&["start", "100"]), 255, "unable to get PID for CT 100 (not running?)\n");
    assert_eq!(ct.good(&["status", "100"]), "status: stopped\n");
    drop(unit);
    ct.good(&["start", "100"]);
}

#[test]
fn files_go_in_and_out_and_stay_within_the_root() {
    let ct = Ct::new(SLEEP);
    let host = ct.node.root().join("file");
    let host = host.to_str().unwrap();
    fs::write(host, "content").unwrap();
    symlink("/tmp", ct.rootfs().join("tmp/up")).unwrap();
    ct.good(&["start", "100"]);
    ct.good(&["push", "100", host, "/tmp/up/in", "--perms", "0640", "--user", "7", "--group", "8"]);
    let inside = fs::metadata(ct.rootfs().join("tmp/in")).expect("a link leads to the CT's own /tmp");
    assert_eq!((inside.mode() & 0o777, inside.uid(), inside.gid()), (0o640, 7, 8));
    let out = format!("{host}.out");
    ct.good(&["pull", "100", "/tmp/up/in", &out]);
    assert_eq!(fs::read_to_string(&out).unwrap(), "content");
    failed(&ct.pct(&["push", "100", "/nonexistent", "/x"]), 0, "failed to open /nonexistent for reading\n");
}

#[test]
fn mounted_volumes_are_seen_on_the_host_until_they_are_unmounted() {
    let ct = Ct::new(SLEEP);
    let mounted = ct.node.lxc_dir().join("100/rootfs/bin/busybox");
    ct.good(&["mount", "100"]);
    assert!(mounted.exists());
    failed(&ct.pct(&["set", "100", "--memory", "99"]), 255, "CT is locked (mounted)\n");
    ct.good(&["start", "100"]);
    ct.good(&["stop", "100"]);
    ct.good(&["unmount", "100"]);
    assert!(!mounted.exists());
    assert!(!ct.good(&["config", "100"]).contains("lock"));
    failed(&ct.pct(&["unmount", "100"]), 255, "no lock found trying to remove 'mounted'  lock\n");
}

#[test]
fn nothing_is_left_of_a_node() {
    let other = tempfile::tempdir().unwrap();
    fs::write(other.path().join("kept"), "").unwrap();
    let ct = Ct::new(&format!("{SLEEP}mp0: {},mp=/mnt\n", other.path().display()));
    ct.good(&["start", "100"]);
    ct.good(&["mount", "100"]);
    let (root, init, cgroup) = (ct.node.root().to_owned(), ct.init(), ct.node.cgroup(100));
    // It may be starting again while the node goes.
    ct.good(&["reboot", "100", "--timeout", "1"]);
    drop(ct);
    assert!(other.path().join("kept").exists(), "what was mounted is still there");
    assert!(!root.exists());
    assert!(!Path::new("/proc").join(init.to_string()).exists());
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(root.to_str().unwrap()), "{mounts}");
    let name = cgroup.parent().unwrap();
    for hierarchy in fs::read_dir("/sys/fs/cgroup").unwrap() {
        let left = hierarchy.unwrap().path().join(name);
        assert!(!left.exists(), "{}", left.display());
    }
}
