//! Who keeps a CT from being removed, by what its configuration says.

use lxc_render_config::pve;
use nexcage_cli::Code;
use std::fmt;

/// A CT that is not to be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    vmid: u32,
    by: Keeper,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Keeper {
    /// An administrator, who has set `protection`.
    Protection,
    /// A task of Proxmox, which has set `lock` to this.
    Lock(String),
}

impl Kept {
    /// What keeps the CT of this configuration, in the order in which pct looks.
    pub(crate) fn by(text: &str, vmid: u32) -> Option<Kept> {
        let protection = pve::is_set(text, "protection").then_some(Keeper::Protection);
        let by = protection.or_else(|| pve::value(text, "lock").map(|lock| Keeper::Lock(lock.to_owned())))?;
        Some(Kept { vmid, by })
    }

    pub(super) fn code(&self) -> Code {
        match self.by {
            Keeper::Protection => Code::CtProtected,
            Keeper::Lock(_) => Code::CtLocked,
        }
    }

    pub(super) fn hint(&self) -> String {
        let vmid = self.vmid;
        match &self.by {
            Keeper::Protection => {
                format!("'pct set {vmid} --protection 0' lifts it; the container can be deleted then")
            }
            Keeper::Lock(lock) if lock == "mounted" => format!("'pct unmount {vmid}' gives it free"),
            Keeper::Lock(_) => format!(
                "wait for the task that holds the lock; 'pct unlock {vmid}' takes away one that nobody holds any more"
            ),
        }
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot remove CT {}: ", self.vmid)?;
        match &self.by {
            Keeper::Protection => f.write_str("its protection mode is enabled"),
            Keeper::Lock(lock) => write!(f, "it is locked ({lock})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Kept;

    #[test]
    fn what_stands_in_the_conf_as_it_is_now_keeps_a_ct() {
        for (text, kept) in [
            ("memory: 64\n", None),
            ("protection: 0\n\n[s1]\nprotection: 1\nlock: backup\n", None),
            ("protection: 1\nprotection: 0\n", None),
            ("#lock: backup\n", None),
            ("lock: backup\nprotection: 1\n", Some("its protection mode is enabled")),
            ("protection: yes\n", Some("its protection mode is enabled")),
            ("lock: backup\n", Some("it is locked (backup)")),
        ] {
            let found = Kept::by(text, 5000).map(|kept| kept.to_string());
            assert_eq!(found, kept.map(|kept| format!("cannot remove CT 5000: {kept}")), "{text}");
        }
    }
}
