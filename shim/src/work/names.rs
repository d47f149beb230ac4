//! resolv.conf and hosts of a CT that has a network and whose bundle brings none: Proxmox writes them for
//! managed CTs alone.

use crate::error::Error;
use bundle_validate::Bundle;
use bundle_validate::json::Node;
use lxc_render_config::pve::Wishes;
use nexcage_record::ContainerDir;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;

/// What the host itself resolves names by, the first that names a server which others reach too.
const HOSTS_OWN: [&str; 2] = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];

/// The address of one's own name where no other is known, as Debian has it.
const NOT_KNOWN: &str = "127.0.1.1";

/// The bundle with mounts of such files, which are written into the container's directory; they belong to
/// the container's root, which may change them. A bundle stays as it is if it mounts anything on their
/// places or on /etc, or if the CT's networks have neither a fixed address nor a name server: then whoever brings
/// the network up knows the servers.
pub(crate) fn provide(
    bundle: Bundle,
    configured: &BTreeMap<String, String>,
    (id, dir): (&str, &ContainerDir),
) -> Result<Bundle, Error> {
    let root = bundle.document().root();
    let texts = root.get("annotations").into_iter().flat_map(|annotations| annotations.members());
    let texts =
        texts.filter_map(|member| Some((member.value.key()?.to_owned(), member.value.as_str()?.to_owned())));
    let wishes = Wishes::read(configured, &texts.collect()).map_err(Box::new)?;
    let is_known = wishes.address().is_some() || wishes.get("nameserver").is_some();
    if !is_known || !wishes.has_networks() || !has_network(root) {
        return Ok(bundle);
    }
    let address = wishes.address().unwrap_or_else(|| NOT_KNOWN.to_owned());
    let name = root.get("hostname").and_then(|name| name.as_str()).unwrap_or(id);
    let mut mounts = Vec::new();
    for (file, text) in [("resolv.conf", resolv_conf(&wishes)), ("hosts", hosts(&address, name))] {
        let destination = format!("/etc/{file}");
        if mounts_on(root, &destination) {
            continue;
        }
        let path = dir.path().join(file);
        write(&path, &text, container_root(root))
            .map_err(Error::system(format!("write {}", path.display())))?;
        mounts
            .push(json!({ "destination": destination, "type": "bind", "source": path, "options": ["bind"] }));
    }
    if mounts.is_empty() {
        return Ok(bundle);
    }
    let text = with_mounts(bundle.document().text(), &mounts)
        .map_err(Error::system("give the bundle a resolv.conf"))?;
    let directory = bundle.directory().unwrap_or(Path::new("."));
    Ok(Bundle::with_document(directory, &text).map_err(Box::new)?)
}

fn has_network(root: Node<'_>) -> bool {
    let list = root.at("/linux/namespaces");
    let mut namespaces = list.into_iter().flat_map(|list| list.elements());
    namespaces.any(|namespace| {
        let is = |key: &str, value| namespace.get(key).and_then(|text| text.as_str()) == value;
        is("type", Some("network")) && is("path", None)
    })
}

fn mounts_on(root: Node<'_>, place: &str) -> bool {
    let list = root.get("mounts");
    let mut mounts = list.into_iter().flat_map(|list| list.elements());
    mounts.any(|mount| {
        let destination = mount.get("destination").and_then(|text| text.as_str());
        destination.is_some_and(|destination| {
            let destination = destination.trim_end_matches('/');
            destination == place || destination == "/etc"
        })
    })
}

/// Whom id 0 of the container is on the host.
fn container_root(root: Node<'_>) -> (u32, u32) {
    let host = |key: &str| {
        let ranges = root.at(&format!("/linux/{key}"))?;
        let mut ranges = ranges.elements();
        let range = ranges.find(|range| range.get("containerID").and_then(|id| id.as_u64()) == Some(0))?;
        range.get("hostID")?.as_u64()?.try_into().ok()
    };
    (host("uidMappings").unwrap_or(0), host("gidMappings").unwrap_or(0))
}

fn write(path: &Path, text: &str, (user, group): (u32, u32)) -> io::Result<()> {
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644))?;
    chown(path, Some(user), Some(group))
}

fn resolv_conf(wishes: &Wishes) -> String {
    let servers = wishes.get("nameserver").map(|list| list.replace([',', ';'], " "));
    let search = wishes.get("searchdomain").map(|list| list.replace([',', ';'], " "));
    let hosts = HOSTS_OWN.iter().filter_map(|path| fs::read_to_string(path).ok());
    let hosts =
        hosts.map(|text| reachable(&text)).find(|text| text.contains("nameserver")).unwrap_or_default();
    let mut text = match servers {
        Some(servers) => servers.split_whitespace().map(|server| format!("nameserver {server}\n")).collect(),
        None => hosts,
    };
    if let Some(search) = search {
        let others = text.lines().filter(|line| !line.starts_with("search ") && !line.starts_with("domain "));
        text = others.map(|line| format!("{line}\n")).collect();
        text.push_str(&format!("search {search}\n"));
    }
    text
}

/// The host's settings without servers of its loopback device, which nobody else reaches.
fn reachable(text: &str) -> String {
    let is_own = |line: &str| {
        let server = line.strip_prefix("nameserver").map(str::trim);
        server.is_some_and(|server| server.starts_with("127.") || server == "::1")
    };
    let is_said = |line: &&str| !is_own(line) && !line.is_empty() && !line.starts_with(['#', ';']);
    text.lines().map(str::trim).filter(is_said).map(|line| format!("{line}\n")).collect()
}

fn hosts(address: &str, name: &str) -> String {
    format!("127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n{address} {name}\n")
}

fn with_mounts(document: &str, mounts: &[Value]) -> io::Result<Vec<u8>> {
    let mut document: Value = serde_json::from_str(document)?;
    if let Some(document) = document.as_object_mut() {
        let list = document.entry("mounts").or_insert_with(|| json!([]));
        list.as_array_mut().into_iter().for_each(|list| list.extend_from_slice(mounts));
    }
    Ok(serde_json::to_vec(&document)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_of_the_host_s_loopback_is_left_out() {
        let text = "# by hand\nnameserver 127.0.0.53\nnameserver 10.0.0.1\nsearch a.b\noptions edns0\n";
        assert_eq!(reachable(text), "nameserver 10.0.0.1\nsearch a.b\noptions edns0\n");
    }

    #[test]
    fn what_is_asked_for_replaces_the_host_s() {
        let wishes = [("nameserver", "10.0.0.9 fd00::9"), ("searchdomain", "example.org")];
        let wishes = wishes.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let wishes = Wishes::read(&wishes, &BTreeMap::new()).unwrap();
        let expected = "nameserver 10.0.0.9\nnameserver fd00::9\nsearch example.org\n";
        assert_eq!(resolv_conf(&wishes), expected);
    }
}
