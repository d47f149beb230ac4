//! The named formats of Proxmox's schema.

use crate::all_digits;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

/// A format with a name of its own.
#[derive(Debug, Clone, Copy)]
pub enum Format {
    /// 100 to 999999999.
    Vmid,
    /// A DNS name.
    DnsName,
    /// DNS names.
    DnsNameList,
    /// IP addresses.
    IpList,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// An IPv4 address with its prefix, `dhcp` or `manual`.
    Ipv4Config,
    /// An IPv6 address with its prefix, `auto`, `dhcp` or `manual`.
    Ipv6Config,
    /// A unicast hardware address.
    MacAddress,
    /// A time zone of this host, or `host`.
    TimeZone,
    /// Tags.
    TagList,
    /// `order=N,up=N,down=N`.
    Startup,
    /// `storage:volume`.
    VolumeId,
    /// The name of a storage.
    StorageId,
    /// The name of a snapshot.
    ConfigId,
    /// A path without `.` and `..`.
    MountPath,
    /// A path below /dev.
    DevicePath,
    /// A number with K, M, G or T.
    DiskSize,
}

impl Format {
    /// # Errors
    /// Proxmox's words, ending in a newline.
    pub(crate) fn check(self, value: &str) -> Result<(), String> {
        let good = match self {
            Format::Vmid => vmid(value),
            Format::DnsName => dns_name(value),
            Format::DnsNameList => list(value).all(dns_name),
            Format::IpList => list(value).all(|ip| ip.parse::<IpAddr>().is_ok()),
            Format::Ipv4 => value.parse::<Ipv4Addr>().is_ok(),
            Format::Ipv6 => value.parse::<Ipv6Addr>().is_ok(),
            Format::Ipv4Config => matches!(value, "dhcp" | "manual") || network::<Ipv4Addr>(value, 32),
            Format::Ipv6Config => {
                matches!(value, "dhcp" | "manual" | "auto") || network::<Ipv6Addr>(value, 128)
            }
            Format::MacAddress => unicast_mac(value),
            Format::TimeZone => value == "host" || Path::new("/usr/share/zoneinfo").join(value).is_file(),
            Format::TagList => list(value).all(tag),
            Format::Startup => startup(value),
            Format::VolumeId => {
                value.split_once(':').is_some_and(|(store, volume)| word(store) && !volume.is_empty())
            }
            Format::StorageId | Format::ConfigId => word(value),
            Format::MountPath => !value.split('/').any(|part| matches!(part, "." | "..")),
            Format::DevicePath => value.starts_with("/dev/") && Format::MountPath.check(value).is_ok(),
            Format::DiskSize => value.trim_end_matches(['K', 'M', 'G', 'T']).parse::<f64>().is_ok(),
        };
        if good { Ok(()) } else { Err(self.refusal(value)) }
    }

    fn refusal(self, value: &str) -> String {
        let what = match self {
            Format::Vmid => "VM ID",
            Format::DnsName | Format::DnsNameList => "DNS name",
            Format::IpList => "IP address",
            Format::Ipv4 => "IPv4 address",
            Format::Ipv6 => "IPv6 address",
            Format::Ipv4Config => "IPv4 network configuration",
            Format::Ipv6Config => "IPv6 network configuration",
            Format::MacAddress => "unicast MAC address",
            Format::TimeZone => return format!("invalid time zone '{value}'\n"),
            Format::TagList => return "invalid characters in tag\n".into(),
            Format::Startup => return "unable to parse startup options\n".into(),
            Format::VolumeId => return format!("unable to parse volume ID '{value}'\n\n"),
            Format::StorageId => return format!("storage ID '{value}' contains illegal characters\n"),
            Format::ConfigId => return format!("invalid configuration ID '{value}'\n"),
            Format::MountPath => return format!("{value} contains illegal character sequences\n"),
            Format::DevicePath => return format!("{value} is not a valid device path\n"),
            Format::DiskSize => "disk size",
        };
        format!("value does not look like a valid {what}\n")
    }
}

/// The members of a list: Proxmox separates at commas, semicolons, blanks and NULs.
pub(crate) fn list(value: &str) -> impl Iterator<Item = &str> {
    value.split([',', ';', ' ', '\t', '\n', '\0']).filter(|part| !part.is_empty())
}

fn vmid(value: &str) -> bool {
    let number =
        if value.starts_with('0') || !all_digits(value) { Err(()) } else { value.parse().map_err(drop) };
    matches!(number, Ok(100..=999_999_999))
}

fn dns_name(value: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    value.split('.').all(label)
}

fn network<A: std::str::FromStr>(value: &str, bits: u8) -> bool {
    value.split_once('/').is_some_and(|(address, prefix)| {
        address.parse::<A>().is_ok() && prefix.parse::<u8>().is_ok_and(|prefix| prefix <= bits)
    })
}

fn unicast_mac(value: &str) -> bool {
    let bytes: Vec<_> = value.split(':').map(|part| (part.len(), u8::from_str_radix(part, 16))).collect();
    bytes.len() == 6
        && bytes.iter().all(|(len, byte)| *len == 2 && byte.is_ok())
        && matches!(bytes[0], (_, Ok(first)) if first & 1 == 0)
}

fn tag(value: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"_-+.".contains(&byte);
    value.bytes().all(inner) && !value.starts_with(['-', '+', '.'])
}

fn startup(value: &str) -> bool {
    value.split(',').all(|part| {
        let (key, number) = part.split_once('=').unwrap_or(("order", part));
        matches!(key, "order" | "up" | "down") && all_digits(number)
    })
}

fn word(value: &str) -> bool {
    value.starts_with(|c: char| c.is_ascii_alphabetic())
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}
