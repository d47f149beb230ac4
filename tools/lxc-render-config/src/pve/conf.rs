//! The CT's own configuration: what Proxmox must know and show, and the line that includes the rest.

use super::limits::{CPUS, Limits};
use super::{About, Ct, Host, PveError, Rootfs, description};
use crate::LxcConfig;
use std::fmt::Write as _;
use std::path::Path;

/// The range of ids that Proxmox gives an unprivileged CT unless its configuration has others: its first id,
/// which that is on the host, and how many there are.
pub const ID_RANGE: (u32, u32, u32) = (0, 100_000, 65_536);
/// The same in LXC's words.
pub const PROXMOX_ID_MAP: [&str; 2] = ["u 0 100000 65536", "g 0 100000 65536"];
/// The most bytes of a file in pmxcfs.
const MOST: usize = 1 << 20;

/// The configuration of a CT that includes the file `about.include`. Without a hostname in the bundle
/// it is shown by its id.
///
/// # Errors
/// A path cannot stand in such a text, or an annotation asks for a network that the bundle excludes.
pub fn conf(config: &LxcConfig, about: &About<'_>, host: Host) -> Result<Ct, PveError> {
    let id_map: Vec<&str> = config.values("lxc.idmap").collect();
    let limits = Limits::of(config, host);
    let has_network =
        config.get("lxc.namespace.clone").is_some_and(|new| new.split(' ').any(|kind| kind == "net"));
    if !has_network && about.annotations.keys().any(|key| is_network(key)) {
        return Err(PveError::NoNetwork);
    }
    let wishes = about.wishes.clone();
    let wishes = if has_network { wishes.with_hardware_addresses() } else { wishes.without_networks() };
    let mut text = description::lines(about);
    let mut line = |key: &str, value: &str| {
        let _ = writeln!(text, "{key}: {value}");
    };
    line("arch", host.arch);
    line("console", "0");
    if let Some((count, _)) = &limits.cpus {
        line("cores", &count.to_string());
    }
    if let Some(limit) = &limits.cpulimit {
        line("cpulimit", limit);
    }
    if let Some(units) = limits.cpuunits {
        line("cpuunits", &units.to_string());
    }
    line("hostname", &hostname(config.get("lxc.uts.name").unwrap_or(about.id)));
    line("memory", &limits.memory.to_string());
    line("ostype", wishes.ostype());
    let maps_ids = !id_map.is_empty();
    line(
        "rootfs",
        &match about.rootfs {
            Rootfs::HostRoot(directory) if maps_ids => format!("{},idmap=passthrough", volume(directory)?),
            Rootfs::HostRoot(directory) | Rootfs::ContainerRoot(directory) => volume(directory)?,
            Rootfs::Volume(value) => value.to_owned(),
        },
    );
    line("swap", &limits.swap.to_string());
    line("tty", "0");
    wishes.iter().for_each(|(key, value)| line(key, value));
    if !id_map.is_empty() {
        line("unprivileged", "1");
        if id_map != PROXMOX_ID_MAP {
            id_map.iter().for_each(|entry| line("lxc.idmap", entry));
        }
    }
    if let Some((_, list)) = &limits.cpus {
        line(CPUS, list);
    }
    line("lxc.include", &path(about.include, "")?);
    if text.len() > MOST {
        return Err(PveError::TooLong(text.len()));
    }
    Ok(Ct { conf: text, taken: limits.taken, wishes })
}

fn is_network(key: &str) -> bool {
    let number = key.strip_prefix(super::wishes::ANNOTATION).and_then(|key| key.strip_prefix("net"));
    number.is_some_and(|number| number.parse::<u8>().is_ok())
}

/// Whether a CT's configuration has the line that makes it ours.
#[must_use]
pub fn includes(text: &str, include: &Path) -> bool {
    included(text).any(|path| path == include)
}

