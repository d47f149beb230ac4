//! Which storage takes what, before anything is put there.

use super::unfit::Unfit;
use lxc_render_config::pve::Template;
use pve_schema::{Storage, storages};
use std::fs;
use std::path::PathBuf;

/// The content of a storage that may have root file systems.
pub(super) const ROOTFS: &str = "rootdir";
/// The content of one that may have templates.
const TEMPLATES: &str = "vztmpl";

/// The storages of a cluster, as seen from this node.
#[derive(Debug)]
pub(super) struct Storages {
    all: Vec<Storage>,
    node: String,
}

impl Storages {
    pub(super) fn read(paths: &nexcage_configuration::Pct) -> Self {
        // Without the file there is the one that is always there.
        let text = fs::read_to_string(paths.storages()).unwrap_or_default();
        let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let node = name.split('.').next().unwrap_or_default().to_owned();
        Storages { all: storages(&text), node }
    }

    /// A storage that takes this content here.
    pub(super) fn taking(&self, content: &'static str, name: &str) -> Result<&Storage, Unfit> {
        let storage = name.to_owned();
        let others = || {
            let fit = self.all.iter().filter(|storage| storage.takes(content) && storage.serves(&self.node));
            fit.map(|storage| storage.name.clone()).collect()
        };
        let found = self.all.iter().find(|storage| storage.name == name);
        match found {
            None => Err(Unfit::NoStorage { storage, others: others() }),
            Some(found) if !found.takes(content) => {
                let takes = found.content().to_owned();
                Err(Unfit::Refuses { storage, content, takes, others: others() })
            }
            Some(found) if !found.serves(&self.node) => Err(Unfit::NotHere { storage }),
            Some(found) => Ok(found),
        }
    }

    /// Where a template is.
    pub(super) fn template(&self, template: &Template) -> Result<PathBuf, Unfit> {
        match template {
            Template::Path(path) => Ok(path.clone()),
            Template::Volume { storage, name } => {
                let found = self.taking(TEMPLATES, storage)?;
                let no_directory =
                    || Unfit::NoDirectory { storage: storage.clone(), kind: found.kind.clone() };
                Ok(found.templates().ok_or_else(no_directory)?.join(name))
            }
        }
    }
}
