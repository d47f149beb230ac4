//! Where nexcage-init is mounted, as `lxc.init.cmd`.

use super::Draft;
use crate::field::Field;
use crate::rootfs::{Content, Kind, below};
use crate::wire::DEV_DIR;
use std::fs;

/// Directories that belong to the kernel's file systems.
const NEVER: &[&str] = &["dev", "proc", "sys"];

const NO_PLACE: &str = "there is no place for nexcage-init: no tmpfs is mounted on /dev, and the image has no \
    plain directory that no mount touches";

impl Draft<'_> {
    /// In a file system over /dev there is a directory of its own; otherwise a directory of the
    /// image is covered until nexcage-init detaches itself. Nothing is written into the image.
    pub(super) fn init(&mut self, document: Field<'_, '_>) {
        let dir = if self.has_fresh_dev() { Some(DEV_DIR.to_owned()) } else { self.spare_directory() };
        let Some(dir) = dir else {
            return document.refuse(NO_PLACE, "mount a tmpfs on /dev");
        };
        self.line(document, "lxc.init.cmd", format!("{dir}/{}", nexcage_handover::INIT_NAME));
    }

    pub(super) fn has_fresh_dev(&self) -> bool {
        let over = self.tree.over(DEV_DIR.trim_start_matches('/'));
        over.is_some_and(|mount| {
            mount.target == "dev" && matches!(&mount.content, Content::Fresh(fs_type) if fs_type == "tmpfs")
        })
    }

    fn spare_directory(&self) -> Option<String> {
        let root = self.config.get("lxc.rootfs.path")?.strip_prefix("dir:")?;
        let entries = fs::read_dir(root).ok()?.flatten();
        let mut names: Vec<String> =
            entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        let name = names.into_iter().find(|name| self.is_spare(name))?;
        Some(format!("/{name}"))
    }

    fn is_spare(&self, name: &str) -> bool {
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        let touched = self.tree.mounts().iter().any(|mount| below(&mount.target, name).is_some());
        let directory =
            || self.tree.resolve(name).is_ok_and(|place| place.kind == Kind::Directory && place.path == name);
        plain && !NEVER.contains(&name) && !touched && directory()
    }
}
