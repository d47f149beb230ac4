//! What is known when a container is made and needed later, by a successor too.

use crate::error::Error;
use crate::handover::program_of;
use crate::hooks::{HookRunner, identity};
use crate::work::Site;
use lxc_render_config::{Hooks, Image, Listener, Rendered};
use nexcage_configuration::ExitSource;
use nexcage_record::{ContainerDir, Record};
use nexcage_setup::plan::{Hook, Identity};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

const FILE: &str = "later.json";

/// The parts of a rendered bundle that come after its creation.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Later {
    pub(crate) oci_version: String,
    /// argv[0], for messages.
    pub(crate) program: String,
    /// nexcage-setup, if the bundle needs it.
    setup: Option<PathBuf>,
    start_container: Vec<Hook>,
    poststart: Vec<Hook>,
    poststop: Vec<Hook>,
    pub(crate) identity: Identity,
    /// Path and metadata of who is asked about system calls.
    listener: Option<(PathBuf, Option<String>)>,
    /// User and group of the container's root on the host.
    pub(crate) root: (u32, u32),
    /// nexcage-init, and device and number of its file.
    pub(crate) init: PathBuf,
    pub(crate) init_file: (u64, u64),
    /// Whether the root file system is one that the bundle does not have.
    elsewhere: bool,
    limit_ms: u64,
    /// By its name.
    exit_source: String,
}

impl Later {
    pub(crate) fn of(
        site: &Site,
        rendered: &Rendered,
        setup: Option<&Path>,
        init: &Path,
        image: Image,
    ) -> Result<Self, Error> {
        let file = fs::metadata(init).map_err(Error::system(format!("look at {}", init.display())))?;
        let hooks = &rendered.hooks;
        let listener = rendered.seccomp.as_ref().and_then(|policy| policy.listener.as_ref());
        Ok(Later {
            oci_version: rendered.oci_version.clone(),
            program: program_of(&rendered.process),
            setup: setup.map(Path::to_owned),
            start_container: hooks.start_container.clone(),
            poststart: hooks.poststart.clone(),
            poststop: hooks.poststop.clone(),
            identity: identity(&rendered.process),
            listener: listener.map(|listener| (listener.path.clone(), listener.metadata.clone())),
            root: (rendered.host_root.uid, rendered.host_root.gid),
            init: init.to_owned(),
            init_file: (file.dev(), file.ino()),
            elsewhere: image == Image::Elsewhere,
            limit_ms: u64::try_from(site.limit.as_millis()).unwrap_or(u64::MAX),
            exit_source: site.exit_source.name().to_owned(),
        })
    }

    /// Where the image is.
    pub(crate) fn image(&self) -> Image {
        if self.elsewhere { Image::Elsewhere } else { Image::Bundle }
    }

    /// See [`Site::limit`].
    pub(crate) fn limit(&self) -> Duration {
        Duration::from_millis(self.limit_ms)
    }

    /// See [`Site::exit_source`].
    pub(crate) fn exit_source(&self) -> ExitSource {
        let named = ExitSource::NAMES.iter().find(|(name, _)| *name == self.exit_source);
        named.map_or(ExitSource::Auto, |(_, source)| *source)
    }

    pub(crate) fn write(&self, dir: &ContainerDir) -> Result<(), Error> {
        let path = dir.path().join(FILE);
        let text = serde_json::to_vec(self).map_err(io::Error::from);
        text.and_then(|text| fs::write(&path, text))
            .map_err(Error::system(format!("write {}", path.display())))
    }

    pub(crate) fn read(dir: &ContainerDir) -> Result<Self, Error> {
        let path = dir.path().join(FILE);
        fs::read(&path)
            .and_then(|text| serde_json::from_slice(&text).map_err(io::Error::from))
            .map_err(Error::system(format!("read {}", path.display())))
    }

    /// The hooks that are still to come.
    pub(crate) fn hooks(&self, record: &Record) -> HookRunner {
        let hooks = Hooks {
            start_container: self.start_container.clone(),
            poststart: self.poststart.clone(),
            poststop: self.poststop.clone(),
            ..Hooks::default()
        };
        HookRunner::new(hooks, &self.oci_version, record, self.setup.as_deref())
    }

    pub(crate) fn listener(&self) -> Option<Listener> {
        let (path, metadata) = self.listener.clone()?;
        Some(Listener { path, metadata })
    }
}
