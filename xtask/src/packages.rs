//! Debian packages that a command needs: said by name, then installed, and only those missing.

use crate::error::Error;
use crate::step::{run, say, shown};
use std::path::Path;
use std::process::Command;

/// A program, or a file by its absolute path, and the Debian package it comes in.
pub(crate) type Need = (&'static str, &'static str);

pub(crate) const LXC: Need = ("lxc-start", "lxc");
pub(crate) const UIDMAP: Need = ("newuidmap", "uidmap");
pub(crate) const BUSYBOX: Need = ("busybox", "busybox-static");
pub(crate) const CONTAINERD: Need = ("containerd", "containerd");
pub(crate) const RUNC: Need = ("runc", "runc");
pub(crate) const MANDOC: Need = ("mandoc", "mandoc");
/// `nexcage ps` shows what ps(1) says; tests look for processes by pgrep(1).
pub(crate) const PROCPS: Need = ("ps", "procps");
/// Tests make system calls fail by it.
pub(crate) const STRACE: Need = ("strace", "strace");
pub(crate) const PYTHON: Need = ("/usr/bin/python3", "python3");

/// What the tests of pods need: a network for these, and a client of containerd's CRI.
pub(crate) const PODS: [Need; 7] = [
    ("/usr/lib/cni/bridge", "containernetworking-plugins"),
    ("iptables", "iptables"),
    ("ip", "iproute2"),
    ("protoc", "protobuf-compiler"),
    ("/usr/lib/python3/dist-packages/google/protobuf", "python3-protobuf"),
    ("/usr/lib/python3/dist-packages/grpc", "python3-grpcio"),
    ("/usr/lib/python3/dist-packages/websocket", "python3-websocket"),
];

/// Shells whose completions are tested.
pub(crate) const ZSH: Need = ("zsh", "zsh");
pub(crate) const FISH: Need = ("fish", "fish");

/// What nexcage-shim is linked with.
const SECCOMP: Need = ("/usr/include/seccomp.h", "libseccomp-dev");

/// Makes sure that all of them are there, and what the tools are built with: every command builds
/// some.
pub(crate) fn require(needs: &[Need]) -> Result<(), Error> {
    let all = [SECCOMP].into_iter().chain(needs.iter().copied());
    let missing: Vec<&str> = all.filter(|need| !is_there(*need)).map(|(_, package)| package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    let refuse = |why: &str| {
        Error::Machine(format!("{why}; install by hand what is missing (Debian's names): {list}"))
    };
    if !is_program("apt-get") {
        return Err(refuse("this machine has no apt-get"));
    }
    if !rustix::process::geteuid().is_root() {
        return Err(refuse("packages can only be installed by root"));
    }
    say(&format!("missing Debian packages, to be installed now: {list}"));
    let mut install = Command::new("apt-get");
    install.args(["install", "--yes", "--quiet", "--no-install-recommends"]).args(&missing);
    install.env("DEBIAN_FRONTEND", "noninteractive");
    say(&format!("$ {}", shown(&install)));
    // The lists may be missing or old: they are fetched when the installation fails without.
    if install.output().is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    say("$ apt-get update");
    run(Command::new("apt-get").arg("update"))?;
    say(&format!("$ {}", shown(&install)));
    run(&mut install)
}

/// Makes sure that containers can be started.
pub(crate) fn require_root() -> Result<(), Error> {
    if rustix::process::geteuid().is_root() {
        return Ok(());
    }
    Err(Error::Machine("containers can only be started by root".to_owned()))
}

fn is_there((program, package): Need) -> bool {
    // Debian's package busybox has the program too, but not static: it cannot live in an image alone.
    is_program(program) && (program != BUSYBOX.0 || !is_program("dpkg-query") || is_installed(package))
}

fn is_program(name: &str) -> bool {
    ["/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        .iter()
        // An absolute name replaces the directory.
        .any(|directory| Path::new(directory).join(name).exists())
}

fn is_installed(package: &str) -> bool {
    let query = Command::new("dpkg-query").args(["--show", "--showformat=${Status}", package]).output();
    query.is_ok_and(|output| output.stdout == b"install ok installed")
}
