//! The root file system.

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
        let read_only = self.read_only.then_some("ro");
        let propagation = document.at("/linux/rootfsPropagation");
        let options: Vec<&str> = read_only.into_iter().chain(propagation.and_then(propagated)).collect();
        if !options.is_empty() {
            self.line(document, "lxc.rootfs.options", options.join(","));
        }
    }
}

/// The option that makes the root file system propagate as asked towards the host. To LXC every
/// mount is a slave of the host's unless told otherwise, and shared inside.
fn propagated(field: Field<'_, '_>) -> Option<&'static str> {
    match field.str()? {
        "" | "slave" | "rslave" => None,
        "private" => Some("private"),
        "rprivate" => Some("rprivate"),
        _ => {
            field.refuse("LXC makes the root file system a slave of the host's", "use slave or private");
            None
        }
    }
}
