//! What annotations and the administrator's configuration ask of a CT beside its bundle: networks,
//! volumes, features, tags. Proxmox's own schema judges them before anything is made.

use super::disk::{STORAGE, TEMPLATE};
use super::{Disk, PveError, Template};
use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};

/// What annotations for a CT begin with.
pub const ANNOTATION: &str = "org.nexcage.pve.";
/// Where the administrator's configuration has them.
pub const CONFIGURATION: &str = "/pct/ct/";
/// Keys that may be asked for, a number in the place of `N`.
pub const KEYS: &[&str] = &[
    "netN",
    "mpN",
    "features",
    "tags",
    "nameserver",
    "searchdomain",
    "startup",
    "protection",
    "hookscript",
    "ostype",
    TEMPLATE,
    STORAGE,
];
/// Those that are no keys of a CT's configuration, or stand there anyway.
const APART: [&str; 3] = ["ostype", TEMPLATE, STORAGE];
/// Proxmox leaves the files of such a CT alone.
const UNMANAGED: &str = "unmanaged";
const TAGS: &str = "tags";
/// The tag that every CT has.
const TAG: &str = "nexcage";
/// The first half of Proxmox's hardware addresses.
const PROXMOX: &str = "BC:24:11";
/// Takes back what the configuration asks for.
const NOTHING: &str = "none";

/// Checked options of a CT by their keys.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wishes(BTreeMap<String, String>);

impl Wishes {
    /// Reads the configuration's, and the annotations that add to them or replace them. Tags add up.
    ///
    /// # Errors
    /// A key that is none, or a value that Proxmox would refuse; it says where it stands.
    pub fn read(
        configured: &BTreeMap<String, String>,
        annotations: &BTreeMap<String, String>,
    ) -> Result<Self, PveError> {
        let mut wishes = Wishes(BTreeMap::from([(TAGS.to_owned(), TAG.to_owned())]));
        for (key, value) in configured {
            wishes.add(CONFIGURATION, key, value)?;
        }
        for (key, value) in annotations {
            if let Some(key) = key.strip_prefix(ANNOTATION) {
                wishes.add("/annotations/org.nexcage.pve.", key, value)?;
            }
        }
        Ok(wishes)
    }

    /// What is asked for by this key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Whether networks are asked for.
    #[must_use]
    pub fn has_networks(&self) -> bool {
        !self.networks().is_empty()
    }

    /// The first fixed address of the networks, without its prefix length.
    #[must_use]
    pub fn address(&self) -> Option<String> {
        let networks = self.networks();
        let mut addresses = networks.iter().flat_map(|(_, network)| [network.get("ip"), network.get("ip6")]);
        addresses.find_map(|address| address?.split_once('/').map(|(address, _)| address.to_owned()))
    }

    /// Adds what a command line asks for, by the names of its options.
    ///
    /// # Errors
    /// As [`Wishes::read`].
    pub fn and_typed(mut self, options: &BTreeMap<String, String>) -> Result<Self, PveError> {
        options.iter().try_for_each(|(key, value)| self.add("--", key, value))?;
        Ok(self)
    }

    fn add(&mut self, place: &str, key: &str, value: &str) -> Result<(), PveError> {
        if value == NOTHING && is_key(key) {
            self.0.remove(key);
            if key == TAGS {
                self.0.insert(key.to_owned(), TAG.to_owned());
            }
            return Ok(());
        }
        let value =
            check(key, value).map_err(|why| PveError::Wish { place: format!("{place}{key}"), why })?;
        match self.0.get_mut(key).filter(|_| key == TAGS) {
            Some(tags) => {
                for tag in value.split([';', ',', ' ']).filter(|tag| !tag.is_empty()) {
                    if !tags.split(';').any(|known| known == tag) {
                        tags.push_str(&format!(";{tag}"));
                    }
                }
            }
            None => drop(self.0.insert(key.to_owned(), value)),
        }
        Ok(())
    }

