//! Bundles, written from a few fluent words.

use crate::rootfs;
use oci_spec::runtime::{
    Capabilities, LinuxCapabilities, LinuxCapabilitiesBuilder, LinuxIdMapping, LinuxIdMappingBuilder,
    LinuxNamespaceBuilder, LinuxNamespaceType, MountBuilder, Process, Root, Spec,
};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A bundle on disk.
#[derive(Debug, Clone)]
pub struct Bundle(PathBuf);

impl Bundle {
    /// Makes a bundle in a new directory: a busybox root file system and `config`.
    ///
    /// # Errors
    /// The directory exists, cannot be written, or there is no static busybox.
    pub fn make(path: &Path, config: &Config) -> io::Result<Self> {
        fs::create_dir(path)?;
        rootfs::populate(&path.join("rootfs"))?;
        let bundle = Bundle(path.to_owned());
        bundle.configure(config)?;
        Ok(bundle)
    }

    /// Replaces config.json.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn configure(&self, config: &Config) -> io::Result<()> {
        fs::write(self.config(), serde_json::to_vec_pretty(&config.0)?)
    }

    /// The bundle's directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Its config.json.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.0.join("config.json")
    }

    /// Its root file system.
    #[must_use]
    pub fn rootfs(&self) -> PathBuf {
        self.0.join("rootfs")
    }
}

/// A config.json in the making. It starts as what engines usually write (new namespaces, /proc,
/// /dev, /sys, masked paths, `noNewPrivileges`), without a cgroup mount, run by root in `/`.
#[derive(Debug, Clone)]
pub struct Config(Spec);

impl Config {
    /// A process with these arguments.
    #[must_use]
    pub fn new<S: Into<String>>(args: impl IntoIterator<Item = S>) -> Self {
        let mut spec = Spec::default();
        let mut root = Root::default();
        root.set_path("rootfs".into()).set_readonly(Some(false));
        spec.set_root(Some(root)).set_hostname(Some("box".to_owned()));
        let args = args.into_iter().map(Into::into).collect();
        Config(spec).without_mount("/sys/fs/cgroup").process(|process| {
            process.set_args(Some(args)).set_rlimits(None);
        })
    }

    /// A shell that runs `text`; it is PID 1.
    #[must_use]
    pub fn script(text: &str) -> Self {
        Config::new(["/bin/sh", "-c", text])
    }

    /// The whole environment.
    #[must_use]
    pub fn env<S: Into<String>>(self, env: impl IntoIterator<Item = S>) -> Self {
        let env = env.into_iter().map(Into::into).collect();
        self.process(|process| {
            process.set_env(Some(env));
        })
    }

    /// User and group.
    #[must_use]
    pub fn user(self, uid: u32, gid: u32) -> Self {
        self.process(|process| {
            process.user_mut().set_uid(uid).set_gid(gid);
        })
    }

    /// Supplementary groups.
    #[must_use]
    pub fn groups(self, gids: &[u32]) -> Self {
        self.process(|process| {
            process.user_mut().set_additional_gids(Some(gids.to_vec()));
        })
    }

    /// File mode creation mask.
    #[must_use]
    pub fn umask(self, umask: u32) -> Self {
        self.process(|process| {
            process.user_mut().set_umask(Some(umask));
        })
    }

    /// Working directory.
    #[must_use]
    pub fn cwd(self, path: &str) -> Self {
        self.process(|process| {
            process.set_cwd(path.into());
        })
    }

    /// Whether exec may give privileges away from now on.
    #[must_use]
    pub fn allowing_new_privileges(self) -> Self {
        self.process(|process| {
            process.set_no_new_privileges(Some(false));
        })
    }

    /// The capability sets: `bounding`, `permitted` and `effective` are `held`; `inheritable` and
    /// `ambient` are `kept`, those that an exec by a non-root user keeps.
    #[must_use]
    pub fn capabilities(self, held: &Capabilities, kept: &Capabilities) -> Self {
        let sets: Option<LinuxCapabilities> = LinuxCapabilitiesBuilder::default()
            .bounding(held.clone())
            .permitted(held.clone())
            .effective(held.clone())
            .inheritable(kept.clone())
            .ambient(kept.clone())
            .build()
            .ok();
        self.process(|process| {
            process.set_capabilities(sets);
        })
    }

    /// A read-only root file system.
    #[must_use]
    pub fn read_only(self) -> Self {
        self.edit(|spec| {
            if let Some(root) = spec.root_mut() {
                root.set_readonly(Some(true));
            }
        })
    }

    /// A bind mount after the others.
    #[must_use]
    pub fn bind(self, source: &Path, destination: &str) -> Self {
        let options = vec!["bind".to_owned()];
        let mount = MountBuilder::default().typ("bind").source(source).destination(destination);
        let mount = mount.options(options).build().ok();
        self.edit(|spec| spec.mounts_mut().get_or_insert_default().extend(mount))
    }

    /// Without the mount at `destination` and those below it.
    #[must_use]
    pub fn without_mount(self, destination: &str) -> Self {
        self.edit(|spec| {
            let mounts = spec.mounts_mut().get_or_insert_default();
            mounts.retain(|mount| !mount.destination().starts_with(destination));
        })
    }

    /// The namespace of this kind is the caller's, not a new one.
    #[must_use]
    pub fn without_namespace(self, kind: LinuxNamespaceType) -> Self {
        self.edit(|spec| {
            let linux = spec.linux_mut().get_or_insert_default();
            linux.namespaces_mut().get_or_insert_default().retain(|namespace| namespace.typ() != kind);
        })
    }

    /// The namespace of this kind is the one at `path`.
    #[must_use]
    pub fn joining_namespace(self, kind: LinuxNamespaceType, path: &str) -> Self {
        let namespace = LinuxNamespaceBuilder::default().typ(kind).path(path).build().ok();
        self.without_namespace(kind).edit(|spec| {
            let linux = spec.linux_mut().get_or_insert_default();
            linux.namespaces_mut().get_or_insert_default().extend(namespace);
        })
    }

    /// A user namespace in which ids from 0 are the host's from `first_host_id`, 65536 of them.
    #[must_use]
    pub fn mapped_to(self, first_host_id: u32) -> Self {
        let mapping =
            LinuxIdMappingBuilder::default().host_id(first_host_id).container_id(0_u32).size(65536_u32);
        let mappings: Vec<LinuxIdMapping> = mapping.build().into_iter().collect();
        let user = LinuxNamespaceBuilder::default().typ(LinuxNamespaceType::User).build().ok();
        self.edit(|spec| {
            let linux = spec.linux_mut().get_or_insert_default();
            linux.set_uid_mappings(Some(mappings.clone())).set_gid_mappings(Some(mappings));
            linux.namespaces_mut().get_or_insert_default().extend(user);
        })
    }

    /// Any other change.
    #[must_use]
    pub fn edit(mut self, change: impl FnOnce(&mut Spec)) -> Self {
        change(&mut self.0);
        self
    }

    fn process(self, change: impl FnOnce(&mut Process)) -> Self {
        self.edit(|spec| change(spec.process_mut().get_or_insert_default()))
    }
}
