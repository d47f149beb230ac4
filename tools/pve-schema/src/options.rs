//! The options of a CT with their limits (pct-schema.json, boiled down).

use crate::property::Needed::{Always, Optional};
use crate::{Format, Kind, Properties, Property};

/// The type of a CT's option, `net0` like `memory`; `None` if Proxmox has no such option.
#[must_use]
pub fn conf_option(name: &str) -> Option<&'static Kind> {
    if let Some((_, kind)) = CONF_OPTIONS.iter().find(|(option, _)| *option == name) {
        return Some(kind);
    }
    let family = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = name[family.len()..].parse::<u16>().ok()?;
    let (_, count, kind) = FAMILIES.iter().find(|(option, ..)| *option == family)?;
    (number < *count).then_some(kind)
}

const CONF_OPTIONS: &[(&str, Kind)] = &[
    ("arch", Kind::Choice(&["amd64", "i386", "arm64", "armhf", "riscv32", "riscv64"])),
    ("cmode", Kind::Choice(&["shell", "console", "tty"])),
    ("console", Kind::Boolean),
    ("cores", Kind::Integer { min: 1, max: 8192 }),
    ("cpulimit", Kind::Number { min: 0.0, max: 8192.0 }),
    ("cpuunits", Kind::Integer { min: 0, max: 500_000 }),
    ("debug", Kind::Boolean),
    ("description", Kind::Text { min: 0, max: 8192 }),
    ("entrypoint", Kind::Pattern(printable)),
    ("env", Kind::Pattern(environment)),
    ("features", Kind::List(Properties { default: None, members: FEATURES })),
    ("hookscript", Kind::Formatted(Format::VolumeId)),
    ("hostname", Kind::Formatted(Format::DnsName)),
    (
        "lock",
        Kind::Choice(&[
            "backup",
            "create",
            "destroyed",
            "disk",
            "fstrim",
            "migrate",
            "mounted",
            "rollback",
            "snapshot",
            "snapshot-delete",
        ]),
    ),
    ("memory", Kind::Integer { min: 16, max: i64::MAX }),
    ("nameserver", Kind::Formatted(Format::IpList)),
    ("onboot", Kind::Boolean),
    (
        "ostype",
        Kind::Choice(&[
            "debian",
            "devuan",
            "ubuntu",
            "centos",
            "fedora",
            "opensuse",
            "archlinux",
            "alpine",
            "gentoo",
            "nixos",
            "unmanaged",
        ]),
    ),
    ("parent", Kind::Formatted(Format::ConfigId)),
    ("protection", Kind::Boolean),
    ("rootfs", Kind::List(Properties { default: Some("volume"), members: ROOTFS })),
    ("searchdomain", Kind::Formatted(Format::DnsNameList)),
    ("snaptime", Kind::Integer { min: 0, max: i64::MAX }),
    ("startup", Kind::Formatted(Format::Startup)),
    ("swap", Kind::Integer { min: 0, max: i64::MAX }),
    ("tags", Kind::Formatted(Format::TagList)),
    ("template", Kind::Boolean),
    ("timezone", Kind::Formatted(Format::TimeZone)),
    ("tty", Kind::Integer { min: 0, max: 6 }),
    ("unprivileged", Kind::Boolean),
];

const FAMILIES: &[(&str, u16, Kind)] = &[
    ("net", 32, Kind::List(Properties { default: None, members: NETWORK })),
    ("mp", 256, Kind::List(Properties { default: Some("volume"), members: MOUNT_POINT })),
    ("dev", 256, Kind::List(Properties { default: Some("path"), members: DEVICE })),
    ("unused", 256, Kind::List(Properties { default: Some("volume"), members: UNUSED })),
];

const fn optional(name: &'static str, kind: Kind) -> Property {
    Property { name, kind, needed: Optional }
}

const VOLUME: Property =
    Property { name: "volume", kind: Kind::Formatted(Format::MountPath), needed: Always };

