//! The one table of keys: the reader knows no other, and nexcage.json(5) lists them.

/// A key that holds a value. The objects on the way to it follow from its pointer.
#[derive(Debug)]
pub struct Key {
    /// Its JSON pointer.
    pub pointer: &'static str,
    /// What its value has to be, with an article.
    pub form: &'static str,
    /// The value that holds without it, as JSON; none if it is absent then.
    pub default: Option<&'static str>,
    /// What it is for, in sentences.
    pub meaning: &'static str,
}

/// Every key.
pub const KEYS: &[Key] = &[
    Key {
        pointer: "/backend",
        form: "one of \"auto\", \"lxc\", \"pct\"",
        default: Some("\"auto\""),
        meaning: "Who starts containers: plain LXC, or Proxmox VE's pct, as CTs; auto is pct where /etc/pve is a mounted pmxcfs.",
    },
    Key {
        pointer: "/root",
        form: "an absolute path",
        default: Some("\"/run/nexcage\""),
        meaning: "The directory where containers keep their state.",
    },
    Key {
        pointer: "/timeoutSeconds",
        form: "a number greater than 0",
        default: Some("30"),
        meaning: "The longest that LXC's start, or an answer of nexcage-init, may take.",
    },
    Key {
        pointer: "/exitSource",
        form: "one of \"auto\", \"pidfd\", \"proc-events\"",
        default: Some("\"auto\""),
        meaning: "How exit statuses are learned: from a pidfd (Linux 6.15 and later) or from the kernel's process events; auto is the pidfd where the kernel can.",
    },
    Key {
        pointer: "/init",
        form: "an absolute path",
        default: None,
        meaning: "The nexcage-init binary. Without it nexcage-init is looked for beside nexcage-shim, then in /usr/libexec/nexcage.",
    },
    Key {
        pointer: "/pct/program",
        form: "an absolute path",
        default: Some("\"/usr/sbin/pct\""),
        meaning: "The pct program.",
    },
    Key {
        pointer: "/pct/confDirectory",
        form: "an absolute path",
        default: Some("\"/etc/pve/lxc\""),
        meaning: "The directory of the CTs' configurations, in a mounted pmxcfs.",
    },
    Key {
        pointer: "/pct/lxcDirectory",
        form: "an absolute path",
        default: Some("\"/var/lib/lxc\""),
        meaning: "LXC's own directory, where Proxmox VE writes what it renders.",
    },
    Key {
        pointer: "/pct/lockDirectory",
        form: "an absolute path",
        default: Some("\"/run/lock/lxc\""),
        meaning: "Where Proxmox VE's locks of CTs' configurations are.",
    },
    Key {
        pointer: "/pct/diskTimeoutSeconds",
        form: "a number greater than 0",
        default: Some("600"),
        meaning: "The longest that pct may take to make a root file system on a storage, or to remove it.",
    },
    Key {
        pointer: "/pct/vmids/first",
        form: "an integer from 100 to 999999999",
        default: Some("900000"),
        meaning: "The lowest VMID that a new CT may take. It is given together with last.",
    },
    Key {
        pointer: "/pct/vmids/last",
        form: "an integer from 100 to 999999999",
        default: Some("999999"),
        meaning: "The highest VMID that a new CT may take; not less than first.",
    },
    Key {
        pointer: "/pct/withoutUserNamespace",
        form: "one of \"privileged\", \"unprivileged\", \"refused\"",
        default: Some("\"privileged\""),
        meaning: "What becomes of a bundle without a user namespace, as most are: a privileged CT, as the bundle has it; an unprivileged one, whose ids are mapped by Proxmox's own map, 65536 ids from 100000 on; or an error.",
    },
    Key {
        pointer: "/pct/version",
        form: "a version such as \"6.1.6\"",
        default: None,
        meaning: "The version of the package pve-container. Without it /var/lib/dpkg/status says. From 6.1.6 on Proxmox maps the owners of an unprivileged CT's root file system; before, or if there is none, nexcage does.",
    },
    Key {
        pointer: "/pct/ct",
        form: "an object of texts",
        default: None,
        meaning: "What every new CT has beside what its bundle says: net0 to net31, mp0 to mp255, features, tags, nameserver, searchdomain, startup, protection, hookscript, ostype, template and rootfs-storage, in Proxmox's forms. The annotation org.nexcage.pve.NAME of a bundle replaces a member, and takes it back with none; tags add up.",
    },
];

/// What a pointer is to the table.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Known {
    /// A key with a value.
    Key(&'static Key),
    /// An object on the way to keys.
    Object,
    /// Nothing.
    Nothing,
}

pub(crate) fn look_up(pointer: &str) -> Known {
    if let Some(key) = KEYS.iter().find(|key| key.pointer == pointer) {
        return Known::Key(key);
    }
    if below(pointer).next().is_some() { Known::Object } else { Known::Nothing }
}

/// The names that the object at a pointer may have, in the order of the table.
pub(crate) fn names_in(pointer: &str) -> Vec<&'static str> {
    let mut names: Vec<_> = below(pointer).filter_map(|rest| rest.split('/').next()).collect();
    names.dedup();
    names
}

/// What is left of the pointers of all keys below an object.
fn below(pointer: &str) -> impl Iterator<Item = &'static str> {
    KEYS.iter().filter_map(move |key| key.pointer.strip_prefix(pointer)?.strip_prefix('/'))
}
