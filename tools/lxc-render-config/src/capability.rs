//! Capabilities by number and by name (capabilities(7)).

/// The names without `cap_`, at their numbers.
const NAMES: [&str; 41] = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];

/// A capability of Linux.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Capability(usize);

/// A set of capabilities, a bit for each number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Set(pub(crate) u64);

impl Capability {
    /// All of them, by number.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..NAMES.len()).map(Capability)
    }

    /// The one of a name like `CAP_CHOWN`.
    pub(crate) fn by_name(name: &str) -> Option<Self> {
        let short = name.strip_prefix("CAP_")?;
        let upper = |one: Self| one.lxc_name().bytes().map(|byte| byte.to_ascii_uppercase());
        Capability::all().find(|one| upper(*one).eq(short.bytes()))
    }

    /// The name as LXC has it.
    pub(crate) fn lxc_name(self) -> &'static str {
        NAMES[self.0]
    }
}

impl Set {
    pub(crate) fn insert(&mut self, one: Capability) {
        self.0 |= 1 << one.0;
    }

    pub(crate) fn contains(self, one: Capability) -> bool {
        self.0 & (1 << one.0) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_at_their_numbers() {
        for (name, number) in [("CAP_CHOWN", 0), ("CAP_SYS_ADMIN", 21), ("CAP_CHECKPOINT_RESTORE", 40)] {
            assert_eq!(Capability::by_name(name), Some(Capability(number)), "{name}");
        }
        for name in ["CHOWN", "cap_chown", "CAP_chown", "CAP_", "CAP_NEW"] {
            assert_eq!(Capability::by_name(name), None, "{name}");
        }
    }
}
