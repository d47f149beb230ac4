//! Other people's CTs on the same node.

use super::{conf, failure, node, sandbox, start};
use nexcage_tests::{Config, FIRST_VMID, Sandbox};
use pct_stand_in::Node;
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

/// A CT that is not nexcage's: its configuration, and what Proxmox has rendered of it.
pub(super) struct Foreign(Vec<(PathBuf, String)>);

impl Foreign {
    /// Makes one; it replaces what is there.
    pub(super) fn make(node: &Node, vmid: u32) -> Self {
        let home = node.lxc_dir().join(vmid.to_string());
        fs::create_dir_all(home.join("rootfs")).unwrap();
        let files = [conf(node, vmid), home.join("config"), home.join("rootfs/keep")].map(|path| {
            let content = format!("#foreign {}\narch: amd64\nostype: unmanaged\n", path.display());
            fs::write(&path, &content).unwrap();
            (path, content)
        });
        Foreign(files.into())
    }

    #[track_caller]
    pub(super) fn assert_untouched(&self) {
        for (path, content) in &self.0 {
            assert_eq!(&fs::read_to_string(path).unwrap(), content, "{}", path.display());
        }
    }

    /// Removes it, before the sandbox looks for what is left.
    pub(super) fn remove(self) {
        self.assert_untouched();
        for (path, _) in &self.0 {
            fs::remove_file(path).unwrap();
        }
        let rootfs = self.0[2].0.parent().unwrap();
        fs::remove_dir(rootfs).unwrap();
        fs::remove_dir(rootfs.parent().unwrap()).unwrap();
    }
}

#[test]
fn ids_that_are_taken_are_passed_over() {
    let sandbox = sandbox();
    let node = node(&sandbox);
    let foreign = [0, 1, 3].map(|offset| Foreign::make(node, FIRST_VMID + offset));
    let bundle = sandbox.bundle(&Config::script("echo up; read line; exit 8"));
    let running = [start(sandbox.run(&bundle)), start(sandbox.run(&bundle))];
    let calls: BTreeSet<String> = node.calls().unwrap().into_iter().collect();
    let expected = [2, 4].map(|offset| format!("start\t{}", FIRST_VMID + offset));
    assert_eq!(calls, expected.into());
    for mut running in running {
        running.write(b"go\n");
        assert_eq!(running.wait().status.code(), Some(8));
    }
    foreign.into_iter().for_each(Foreign::remove);
}

/// `run` with a range of VMIDs.
fn configuration(sandbox: &Sandbox, first: u32, last: u32) -> PathBuf {
    let node = node(sandbox);
    let pct = json!({
        "program": node.pct(),
        "confDirectory": node.conf_dir(),
        "lxcDirectory": node.lxc_dir(),
        "lockDirectory": node.run_dir().join("lock/lxc"),
        "vmids": { "first": first, "last": last },
    });
    let path = sandbox.path().join("range.json");
    fs::write(&path, json!({ "pct": pct }).to_string()).unwrap();
    path
}

#[test]
fn a_range_that_is_full() {
    let sandbox = sandbox();
    let foreign = Foreign::make(node(&sandbox), FIRST_VMID);
    let configuration = configuration(&sandbox, FIRST_VMID, FIRST_VMID);
    let run = sandbox.run(&sandbox.bundle(&Config::script("exit 0"))).env("NEXCAGE_CONFIG", configuration);
    let message = failure(run, "NX-NO-VMID");
    assert!(message.contains("5000"), "{message}");
    assert_eq!(node(&sandbox).calls().unwrap(), [""; 0]);
    foreign.remove();
}

#[test]
fn a_conf_that_vanishes_while_its_container_runs() {
    let sandbox = sandbox();
    let foreign = Foreign::make(node(&sandbox), FIRST_VMID + 1);
    let mut running = start(sandbox.run(&sandbox.bundle(&Config::script("echo up; read line; exit 8"))));
    fs::remove_file(conf(node(&sandbox), FIRST_VMID)).unwrap();
    running.write(b"go\n");
    assert_eq!(running.wait().status.code(), Some(8));
    foreign.remove();
}

#[test]
fn a_conf_that_becomes_another_s_while_its_container_runs() {
    let sandbox = sandbox();
    let mut running = start(sandbox.run(&sandbox.bundle(&Config::script("echo up; read line; exit 8"))));
    let path = conf(node(&sandbox), FIRST_VMID);
    let foreign = "arch: amd64\nhostname: other\nostype: unmanaged\nrootfs: /srv/other\n";
    fs::write(&path, foreign).unwrap();
    running.write(b"go\n");
    assert_eq!(running.wait().status.code(), Some(8));
    assert_eq!(fs::read_to_string(&path).unwrap(), foreign);
    fs::remove_file(&path).unwrap();
    // What Proxmox has rendered of our configuration is ours.
    sandbox.assert_nothing_left();
}

#[test]
fn ten_at_a_time_have_ten_ids() {
    let sandbox = sandbox();
    let bundle = sandbox.bundle(&Config::script("echo up; read line; exit $line").read_only());
    let running: Vec<_> = (10..20).map(|status| (status, sandbox.run(&bundle).start())).collect();
    let running: Vec<_> = running
        .into_iter()
        .map(|(status, mut running)| {
            assert_eq!(running.line(), "up");
            (status, running)
        })
        .collect();
    let calls: BTreeSet<String> = node(&sandbox).calls().unwrap().into_iter().collect();
    let expected = (0..10).map(|offset| format!("start\t{}", FIRST_VMID + offset)).collect();
    assert_eq!(calls, expected);
    for (status, mut running) in running {
        running.write(format!("{status}\n").as_bytes());
        assert_eq!(running.wait().status.code(), Some(status));
    }
    assert_eq!(node(&sandbox).calls().unwrap().len(), 10);
}