    /// The archive that takes the place of the bundle's root file system.
    #[must_use]
    pub fn template(&self) -> Option<Template> {
        self.0.get(TEMPLATE).and_then(|text| Template::parse(text).ok())
    }

    /// Where the root file system is to be.
    #[must_use]
    pub fn disk(&self) -> Option<Disk> {
        self.0.get(STORAGE).and_then(|text| Disk::parse(text).ok())
    }

    /// What Proxmox takes the image for.
    #[must_use]
    pub fn ostype(&self) -> &str {
        self.0.get("ostype").map_or(UNMANAGED, String::as_str)
    }

    /// Key and value of each.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        all.filter(|(key, _)| !APART.contains(key))
    }

    /// The networks by their numbers.
    pub(super) fn networks(&self) -> Vec<(u8, BTreeMap<&str, &str>)> {
        let networks = self.0.iter().filter_map(|(key, value)| {
            let number = key.strip_prefix("net")?.parse().ok()?;
            Some((number, value.split(',').filter_map(|part| part.split_once('=')).collect()))
        });
        networks.collect()
    }

    /// Networks without a hardware address get one, as pct gives them: the firewall filters by it.
    pub(super) fn with_hardware_addresses(mut self) -> Self {
        for (_, value) in self.0.iter_mut().filter(|(key, _)| family(key) == "netN") {
            if !value.split(',').any(|part| part.starts_with("hwaddr=")) {
                let [a, b, c, ..] = RandomState::new().build_hasher().finish().to_ne_bytes();
                value.push_str(&format!(",hwaddr={PROXMOX}:{a:02X}:{b:02X}:{c:02X}"));
            }
        }
        self
    }

    pub(super) fn without_networks(mut self) -> Self {
        self.0.retain(|key, _| family(key) != "netN");
        self
    }
}

/// The key with an `N` for its number.
fn family(key: &str) -> String {
    let name = key.trim_end_matches(|c: char| c.is_ascii_digit());
    if name.len() < key.len() { format!("{name}N") } else { key.to_owned() }
}

fn is_key(key: &str) -> bool {
    let is_known = APART.contains(&key) || pve_schema::conf_option(key).is_some();
    is_known && KEYS.contains(&&*family(key))
}

