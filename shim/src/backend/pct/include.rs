//! The included file: the rendered configuration after lines that take back what Proxmox's own
//! configuration says where the bundle has the say (pct.md, sections 2 and 8).
//!
//! What guards the host from an unprivileged CT stays Proxmox's: its AppArmor profile, its seccomp
//! filter and its id map.

use crate::error::Error;
use lxc_render_config::LxcConfig;

/// What stays Proxmox's: the rootfs is mounted by its hooks, the id map stands in the CT's own
/// configuration, and the profile and the cgroups are its business.
const PROXMOX_OWN: &[&str] = &[
    "lxc.rootfs.path",
    "lxc.rootfs.managed",
    "lxc.idmap",
    "lxc.apparmor.profile",
    "lxc.cgroup.dir.container",
    "lxc.cgroup.dir.monitor",
];

/// Before the rendered lines: `pct shutdown` asks the process to end as an engine would.
const HALT: (&str, &str) = ("lxc.signal.halt", "SIGTERM");

/// The text of the file.
pub(super) fn render(rendered: &LxcConfig) -> Result<LxcConfig, Error> {
    let mut include = LxcConfig::new();
    if rendered.get("lxc.idmap").is_none() {
        // A privileged CT: the bundle alone says what is filtered.
        include.reset("lxc.seccomp.profile")?;
    }
    let kept = rendered.lines().filter(|(key, _)| !PROXMOX_OWN.contains(key));
    for (key, value) in [HALT].into_iter().chain(kept) {
        match value {
            "" => include.reset(key)?,
            value => include.push(key, value)?,
        }
    }
    Ok(include)
}
