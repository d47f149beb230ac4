//! The state in which a call was recorded, set up on a scratch node.

use super::transcripts::Recording;
use crate::node::Node;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A node in a recorded state.
#[derive(Debug)]
pub(super) struct Scene {
    node: Node,
    /// The CT that the recording is about.
    vmid: String,
    knows_conf: bool,
}

/// Paths of the recording node that a recording may name; here they are below the node's root.
const MAPPED: &[&str] = &["/srv/", "/root/", "/run/bad.conf", "/run/none.conf"];
/// What the recorder pushed into a CT and looked at.
const PUSHED: &str = "/tmp/p2";
const GOOD_INIT: &str = "#!/bin/sh\ntrap 'exit 0' PWR\nwhile :; do sleep 1000 & wait; done\n";

impl Scene {
    pub(super) fn set(recording: &Recording, pct: &Path) -> io::Result<Scene> {
        let node = Node::new(pct)?;
        node.set("monitor_timeout_ms", "500")?;
        let argument = recording.argv.get(2).filter(|word| word.parse::<u32>().is_ok());
        let vmid = argument.map_or_else(|| "100".to_owned(), Clone::clone);
        let knows_conf = argument.is_some();
        let scene = Scene { node, vmid, knows_conf };
        let setup = recording.setup.join(" ");
        scene.make_files(&setup)?;
        let command = recording.argv.get(1).map(String::as_str);
        if !knows_conf || command == Some("clone") {
            for (vmid, conf) in neighbours(&setup) {
                scene.write_conf(vmid, &conf)?;
            }
        }
        if let Some(conf) = &recording.conf_before {
            scene.make_volume(conf)?;
            scene.write_conf(&scene.vmid, conf)?;
        }
        if setup.contains("VM with id 107") {
            fs::write(scene.node.root().join("etc/pve/qemu-server/107.conf"), "")?;
        }
        let runs = setup.contains("container 100 running") || setup.starts_with("100 running") && !knows_conf;
        if runs || setup.contains("106.conf") && !knows_conf {
            scene.start(recording.conf_before.as_deref())?;
        }
        if command == Some("exec") && recording.argv.iter().any(|word| word == PUSHED) {
            // The recorder's call before this one.
            let push = format!("push 100 /root/hostfile {PUSHED} --perms 600 --user 7 --group 8");
            scene.call(&push.split(' ').map(str::to_owned).collect::<Vec<_>>()).status()?;
        }
        Ok(scene)
    }

    /// A call of the node's pct in the recorder's environment.
    pub(super) fn call(&self, words: &[String]) -> Command {
        let mut call = Command::new(self.node.pct());
        call.env_clear().envs([
            ("HOME", "/root"),
            ("LANG", "C"),
            ("TERM", "linux"),
            ("PATH", crate::lxc::PATH),
        ]);
        call.current_dir("/root");
        match words {
            [command, ..] if command == "exec" => call.args(words),
            // Here the last word is a path of the host.
            [command, between @ .., target] if command == "pull" => {
                call.arg(command).args(between).arg(self.node.root().join(target.trim_start_matches('/')))
            }
            _ => call.args(words.iter().map(|word| self.map(word))),
        };
        call
    }

    pub(super) fn conf_file(&self) -> PathBuf {
        self.node.conf_dir().join(format!("{}.conf", self.vmid))
    }

    /// Whether the recording says what becomes of the CT's conf.
    pub(super) fn knows_conf(&self) -> bool {
        self.knows_conf
    }

    /// A text of the recording node, for this one.
    fn map(&self, text: &str) -> String {
        let root = self.node.root().display().to_string();
        MAPPED.iter().fold(text.to_owned(), |text, path| text.replace(path, &format!("{root}{path}")))
    }

    /// A text of this node, as the recording node would have put it.
    pub(super) fn unmap(&self, text: &str) -> String {
        text.replace(&self.node.root().display().to_string(), "")
    }

    fn write_conf(&self, vmid: &str, conf: &str) -> io::Result<()> {
        fs::write(self.node.conf_dir().join(format!("{vmid}.conf")), self.map(conf))
    }

    /// Starts the CT without what is pending or locks it, then gives it the recorded conf.
    fn start(&self, conf: Option<&str>) -> io::Result<()> {
        let file = self.node.conf_dir().join("100.conf");
        let text = fs::read_to_string(&file)?;
        let main = text.split("\n[").next().unwrap_or_default();
        let main: String =
            main.lines().filter(|line| !line.starts_with("lock:")).map(|line| format!("{line}\n")).collect();
        fs::write(&file, main)?;
        let output = self.call(&["start".into(), "100".into()]).output()?;
        if !output.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        if conf.is_some() { fs::write(&file, text) } else { Ok(()) }
    }

