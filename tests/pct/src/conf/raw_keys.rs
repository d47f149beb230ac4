//! Which `lxc.*` keys Proxmox lets through from a conf file (what an included file may hold is LXC's
//! own affair).

/// What the parser does with a raw key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Allowed,
    /// An entry of the CT's `env`.
    Environment,
    /// Let through with a warning that names the new key.
    Renamed(&'static str),
    /// Refused, because it comes from a key of Proxmox's own.
    Generated(&'static str),
    Refused,
}

pub(super) fn judge(key: &str) -> Verdict {
    let name = key.strip_prefix("lxc.").unwrap_or(key);
    if name == "environment.runtime" {
        return Verdict::Environment;
    }
    if ALLOWED.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        return Verdict::Allowed;
    }
    if let Some((_, new)) = RENAMED.iter().find(|(old, _)| *old == name) {
        return Verdict::Renamed(new);
    }
    match name {
        "rootfs" | "rootfs.path" => Verdict::Generated("rootfs"),
        _ => Verdict::Refused,
    }
}

const ALLOWED: &[&str] = &[
    "apparmor.profile",
    "apparmor.allow_incomplete",
    "apparmor.allow_nesting",
    "apparmor.raw",
    "selinux.context",
    "include",
    "arch",
    "uts.name",
    "signal.halt",
    "signal.reboot",
    "signal.stop",
    "init.cmd",
    "init.cwd",
    "init.uid",
    "init.gid",
    "init.groups",
    "pty.max",
    "console.logfile",
    "console.path",
    "tty.max",
    "devtty.dir",
    "autodev",
    "kmsg",
    "mount.fstab",
    "mount.entry",
    "mount.auto",
    "rootfs.mount",
    "cap.drop",
    "cap.keep",
    "seccomp.profile",
    "seccomp.notify.proxy",
    "seccomp.notify.cookie",
    "idmap",
    "hook.autodev",
    "hook.pre-start",
    "hook.pre-mount",
    "hook.mount",
    "hook.start",
    "hook.stop",
    "hook.post-stop",
    "hook.clone",
    "hook.destroy",
    "hook.version",
    "log.level",
    "log.file",
    "start.auto",
    "start.delay",
    "start.order",
    "group",
    "environment",
    "environment.hooks",
    "sysctl.fs.mqueue",
    "sysctl.kernel.msgmax",
    "sysctl.kernel.msgmnb",
    "sysctl.kernel.msgmni",
    "sysctl.kernel.sem",
    "sysctl.kernel.shmall",
    "sysctl.kernel.shmmax",
    "sysctl.kernel.shmmni",
    "sysctl.kernel.shm_rmid_forced",
];

const PREFIXES: &[&str] = &["cgroup2.", "prlimit.", "net."];

/// Names from before LXC 3.0.
const RENAMED: &[(&str, &str)] = &[
    ("utsname", "lxc.uts.name"),
    ("haltsignal", "lxc.signal.halt"),
    ("rebootsignal", "lxc.signal.reboot"),
    ("stopsignal", "lxc.signal.stop"),
    ("init_cmd", "lxc.init.cmd"),
    ("pts", "lxc.pty.max"),
    ("tty", "lxc.tty.max"),
    ("devttydir", "lxc.tty.dir"),
    ("console", "lxc.console.path"),
    ("mount", "lxc.mount.fstab"),
    ("aa_profile", "lxc.apparmor.profile"),
    ("aa_allow_incomplete", "lxc.apparmor.allow_incomplete"),
    ("se_context", "lxc.selinux.context"),
    ("seccomp", "lxc.seccomp.profile"),
    ("id_map", "lxc.idmap"),
    ("loglevel", "lxc.log.level"),
    ("logfile", "lxc.log.file"),
];

#[cfg(test)]
mod tests {
    use super::{Verdict, judge};

    #[test]
    fn an_include_passes_and_what_it_may_hold_does_not() {
        assert_eq!(judge("lxc.include"), Verdict::Allowed);
        assert_eq!(judge("lxc.cgroup2.pids.max"), Verdict::Allowed);
        assert_eq!(judge("lxc.utsname"), Verdict::Renamed("lxc.uts.name"));
        for refused in [
            "lxc.namespace.share.net",
            "lxc.proc.oom_score_adj",
            "lxc.no_new_privs",
            "lxc.sysctl.net.ipv4.ip_forward",
        ] {
            assert_eq!(judge(refused), Verdict::Refused, "{refused}");
        }
    }
}
