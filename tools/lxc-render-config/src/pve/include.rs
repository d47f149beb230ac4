//! The included file: the rendered configuration after lines that take back what Proxmox's own
//! configuration says where the bundle has the say (pct.md, sections 2 and 8).
//!
//! What guards the host from an unprivileged CT stays Proxmox's: its AppArmor profile, its seccomp
//! filter and its id map.

use crate::LxcConfig;
use crate::lxc_config::BadValue;

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

/// Before the rendered lines, which may say otherwise: `pct shutdown` asks the process to end as an
/// engine would.
const HALT: (&str, &str) = ("lxc.signal.halt", "SIGTERM");

/// The included file for a rendered configuration, or for one that replaces it.
///
/// # Errors
/// A line cannot be written.
pub fn include(rendered: &LxcConfig) -> Result<LxcConfig, BadValue> {
    let mut include = LxcConfig::new();
    if rendered.get("lxc.idmap").is_none() {
        // A privileged CT: the bundle alone says what is filtered.
        include.reset("lxc.seccomp.profile")?;
    }
    if rendered.get("lxc.uts.name").is_none() {
        // Proxmox names the container; without a UTS namespace of its own, that would be the host.
        include.reset("lxc.uts.name")?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundle_says_which_signal_asks_for_the_end() {
        let mut rendered = LxcConfig::new();
        assert_eq!(include(&rendered).unwrap().get("lxc.signal.halt"), Some("SIGTERM"));
        rendered.push("lxc.signal.halt", "3").unwrap();
        assert_eq!(include(&rendered).unwrap().get("lxc.signal.halt"), Some("3"));
    }

    #[test]
    fn the_name_is_the_bundles_or_nobodys() {
        let mut rendered = LxcConfig::new();
        assert!(include(&rendered).unwrap().lines().any(|line| line == ("lxc.uts.name", "")));
        rendered.push("lxc.uts.name", "web").unwrap();
        assert_eq!(include(&rendered).unwrap().values("lxc.uts.name").collect::<Vec<_>>(), ["web"]);
    }

    #[test]
    fn what_is_proxmoxs_stays_so() {
        let mut rendered = LxcConfig::new();
        for (key, value) in [("lxc.rootfs.path", "dir:/x"), ("lxc.idmap", "u 0 1 2"), ("lxc.pty.max", "1")] {
            rendered.push(key, value).unwrap();
        }
        let include = include(&rendered).unwrap();
        assert_eq!(include.lines().collect::<Vec<_>>(), [("lxc.uts.name", ""), HALT, ("lxc.pty.max", "1")]);
    }
}
