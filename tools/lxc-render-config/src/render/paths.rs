//! Masked and read-only paths.

use super::Draft;
use crate::field::Field;
use crate::lxc_config::MountEntry;
use crate::rootfs::{Content, Kind, below};
use nexcage_setup::plan::Action;
use std::fs;
use std::path::Path;

/// Read-only: the container's root may otherwise change the mode of the host's node.
const FILE_MASK: MountEntry<'_> =
    MountEntry { source: "/dev/null", target: "", fs_type: "none", options: "bind,ro,optional" };
const DIRECTORY_MASK: MountEntry<'_> =
    MountEntry { source: "tmpfs", target: "", fs_type: "tmpfs", options: "ro,optional" };

impl Draft<'_> {
    pub(super) fn protected_paths(&mut self, document: Field<'_, '_>) {
        for field in document.at("/linux/readonlyPaths").into_iter().flat_map(Field::elements) {
            if let Some((path, _)) = self.protected(field) {
                let options = "rbind,ro,relative,optional";
                let entry = MountEntry { source: &path, target: &path, fs_type: "none", options };
                self.put(field, &path, entry.line().ok(), Action::ReadOnly);
            }
        }
        for field in document.at("/linux/maskedPaths").into_iter().flat_map(Field::elements) {
            let Some((path, kind)) = self.protected(field) else { continue };
            if !self.steps.is_empty() {
                self.put(field, &path, None, Action::Mask);
                continue;
            }
            // Where the kind is not known, the one of LXC's that fits will stick.
            for (mask, unfit) in [(FILE_MASK, Kind::Directory), (DIRECTORY_MASK, Kind::File)] {
                if kind != unfit {
                    let line = MountEntry { target: &path, ..mask }.line().ok();
                    self.put(field, &path, line, Action::Mask);
                }
            }
        }
    }

    fn protected(&self, field: Field<'_, '_>) -> Option<(String, Kind)> {
        let path = field.str().filter(|path| !path.is_empty())?;
        let place = match self.tree.resolve(path) {
            Ok(place) => place,
            Err(lost) => {
                field.refuse(lost.to_string(), "correct the path or the image");
                return None;
            }
        };
        if place.path.is_empty() {
            field.refuse("it leads to the root of the container", "use root.readonly");
            return None;
        }
        let kind = self.of_the_kernel(&place.path).unwrap_or(place.kind);
        Some((place.path, kind))
    }

    /// What a path in proc or sysfs is: on this kernel it is the same in every mount of them.
    fn of_the_kernel(&self, path: &str) -> Option<Kind> {
        let mount = self.tree.over(path)?;
        let host = match &mount.content {
            Content::Fresh(fs_type) if fs_type == "proc" => "/proc",
            Content::Fresh(fs_type) if fs_type == "sysfs" => "/sys",
            _ => return None,
        };
        let metadata = fs::symlink_metadata(Path::new(host).join(below(path, &mount.target)?)).ok()?;
        Some(if metadata.is_dir() { Kind::Directory } else { Kind::File })
    }
}
