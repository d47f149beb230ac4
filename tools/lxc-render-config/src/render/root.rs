//! The root file system.

use super::mount_options::propagation;
use super::{Draft, absolute, utf8};
use crate::RenderError;
use crate::field::Field;
use crate::rootfs::Tree;
use bundle_validate::Bundle;
use std::path::PathBuf;

/// Where the root file system is.
pub(super) struct Root<'r, 'd> {
    field: Field<'r, 'd>,
    /// Absolute; without symbolic links once it was opened.
    pub(super) path: PathBuf,
}

/// Reads `root.path`; what is wrong with it is refused.
pub(super) fn find<'r, 'd>(document: Field<'r, 'd>, bundle: &Bundle) -> Option<Root<'r, 'd>> {
    let field = document.at("/root/path").unwrap_or(document);
    let Some(text) = field.str() else {
        field.refuse("there is no path of a root file system", "give root.path");
        return None;
    };
    let path = absolute(bundle, field, text)?;
    let path = std::fs::canonicalize(&path).unwrap_or(path);
    Some(Root { field, path })
}

pub(super) fn open(root: &Root<'_, '_>) -> Result<Tree, RenderError> {
    Tree::open(&root.path).map_err(|source| RenderError::Rootfs { path: root.path.clone(), source })
}

impl Draft<'_> {
    pub(super) fn root(&mut self, document: Field<'_, '_>, root: &Root<'_, '_>) {
        if let Some(path) = utf8(root.field, &root.path) {
            // Without the prefix LXC would take what stands before a colon for a kind of storage.
            self.line(root.field, "lxc.rootfs.path", format!("dir:{path}"));
        }
        self.read_only = document.at("/root/readonly").and_then(Field::bool) == Some(true);
        if self.read_only {
            self.line(document, "lxc.rootfs.options", "ro");
        }
        if let Some(field) = document.at("/linux/rootfsPropagation") {
            if !field.str().is_some_and(|text| text.is_empty() || propagation(text).is_some()) {
                field.refuse("this is no propagation", "use shared, slave, private or unbindable");
            }
        }
    }
}
