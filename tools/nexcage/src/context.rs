//! What holds for every verb: where containers are, and how their shims are reached.

use crate::error::Error;
use nexcage_configuration::{Configuration, Origin, Setting};
use nexcage_launch::{Launcher, Verbosity};
use nexcage_record::{ContainerDir, ContainerId, Namespace, Root};
use std::path::PathBuf;

/// Global options as typed. A verb reads its own before it makes a [`Context`] of these: help and
/// usage errors do not depend on a configuration.
#[derive(Debug, Default)]
pub(crate) struct Global {
    pub(crate) root: Option<PathBuf>,
    pub(crate) namespace: Namespace,
    pub(crate) config: Option<PathBuf>,
    pub(crate) verbosity: Verbosity,
}

/// The global options and the configuration, put together.
#[derive(Debug)]
pub(crate) struct Context {
    /// What the administrator and the command line say.
    pub(crate) configuration: Configuration,
    /// Where containers keep their state.
    pub(crate) root: Root,
    /// Whose ids are meant.
    pub(crate) namespace: Namespace,
    /// The way to shims.
    pub(crate) launcher: Launcher,
}

/// A container that is named on the command line, whether it exists or not.
#[derive(Debug, Clone)]
pub(crate) struct Container {
    pub(crate) id: ContainerId,
    pub(crate) dir: ContainerDir,
}

impl Global {
    /// Reads the configuration.
    ///
    /// # Errors
    /// It is wrong, and nothing runs.
    pub(crate) fn context(self) -> Result<Context, Error> {
        let mut configuration = Configuration::read(self.config.as_deref())?;
        if let Some(root) = self.root {
            configuration.set(Setting::Root(root), Origin::Option("--root"));
        }
        let root = Root::new(&configuration.root)?;
        let file = configuration.file().map(ToOwned::to_owned);
        let launcher = Launcher { configuration: file, verbosity: self.verbosity };
        Ok(Context { configuration, root, namespace: self.namespace, launcher })
    }
}

impl Context {
    /// The container of this id.
    pub(crate) fn container(&self, id: ContainerId) -> Container {
        let dir = self.root.container(&self.namespace, &id);
        Container { id, dir }
    }
}

impl Container {
    /// Whether anything of it exists.
    pub(crate) fn exists(&self) -> bool {
        self.dir.path().symlink_metadata().is_ok()
    }
}