const ROOTFS: &[Property] = &[
    VOLUME,
    optional("acl", Kind::Boolean),
    optional("idmap", Kind::Pattern(idmap)),
    optional("mountoptions", Kind::Pattern(mount_options)),
    optional("quota", Kind::Boolean),
    optional("replicate", Kind::Boolean),
    optional("ro", Kind::Boolean),
    optional("shared", Kind::Boolean),
    optional("size", Kind::Formatted(Format::DiskSize)),
];

const MOUNT_POINT: &[Property] = &[
    VOLUME,
    Property { name: "mp", kind: Kind::Formatted(Format::MountPath), needed: Always },
    optional("acl", Kind::Boolean),
    optional("backup", Kind::Boolean),
    optional("idmap", Kind::Pattern(idmap)),
    optional("keepattrs", Kind::Boolean),
    optional("mountoptions", Kind::Pattern(mount_options)),
    optional("quota", Kind::Boolean),
    optional("replicate", Kind::Boolean),
    optional("ro", Kind::Boolean),
    optional("shared", Kind::Boolean),
    optional("size", Kind::Formatted(Format::DiskSize)),
];

const UNUSED: &[Property] =
    &[Property { name: "volume", kind: Kind::Formatted(Format::VolumeId), needed: Always }];

const NETWORK: &[Property] = &[
    Property { name: "name", kind: Kind::Pattern(interface), needed: Always },
    optional("bridge", Kind::Pattern(interface)),
    optional("firewall", Kind::Boolean),
    optional("gw", Kind::Formatted(Format::Ipv4)),
    optional("gw6", Kind::Formatted(Format::Ipv6)),
    optional("host-managed", Kind::Boolean),
    optional("hwaddr", Kind::Formatted(Format::MacAddress)),
    optional("ip", Kind::Formatted(Format::Ipv4Config)),
    optional("ip6", Kind::Formatted(Format::Ipv6Config)),
    optional("link_down", Kind::Boolean),
    optional("mtu", Kind::Integer { min: 64, max: 65535 }),
    optional("rate", Kind::Number { min: 0.0, max: f64::MAX }),
    optional("tag", Kind::Integer { min: 1, max: 4094 }),
    optional("trunks", Kind::Pattern(vlan_ids)),
    optional("type", Kind::Choice(&["veth"])),
];

const DEVICE: &[Property] = &[
    optional("path", Kind::Formatted(Format::DevicePath)),
    optional("deny-write", Kind::Boolean),
    optional("gid", Kind::Integer { min: 0, max: i64::MAX }),
    optional("mode", Kind::Pattern(octal_mode)),
    optional("uid", Kind::Integer { min: 0, max: i64::MAX }),
];

const FEATURES: &[Property] = &[
    optional("force_rw_sys", Kind::Boolean),
    optional("fuse", Kind::Boolean),
    optional("keyctl", Kind::Boolean),
    optional("mknod", Kind::Boolean),
    optional("mount", Kind::Pattern(file_systems)),
    optional("nesting", Kind::Boolean),
];

fn printable(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(|c| c.is_ascii_control() && c != '\t')
}

fn environment(text: &str) -> bool {
    text.split('\0').all(|entry| {
        entry.split_once('=').is_some_and(|(name, value)| {
            let word = name.chars().all(|c| c.is_alphanumeric() || c == '_');
            word && !name.is_empty() && (value.is_empty() || printable(value))
        })
    })
}

fn interface(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c))
}

fn file_systems(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_; ".contains(&byte))
}

fn vlan_ids(text: &str) -> bool {
    text.split(';').all(crate::all_digits)
}

fn octal_mode(text: &str) -> bool {
    text.len() == 4 && text.starts_with('0') && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte))
}

fn mount_options(text: &str) -> bool {
    let known = ["discard", "lazytime", "noatime", "nodev", "noexec", "nosuid"];
    text.split(';').all(|option| known.contains(&option))
}

fn idmap(text: &str) -> bool {
    let entry = |entry: &str| {
        let parts: Vec<&str> = entry.split(':').collect();
        matches!(parts[..], [kind, a, b, size]
            if matches!(kind, "u" | "g") && [a, b, size].into_iter().all(crate::all_digits) && !size.starts_with('0'))
    };
    text == "passthrough" || text.split(';').all(entry)
}
