//! Device nodes: the specification's default devices, and those of the bundle.

use super::Draft;
use super::mounts::Create;
use crate::field::Field;
use crate::lxc_config::MountEntry;
use crate::rootfs::{Content, Mounted, below};
use rustix::fs::{FileType, Stat, major, minor, stat};

/// The default devices with their numbers (config-linux.md, Default Devices). The pts and ptmx are
/// devpts's, the console is a terminal's.
const DEFAULTS: &[(&str, u32, u32)] = &[
    ("/dev/null", 1, 3),
    ("/dev/zero", 1, 5),
    ("/dev/full", 1, 7),
    ("/dev/random", 1, 8),
    ("/dev/urandom", 1, 9),
    ("/dev/tty", 5, 0),
];

const NULL: &str = "/dev/null";
const NOT_NULL: &str = "/dev/null would be something else in the container, and LXC would then take away \
    everybody's right to use the host's";

/// The null device.
fn null() -> Device<'static> {
    Device { path: NULL, kind: FileType::CharacterDevice, major: 1, minor: 3 }
}

/// A device as the bundle describes it.
struct Device<'d> {
    path: &'d str,
    kind: FileType,
    major: u32,
    minor: u32,
}

impl Draft<'_> {
    pub(super) fn devices(&mut self, document: Field<'_, '_>) {
        for field in document.at("/linux/devices").into_iter().flat_map(Field::elements) {
            self.device(field);
        }
        for (path, ..) in DEFAULTS {
            self.node(document, path, path);
        }
    }

    /// Binds a node of the host, unless the bundle mounts something of its own at or above it.
    fn node(&mut self, field: Field<'_, '_>, source: &str, path: &str) {
        let place = match self.tree.resolve(path) {
            Ok(place) => place,
            Err(lost) => return field.refuse(format!("{path}: {lost}"), "correct the path or the image"),
        };
        if let Some(Mounted { target, content: Content::Bind(bound) }) = self.tree.over(&place.path) {
            let rest = below(&place.path, target).unwrap_or_default();
            let shown = if rest.is_empty() { bound.clone() } else { bound.join(rest) };
            if path == NULL && stat(&shown).is_ok_and(|node| !null().is(&node)) {
                // Measured: LXC makes its own stdin, stdout and stderr 0700 unless they are what the
                // container has there, and the host's /dev/null may be one of them.
                field.refuse(NOT_NULL, "leave /dev/null alone");
            }
            return;
        }
        let entry = MountEntry { source, target: &place.path, fs_type: "none", options: "bind,create=file" };
        self.entry(field, &entry);
        self.need(&place, Create::File);
        self.tree.mount(&place.path, Content::Bind(source.into()));
    }

    fn device(&mut self, field: Field<'_, '_>) {
        let Some(device) = Device::read(field) else { return };
        let Some((source, node)) = device.on_host() else {
            let (major, minor) = (device.major, device.minor);
            let reason = format!("the host has no such device {major}:{minor} that could be bind-mounted");
            return field.refuse(reason, "make the node on the host");
        };
        let wanted = |key: &str| field.get(key).and_then(Field::u32);
        // Engines leave the type bits of the mode in.
        let mode = wanted("fileMode").map(|mode| mode & 0o7777);
        for (name, wanted, has) in [
            ("fileMode", mode, node.st_mode & 0o7777),
            ("uid", wanted("uid"), node.st_uid),
            ("gid", wanted("gid"), node.st_gid),
        ] {
            if wanted.is_some_and(|wanted| wanted != has) {
                let reason = format!("the host's {source} has another {name}, and is bind-mounted");
                field.get(name).unwrap_or(field).refuse(reason, "leave it out or change the host's node");
            }
        }
        self.node(field, &source, device.path);
    }
}

impl<'d> Device<'d> {
    fn read(field: Field<'_, 'd>) -> Option<Self> {
        let path = field.text("path")?;
        let kind = match field.text("type")? {
            "c" | "u" => FileType::CharacterDevice,
            "b" => FileType::BlockDevice,
            _ => {
                field.refuse("only character and block devices can be bind-mounted", "remove the device");
                return None;
            }
        };
        let number = |key: &str| field.get(key).and_then(Field::u32).unwrap_or_default();
        Some(Device { path, kind, major: number("major"), minor: number("minor") })
    }

    /// A node of the host that is this device: at the same path, where udev keeps them by number,
    /// or a default device.
    fn on_host(&self) -> Option<(String, Stat)> {
        let Device { path, kind, major, minor } = *self;
        let class = if kind == FileType::BlockDevice { "block" } else { "char" };
        let default = DEFAULTS.iter().find(|default| (default.1, default.2) == (major, minor));
        let candidates = [
            Some(path.to_owned()),
            default.map(|d| d.0.to_owned()),
            Some(format!("/dev/{class}/{major}:{minor}")),
        ];
        candidates.into_iter().flatten().filter(|path| path.starts_with('/')).find_map(|path| {
            let node = stat(path.as_str()).ok()?;
            self.is(&node).then_some((path, node))
        })
    }

    fn is(&self, node: &Stat) -> bool {
        FileType::from_raw_mode(node.st_mode) == self.kind
            && (major(node.st_rdev), minor(node.st_rdev)) == (self.major, self.minor)
    }
}