/// The files that a CT's configuration includes, its own or the one that Proxmox has rendered.
pub fn included(text: &str) -> impl Iterator<Item = &Path> {
    let current = text.lines().take_while(|line| !line.starts_with('['));
    let values = current.filter_map(|line| line.strip_prefix("lxc.include"));
    values.map(|value| Path::new(value.trim_start_matches([':', '=', ' ']).trim_end()))
}

/// The value of one of Proxmox's keys in a CT's configuration, as it is now.
#[must_use]
pub fn value<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let current = text.lines().take_while(|line| !line.starts_with('['));
    // The last line of a key is the one that counts.
    current.filter_map(|line| line.strip_prefix(key)?.strip_prefix(':')).map(str::trim).last()
}

/// Whether one of Proxmox's booleans is set in a CT's configuration.
#[must_use]
pub fn is_set(text: &str, key: &str) -> bool {
    value(text, key).and_then(pve_schema::boolean) == Some("1")
}

/// A directory as a value of `rootfs`.
fn volume(directory: &Path) -> Result<String, PveError> {
    let directory = path(directory, ",")?;
    // A value with this character would be taken for a property of its own.
    Ok(format!("{}{directory}", if directory.contains('=') { "volume=" } else { "" }))
}

/// A path that can stand in a line of the configuration.
fn path(path: &Path, separators: &str) -> Result<String, PveError> {
    let refused = |c: char| c.is_control() || separators.contains(c);
    match path.to_str() {
        Some(text) if !text.contains(refused) && text == text.trim() => Ok(text.to_owned()),
        _ => Err(PveError::Path(path.to_owned())),
    }
}

/// A name that Proxmox takes for a DNS name: labels of letters, digits and dashes, of 63 characters
/// at most, 255 together.
fn hostname(name: &str) -> String {
    let mut made = String::new();
    for label in name.split('.') {
        let dashed: String = label.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let label: String = dashed.trim_matches('-').chars().take(63).collect();
        let label = label.trim_end_matches('-');
        if !label.is_empty() && made.len() + 1 + label.len() <= 255 {
            made.push_str(if made.is_empty() { "" } else { "." });
            made.push_str(label);
        }
    }
    if made.is_empty() { "ct".to_owned() } else { made }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_id_gives_a_dns_name() {
        for (id, name) in [
            ("web", "web"),
            ("a_b+c.d", "a-b-c.d"),
            ("__", "ct"),
            ("-x-", "x"),
            ("..a..é.b.", "a.b"),
            ("", "ct"),
        ] {
            assert_eq!(hostname(id), name);
        }
        assert_eq!(hostname(&"x".repeat(128)).len(), 63);
        assert_eq!(hostname(&format!("{}-y", "x".repeat(62))).len(), 62);
        assert!(hostname(&"abc.".repeat(100)).len() <= 255);
    }

    #[test]
    fn only_our_line_in_the_current_section_makes_a_ct_ours() {
        let ours = Path::new("/run/nexcage/default/c/lxc.conf");
        assert!(includes("arch: amd64\nlxc.include: /run/nexcage/default/c/lxc.conf\n", ours));
        assert!(includes("lxc.include = /run/nexcage/default/c/lxc.conf\n", ours));
        assert!(!includes("lxc.include: /run/nexcage/default/c2/lxc.conf\n", ours));
        assert!(!includes("#lxc.include: /run/nexcage/default/c/lxc.conf\n", ours));
        assert!(!includes("[snap]\nlxc.include: /run/nexcage/default/c/lxc.conf\n", ours));
        assert!(!includes("", ours));
    }

    #[test]
    fn a_path_that_would_end_its_line_or_its_value_is_refused() {
        for bad in ["/a\nlxc.hook.start: /x", "/a,ro=1", "/a\r", " /a", "/a "] {
            assert!(path(Path::new(bad), ",").is_err(), "{bad:?}");
        }
        assert_eq!(path(Path::new("/srv/a b"), ",").unwrap(), "/srv/a b");
    }
}