/// A value as Proxmox keeps it, or why it takes none such.
fn check(key: &str, value: &str) -> Result<String, String> {
    if key == "onboot" {
        return Err("a container ends with the node, which has nothing to start of it at the next boot; who made it makes it again".to_owned());
    }
    if family(key) == "devN" {
        return Err("a CT of nexcage has its bundle's devices alone; list it in linux.devices, and allow it in linux.resources.devices".to_owned());
    }
    if !is_key(key) {
        return Err(format!("no option that may be asked for; there are {}", KEYS.join(", ")));
    }
    if value.contains(|c: char| c.is_control()) || value != value.trim() || value.is_empty() {
        return Err("a value with control characters or outer blanks, or none at all".to_owned());
    }
    let kind = match key {
        TEMPLATE => return Template::parse(value).map(|template| template.to_string()),
        STORAGE => return Disk::parse(value).map(|disk| disk.to_string()),
        _ => pve_schema::conf_option(key).ok_or("no option")?,
    };
    let switch = matches!(kind, pve_schema::Kind::Boolean).then(|| pve_schema::boolean(value)).flatten();
    let value = switch.unwrap_or(value);
    kind.verify(key, value).map_err(|why| why.trim_end().replace('\n', ": "))?;
    Ok(value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(configured: &[(&str, &str)], annotated: &[(&str, &str)]) -> Result<Wishes, PveError> {
        let own = |pairs: &[(&str, &str)], prefix: &str| {
            pairs.iter().map(|(key, value)| (format!("{prefix}{key}"), (*value).to_owned())).collect()
        };
        Wishes::read(&own(configured, ""), &own(annotated, ANNOTATION))
    }

    #[test]
    fn annotations_replace_what_is_configured_and_tags_add_up() {
        let net = "name=eth0,bridge=vmbr0,ip=dhcp,tag=7,trunks=1;2,firewall=1,mtu=1400,rate=2.5,link_down=0";
        let wishes = read(
            &[("net0", net), ("net1", "name=b"), ("tags", "prod"), ("protection", "yes")],
            &[("net1", "none"), ("tags", "a;prod;b")],
        );
        let wishes = wishes.unwrap();
        assert_eq!(
            wishes.iter().collect::<Vec<_>>(),
            [("net0", net), ("protection", "1"), ("tags", "nexcage;prod;a;b")]
        );
        assert_eq!(wishes.networks()[0].1["bridge"], "vmbr0");
        assert_eq!(wishes.without_networks().networks(), []);
    }

    #[test]
    fn a_root_file_system_on_a_storage_is_no_key_of_a_configuration() {
        let template = "local:vztmpl/a.tar.zst";
        let wishes = read(&[("rootfs-storage", "local:0"), ("ostype", "debian")], &[("template", template)]);
        let typed = BTreeMap::from([("rootfs-storage".to_owned(), "fast:8".to_owned())]);
        let wishes = wishes.unwrap().and_typed(&typed).unwrap();
        assert_eq!(wishes.iter().collect::<Vec<_>>(), [("tags", "nexcage")]);
        assert_eq!(wishes.template().unwrap().to_string(), template);
        assert_eq!((wishes.disk().unwrap().to_string().as_str(), wishes.ostype()), ("fast:8", "debian"));
        let typed = BTreeMap::from([("rootfs-storage".to_owned(), "none".to_owned())]);
        assert_eq!(wishes.clone().and_typed(&typed).unwrap().disk(), None);
        let typed = BTreeMap::from([("template".to_owned(), "debian".to_owned())]);
        let error = wishes.and_typed(&typed).unwrap_err().to_string();
        assert_eq!(error, "--template: neither STORAGE:vztmpl/NAME nor an absolute path");
    }

    #[test]
    fn a_network_has_a_hardware_address_of_its_own() {
        let wishes = read(&[("net0", "name=a"), ("net1", "name=b,hwaddr=BC:24:11:00:00:01")], &[]).unwrap();
        let [other, again] = [(); 2].map(|()| wishes.clone().with_hardware_addresses());
        let address = |wishes: &Wishes, number: usize| wishes.networks()[number].1["hwaddr"].to_owned();
        assert!(address(&other, 0).starts_with("BC:24:11:") && address(&other, 0) != address(&again, 0));
        assert_eq!(address(&other, 1), "BC:24:11:00:00:01");
        assert!(other.iter().all(|(key, value)| check(key, value).is_ok()), "{other:?}");
    }

    #[test]
    fn what_proxmox_would_refuse_is_refused_with_its_place() {
        for (key, value, words) in [
            ("net0", "bridge=vmbr0", "net0.name: property is missing"),
            ("net0", "name=e,ip=1.2.3.4", "IPv4 network configuration"),
            ("net0", "name=e,tag=4095", "maximum value of 4094"),
            ("net0", "name=e,mtu=63", "minimum value of 64"),
            ("net32", "name=e", "no option"),
            ("dev0", "/dev/fuse", "list it in linux.devices"),
            ("memory", "5", "no option"),
            ("lxc.include", "/x", "no option"),
            ("hookscript", "a:b\nlxc.include: /x", "control characters"),
            ("tags", "a b!", "invalid characters in tag"),
            ("protection", "2", "boolean"),
            ("onboot", "1", "nothing to start"),
        ] {
            for (configured, annotated, place) in [
                (&[(key, value)][..], &[][..], CONFIGURATION),
                (&[][..], &[(key, value)][..], "/annotations/org.nexcage.pve."),
            ] {
                let error = read(configured, annotated).unwrap_err().to_string();
                assert!(error.contains(&format!("{place}{key}")) && error.contains(words), "{error}");
            }
        }
    }
}
