//! Device nodes: the specification's default devices, and those of the bundle. nexcage-init makes
//! them in a tmpfs; elsewhere, and in a user namespace, the host's are bind-mounted.

use super::Draft;
use crate::field::Field;
use crate::rootfs::{Content, Mounted, Place, below};
use nexcage_handover::TaskBuf;
use rustix::fs::{FileType, Stat, major, minor, stat};
use std::ffi::CString;

const PTMX: &str = "dev/ptmx";

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

/// The mode of a node unless the bundle has another, as runc's.
const MODE: u32 = 0o666;

impl Draft<'_> {
    pub(super) fn devices(&mut self, document: Field<'_, '_>) {
        for field in document.at("/linux/devices").into_iter().flat_map(Field::elements) {
            self.device(field);
        }
        for (path, major, minor) in DEFAULTS {
            let device = Device { path, kind: FileType::CharacterDevice, major: *major, minor: *minor };
            let Some(place) = self.place(document, path) else { continue };
            if self.makes_at(&place.path) {
                // The bundle's own comes first.
                self.make(&device, &place.path, [MODE, 0, 0]);
            } else {
                self.node(document, path, &place, path);
            }
        }
    }

    fn place(&self, field: Field<'_, '_>, path: &str) -> Option<Place> {
        let place = self.tree.resolve(path);
        place.map_err(|lost| field.refuse(format!("{path}: {lost}"), "correct the path or the image")).ok()
    }

    /// Whether nexcage-init makes nodes here: not in the image, which is never written to, and not in
    /// a user namespace, where the kernel lets nobody.
    fn makes_at(&self, path: &str) -> bool {
        let over = self.tree.over(path).map(|mount| &mount.content);
        !self.maps_ids() && matches!(over, Some(Content::Fresh(fs_type)) if fs_type == "tmpfs")
    }

    /// Notes a node for nexcage-init; false if there is one at this path already.
    fn make(&mut self, device: &Device<'_>, path: &str, [mode, uid, gid]: [u32; 3]) -> bool {
        let Ok(name) = CString::new(format!("/{path}")) else { return false };
        let Device { kind, major, minor, .. } = *device;
        let mode = kind.as_raw_mode() | mode;
        let new = self.made.insert(path.to_owned());
        if new {
            self.tasks.push(TaskBuf::Node { path: name, mode, major, minor, uid, gid });
        }
        new
    }

    /// Binds a node of the host, unless the bundle mounts something of its own at or above it.
    fn node(&mut self, field: Field<'_, '_>, source: &str, place: &Place, path: &str) {
        if let Some(Mounted { target, content: Content::Bind(bound) }) = self.tree.over(&place.path) {
            let rest = below(&place.path, target).unwrap_or_default();
            let shown = if rest.is_empty() { bound.clone() } else { bound.join(rest) };
            if path == NULL && stat(&shown).is_ok_and(|node| !null().is(&node)) {
                // Measured: LXC makes its own stdin, stdout and stderr 0700 unless they are what the
                // container has there, and the host's /dev/null may be one of them. Where nothing is
                // there yet, it leaves them alone.
                field.refuse(NOT_NULL, "leave /dev/null alone");
            }
            return;
        }
        self.bind_node(field, source, place);
    }

    fn device(&mut self, field: Field<'_, '_>) {
        let Some(device) = Device::read(field) else { return };
        let Some(place) = self.place(field, device.path) else { return };
        let wanted = |key: &str| field.get(key).and_then(Field::u32);
        // Engines leave the type bits of the mode in.
        let (mode, uid, gid) = (wanted("fileMode").map(|mode| mode & 0o7777), wanted("uid"), wanted("gid"));
        if place.path == PTMX && self.makes_at(PTMX) {
            // Whatever the bundle says of it, it is the link into devpts, as under runc.
            return;
        } else if self.makes_at(&place.path) {
            let owner = [uid, gid].map(Option::unwrap_or_default);
            if !self.make(&device, &place.path, [mode.unwrap_or(MODE), owner[0], owner[1]]) {
                field.refuse("another device has this path", "remove one of them");
            }
            return;
        } else if device.kind == FileType::Fifo {
            return field
                .refuse("a FIFO cannot be bind-mounted", "put it into a tmpfs, without user namespace");
        }
        let Some((source, node)) = device.on_host() else {
            let (major, minor) = (device.major, device.minor);
            let reason = format!("the host has no such device {major}:{minor} that could be bind-mounted");
            return field.refuse(reason, "make the node on the host");
        };
        for (name, wanted, has) in
            [("fileMode", mode, node.st_mode & 0o7777), ("uid", uid, node.st_uid), ("gid", gid, node.st_gid)]
        {
            if wanted.is_some_and(|wanted| wanted != has) {
                let reason = format!("the host's {source} has another {name}, and is bind-mounted");
                field.get(name).unwrap_or(field).refuse(reason, "leave it out or change the host's node");
            }
        }
        self.node(field, &source, &place, device.path);
    }
}

impl<'d> Device<'d> {
    fn read(field: Field<'_, 'd>) -> Option<Self> {
        let path = field.text("path")?;
        let kind = match field.text("type")? {
            "c" | "u" => FileType::CharacterDevice,
            "b" => FileType::BlockDevice,
            "p" => FileType::Fifo,
            other => {
                field.refuse(format!("{other:?} is no type of a device"), "use c, b, u or p");
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
