//! The CT's own configuration: what Proxmox must know and show, and the line that includes the rest.

use super::{Host, PveError};
use crate::Rendered;
use std::fmt::Write as _;
use std::path::Path;

/// The id map that Proxmox gives an unprivileged CT unless its configuration has another.
const PROXMOX_ID_MAP: [&str; 2] = ["u 0 100000 65536", "g 0 100000 65536"];

/// What Proxmox takes as memory, in MiB.
const LEAST_MEMORY: u64 = 16;

/// The text of the configuration of a CT that includes the file `include`. Without a hostname in
/// the bundle it is shown as `name`.
///
/// # Errors
/// A path cannot stand in such a text.
pub fn conf(rendered: &Rendered, name: &str, include: &Path, host: Host) -> Result<String, PveError> {
    let id_map: Vec<&str> = rendered.config.values("lxc.idmap").collect();
    let hostname = hostname(rendered.config.get("lxc.uts.name").unwrap_or(name));
    let rootfs = path(&rendered.rootfs, ",")?;
    let mut text = String::new();
    let mut line = |key: &str, value: &str| {
        let _ = writeln!(text, "{key}: {value}");
    };
    line("arch", host.arch);
    line("console", "0");
    line("hostname", &hostname);
    // What the bundle limits stands in the include, which comes later; Proxmox's own default of
    // 512 MiB each would be a limit that nobody asked for.
    line("memory", &host.memory.max(LEAST_MEMORY).to_string());
    line("ostype", "unmanaged");
    line("rootfs", &rootfs);
    line("swap", &host.swap.to_string());
    line("tty", "0");
    if !id_map.is_empty() {
        line("unprivileged", "1");
        if id_map != PROXMOX_ID_MAP {
            id_map.iter().for_each(|entry| line("lxc.idmap", entry));
        }
    }
    line("lxc.include", &path(include, "")?);
    Ok(text)
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

/// A path that can stand in a line of the configuration.
fn path(path: &Path, separators: &str) -> Result<String, PveError> {
    let refused = |c: char| c.is_control() || separators.contains(c);
    match path.to_str() {
        Some(text) if !text.contains(refused) && text == text.trim() => Ok(text.to_owned()),
        _ => Err(PveError::Path(path.to_owned())),
    }
}

/// A name that Proxmox takes for a DNS name: labels of letters, digits and dashes.
fn hostname(name: &str) -> String {
    let dashed: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(63).collect();
    let trimmed = dashed.trim_matches('-');
    if trimmed.is_empty() { "ct".to_owned() } else { trimmed.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_id_gives_a_dns_name() {
        for (id, name) in [("web", "web"), ("a_b+c.d", "a-b-c-d"), ("__", "ct"), ("-x-", "x")] {
            assert_eq!(hostname(id), name);
        }
        assert_eq!(hostname(&"x".repeat(128)).len(), 63);
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
