//! The seccomp policy of unprivileged CTs.

use super::Line;
use crate::vmid::Vmid;
use std::path::Path;

/// The lines that bring the policy in.
pub(super) fn lines(vmid: Vmid, home: &Path, has: &dyn Fn(&str) -> bool) -> Vec<Line> {
    let mut lines = Vec::new();
    if has("mknod") {
        lines.push(Line::new("lxc.seccomp.notify.proxy", "unix:/run/pve-lxc-syscalld/socket"));
        lines.push(Line::new("lxc.seccomp.notify.cookie", vmid.to_string()));
    }
    lines.push(Line::new("lxc.seccomp.profile", home.join("rules.seccomp").to_string_lossy()));
    lines
}

/// The policy itself; the features open it.
pub(super) fn policy(has: &dyn Fn(&str) -> bool) -> String {
    let mut rules = vec![
        "2",
        "denylist",
        "reject_force_umount  # comment this to allow umount -f;  not recommended",
        "[all]",
        "kexec_load errno 1",
        "open_by_handle_at errno 1",
        "init_module errno 1",
        "finit_module errno 1",
        "delete_module errno 1",
        "ioctl errno 1 [1,0x9400,SCMP_CMP_MASKED_EQ,0xff00]",
    ];
    if has("mknod") {
        rules.extend([
            "mknod notify [1,8192,SCMP_CMP_MASKED_EQ,61440]",
            "mknod notify [1,24576,SCMP_CMP_MASKED_EQ,61440]",
            "mknodat notify [2,8192,SCMP_CMP_MASKED_EQ,61440]",
            "mknodat notify [2,24576,SCMP_CMP_MASKED_EQ,61440]",
        ]);
    }
    if !has("keyctl") {
        rules.push("keyctl errno 38");
    }
    rules.push("socket errno 97 [0,38,SCMP_CMP_EQ]");
    rules.join("\n") + "\n"
}