    fn make_files(&self, setup: &str) -> io::Result<()> {
        let root = self.node.root();
        for directory in ["srv/data", "srv/x", "srv/empty", "srv/rd", "root/emptydir", "tmp"] {
            fs::create_dir_all(root.join(directory))?;
        }
        fs::create_dir_all(self.node.storage().join("template/cache"))?;
        fs::write(root.join("root/hostfile"), "hostfile\n")?;
        fs::write(root.join("run/bad.conf"), "lxc.nonsense = 1\n")?;
        fs::write(root.join("root/bb.zip"), "")?;
        make_rootfs(&root.join("srv/rd/100"))?;
        let others: &[&str] = if setup.starts_with("100 running") { &["101", "102", "103"] } else { &[] };
        for vmid in others {
            make_rootfs(&root.join("srv/rd").join(vmid))?;
        }
        if setup.contains("templates") { self.make_templates() } else { Ok(()) }
    }

    /// Archives as the recorder had them; `weird` is of a distribution that nobody knows.
    fn make_templates(&self) -> io::Result<()> {
        let rootfs = self.node.root().join("srv/rd/100");
        let cache = self.node.storage().join("template/cache");
        let archive = |flag: &str, name: &str| {
            let status = Command::new("tar")
                .arg(flag)
                .arg(cache.join(name))
                .arg("-C")
                .arg(&rootfs)
                .arg(".")
                .status()?;
            if status.success() { Ok(()) } else { Err(io::Error::other("tar failed")) }
        };
        archive("-cf", "bb.tar")?;
        archive("-czf", "bb.tar.gz")?;
        fs::write(rootfs.join("etc/os-release"), "ID=weird\n")?;
        archive("-czf", "weird.tar.gz")?;
        fs::copy(cache.join("bb.tar.gz"), self.node.root().join("root/bb.tar.gz"))?;
        Ok(())
    }

    /// The volume that `pct create` would have made.
    fn make_volume(&self, conf: &str) -> io::Result<()> {
        if !conf.contains("local:100/subvol-100-disk-0.subvol") {
            return Ok(());
        }
        let path = self.node.storage().join("images/100/subvol-100-disk-0.subvol");
        make_rootfs(&path)?;
        if conf.contains("unprivileged: 1") { give_away(&path) } else { Ok(()) }
    }
}

/// A root file system of busybox and the recorder's programs.
fn make_rootfs(path: &Path) -> io::Result<()> {
    for directory in ["bin", "sbin", "etc", "proc", "sys", "dev", "tmp", "root", "run", "mnt"] {
        fs::create_dir_all(path.join(directory))?;
    }
    let bin = path.join("bin");
    fs::copy("/bin/busybox", bin.join("busybox"))?;
    for name in ["sh", "sleep", "cat", "echo", "env", "id", "ls", "true", "stat", "ip"] {
        symlink("busybox", bin.join(name))?;
    }
    symlink("/bin/busybox", path.join("sbin/init"))?;
    fs::write(path.join("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n")?;
    fs::write(path.join("etc/group"), "root:x:0:\n")?;
    for (name, text, mode) in [
        ("good-init", GOOD_INIT, 0o755),
        ("notexec", "#!/bin/sh\n", 0o644),
        ("badfmt", "\u{1}\u{2}junk\n", 0o755),
    ] {
        fs::write(bin.join(name), text)?;
        fs::set_permissions(bin.join(name), Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// Gives a tree to the root of unprivileged CTs.
fn give_away(path: &Path) -> io::Result<()> {
    let owner = Some(crate::lxc::ROOT);
    if !path.is_symlink() && path.is_dir() {
        for entry in fs::read_dir(path)? {
            give_away(&entry?.path())?;
        }
        return chown(path, owner, owner);
    }
    lchown(path, owner, owner)
}

/// The CTs that a listing was recorded with: `setup` has them in words.
fn neighbours(setup: &str) -> Vec<(&'static str, String)> {
    let ordinary = |vmid: &str, entrypoint: &str, hostname: &str, more: &str| {
        format!(
            "arch: amd64\nentrypoint: {entrypoint}\n{hostname}memory: 64\nostype: unmanaged\nrootfs: /srv/rd/{vmid}\nswap: 0\n{more}"
        )
    };
    let plain =
        |vmid: &str, more: &str| ordinary(vmid, "/bin/sleep 1000", &format!("hostname: ct{vmid}\n"), more);
    let long = "hostname: a-rather-long-hostname-over-20.example.org\n";
    let many = vec![
        ("100", plain("100", "")),
        ("103", ordinary("103", "/bin/sleep 1000", long, "")),
        ("104", ordinary("104", "/bin/sleep 1000", "", "")),
        ("1000000", plain("1000000", "")),
    ];
    if setup.contains("subvol rootfs") {
        vec![("100", "hostname: CT100\nrootfs: local:100/subvol-100-disk-0.subvol\ntemplate: 1\n".into())]
    } else if setup.contains("106.conf") {
        let garbage = "this is not a conf\narch amd64\nmemory: abc\n";
        [many, vec![("101", plain("101", "")), ("106", garbage.into())]].concat()
    } else if setup.starts_with("100 running") {
        let others = [
            ("101", plain("101", "lock: backup\n")),
            ("102", plain("102", "template: 1\n")),
            ("105", String::new()),
        ];
        [many, others.to_vec()].concat()
    } else if setup.contains("mounted by pct mount") {
        vec![("100", plain("100", "lock: mounted\n"))]
    } else if setup.contains("container 100") && !setup.contains("no container") {
        vec![("100", plain("100", ""))]
    } else {
        Vec::new()
    }
}
