//! The included file: the rendered configuration after lines that take back what Proxmox's own
//! configuration says where the bundle has the say (pct.md, sections 2 and 8).
//!
//! What guards the host from an unprivileged CT stays Proxmox's: its AppArmor profile, its seccomp
//! filter and its id map.

use super::limits::{HIGH, MEMORY};
use super::{Ct, network};
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

impl Ct {
    /// The included file for a rendered configuration, or for one that replaces it: without the limits
    /// and networks that Proxmox has.
    ///
    /// # Errors
    /// A line cannot be written.
    pub fn include(&self, rendered: &LxcConfig) -> Result<LxcConfig, BadValue> {
        let mut include = LxcConfig::new();
        if rendered.get("lxc.idmap").is_none() {
            // A privileged CT: the bundle alone says what is filtered.
            include.reset("lxc.seccomp.profile")?;
        }
        if rendered.get("lxc.uts.name").is_none() {
            // Proxmox names the container; without a UTS namespace of its own, that would be the host.
            include.reset("lxc.uts.name")?;
        }
        if self.taken.contains(&MEMORY) && rendered.get(HIGH).is_none() {
            // The bundle's limit is one at which the kernel kills, and none below it that slows down.
            include.push(HIGH, "max")?;
        }
        let has_networks = self.wishes.has_networks();
        let kept = rendered.lines().filter(|(key, _)| {
            let is_empty_network = has_networks && key.starts_with("lxc.net.");
            !PROXMOX_OWN.contains(key) && !self.taken.contains(key) && !is_empty_network
        });
        for (key, value) in [HALT].into_iter().chain(kept) {
            match value {
                "" => include.reset(key)?,
                value => include.push(key, value)?,
            }
        }
        network::lines(&self.wishes, &mut include)?;
        Ok(include)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Wishes;
    use super::*;

    fn include(rendered: &LxcConfig) -> Result<LxcConfig, BadValue> {
        with(&[], &[], rendered)
    }

    fn with(
        taken: &[&'static str],
        wishes: &[(&str, &str)],
        rendered: &LxcConfig,
    ) -> Result<LxcConfig, BadValue> {
        let wishes = wishes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let wishes = Wishes::read(&wishes, &Default::default()).unwrap();
        Ct { conf: String::new(), taken: taken.to_vec(), wishes }.include(rendered)
    }

    #[test]
    fn what_proxmox_limits_and_connects_is_left_to_it() {
        let mut rendered = LxcConfig::new();
        let lines = [("lxc.cgroup2.memory.max", "1"), ("lxc.net.0.type", "empty"), ("lxc.net.0.flags", "up")];
        lines.iter().for_each(|(key, value)| rendered.push(key, *value).unwrap());
        let net = "name=e,bridge=b,ip=10.0.0.2/24,gw=10.0.0.1,ip6=auto";
        let other = [("net1", "name=f,ip=10.1.0.2/24,host-managed=1"), ("net2", "name=g,link_down=1")];
        let include = with(&["lxc.cgroup2.memory.max"], &[&[("net0", net)], &other[..]].concat(), &rendered);
        let include = include.unwrap();
        let net: Vec<_> =
            include.lines().filter(|(key, _)| !["lxc.uts.name", HALT.0].contains(key)).collect();
        let expected = [
            ("lxc.seccomp.profile", ""),
            (HIGH, "max"),
            ("lxc.net.0.flags", "up"),
            ("lxc.net.0.ipv4.address", "10.0.0.2/24"),
            ("lxc.net.0.ipv4.gateway", "10.0.0.1"),
            ("lxc.net.1.flags", "up"),
        ];
        assert_eq!(net, expected);
        assert_eq!(with(&[], &[], &rendered).unwrap().get("lxc.net.0.type"), Some("empty"));
    }

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
