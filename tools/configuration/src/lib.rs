//! The administrator's configuration: `/etc/nexcage/config.json`, which need not exist, or the file
//! that the user names by `--config` or `NEXCAGE_CONFIG`, which must. No other place is looked at,
//! least of all the working directory.
//!
//! The file is read strictly: a key that is unknown or there twice, a wrong type, a wrong value are
//! errors that name file, line, column and JSON pointer. Every value knows where it comes from.
//!
//! ```
//! use nexcage_configuration::{Backend, Configuration, Origin, Setting};
//! let text = br#"{"backend": "lxc", "timeoutSeconds": 2.5}"#;
//! let mut configuration = Configuration::parse("/etc/nexcage/config.json".as_ref(), text.to_vec())?;
//! assert_eq!((configuration.backend, configuration.timeout.as_millis()), (Backend::Lxc, 2500));
//! configuration.set(Setting::Backend(Backend::Pct), Origin::Option("--backend"));
//! let shown = configuration.effective();
//! assert_eq!(shown[0], ("/backend", "pct".into(), "--backend".into()));
//! assert_eq!(shown[1], ("/root", "/run/nexcage".into(), "default".into()));
//! assert_eq!(shown[2], ("/timeoutSeconds", 2.5.into(), "/etc/nexcage/config.json:1:38".into()));
//! # Ok::<(), nexcage_configuration::Error>(())
//! ```

mod document;
mod error;
mod file;
mod keys;
mod origin;
mod pve_container;

pub use error::{Complaint, Error, Wrong};
pub use file::{FILE, VARIABLE};
pub use keys::{KEYS, Key};
pub use origin::Origin;
pub use pve_container::Version;

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Everything that can be configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configuration {
    /// Who starts containers.
    pub backend: Backend,
    /// Where containers keep their state.
    pub root: PathBuf,
    /// The longest that LXC's start, or an answer of nexcage-init, may take.
    pub timeout: Duration,
    /// How exit statuses are learned.
    pub exit_source: ExitSource,
    /// The nexcage-init binary, if it is not to be looked for.
    pub init: Option<PathBuf>,
    /// Where Proxmox VE's parts are.
    pub pct: Pct,
    file: Option<PathBuf>,
    /// By pointer; what is not in it has its default.
    origins: BTreeMap<&'static str, Origin>,
}

/// Where Proxmox VE's parts are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pct {
    /// The `pct` program.
    pub program: PathBuf,
    /// The directory of the CTs' configurations, in a mounted pmxcfs.
    pub conf_directory: PathBuf,
    /// LXC's own directory, where Proxmox writes what it renders.
    pub lxc_directory: PathBuf,
    /// Where Proxmox's locks of CTs' configurations are.
    pub lock_directory: PathBuf,
    /// The longest that `pct` may take to make a disk, or to remove it.
    pub disk_timeout: Duration,
    /// The ids that new CTs may take.
    pub vmids: Vmids,
    /// What becomes of a bundle without a user namespace.
    pub without_user_namespace: WithoutUserNamespace,
    /// The version of pve-container, if dpkg is not to be asked; see [`Pct::pve_container`].
    pub version: Option<Version>,
    /// Options of every new CT, by their names.
    pub ct: BTreeMap<String, String>,
}

impl Pct {
    /// pmxcfs's list of all CTs and VMs of the cluster, `/etc/pve/.vmlist`.
    #[must_use]
    pub fn vm_list(&self) -> PathBuf {
        self.conf_directory.with_file_name(".vmlist")
    }

    /// The cluster's storages, `/etc/pve/storage.cfg`.
    #[must_use]
    pub fn storages(&self) -> PathBuf {
        self.conf_directory.with_file_name("storage.cfg")
    }
}

/// A range of VMIDs, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vmids {
    /// The lowest.
    pub first: u32,
    /// The highest.
    pub last: u32,
}

/// What becomes of a bundle without a user namespace, which asks for the host's own ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithoutUserNamespace {
    /// A privileged CT, as the bundle has it.
    Privileged,
    /// An unprivileged CT: it gets Proxmox's own id map.
    Unprivileged,
    /// Nothing.
    Refused,
}

impl WithoutUserNamespace {
    /// Every choice with its name in the configuration.
    pub const NAMES: &'static [(&'static str, WithoutUserNamespace)] = &[
        ("privileged", WithoutUserNamespace::Privileged),
        ("unprivileged", WithoutUserNamespace::Unprivileged),
        ("refused", WithoutUserNamespace::Refused),
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        name_in(Self::NAMES, self)
    }
}

/// Who starts containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// `pct` on a Proxmox VE node, else plain LXC.
    Auto,
    /// Plain LXC.
    Lxc,
    /// Proxmox VE.
    Pct,
}

impl Backend {
    /// Every backend with its name, in the configuration as on a command line.
    pub const NAMES: &'static [(&'static str, Backend)] =
        &[("auto", Backend::Auto), ("lxc", Backend::Lxc), ("pct", Backend::Pct)];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        name_in(Self::NAMES, self)
    }
}

/// How an exit status is learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitSource {
    /// From a pidfd where the kernel can, else from process events.
    Auto,
    /// From a pidfd.
    Pidfd,
    /// From the kernel's process events.
    ProcEvents,
}

impl ExitSource {
    /// Every source with its name, in the configuration as on a command line.
    pub const NAMES: &'static [(&'static str, ExitSource)] =
        &[("auto", ExitSource::Auto), ("pidfd", ExitSource::Pidfd), ("proc-events", ExitSource::ProcEvents)];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        name_in(Self::NAMES, self)
    }
}

fn name_in<T: Copy + PartialEq>(names: &[(&'static str, T)], value: T) -> &'static str {
    names.iter().find(|(_, named)| *named == value).map_or("", |(name, _)| name)
}

/// A value that a command line or an environment variable puts in the place of the file's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setting {
    /// [`Configuration::backend`]
    Backend(Backend),
    /// [`Configuration::root`]
    Root(PathBuf),
    /// [`Configuration::timeout`]
    Timeout(Duration),
    /// [`Configuration::exit_source`]
    ExitSource(ExitSource),
    /// [`Configuration::init`]
    Init(PathBuf),
}

impl Default for Configuration {
    fn default() -> Self {
        Configuration {
            backend: Backend::Auto,
            root: "/run/nexcage".into(),
            timeout: Duration::from_secs(30),
            exit_source: ExitSource::Auto,
            init: None,
            pct: Pct::default(),
            file: None,
            origins: BTreeMap::new(),
        }
    }
}

impl Default for Pct {
    fn default() -> Self {
        Pct {
            program: "/usr/sbin/pct".into(),
            conf_directory: "/etc/pve/lxc".into(),
            lxc_directory: "/var/lib/lxc".into(),
            lock_directory: "/run/lock/lxc".into(),
            disk_timeout: Duration::from_secs(600),
            vmids: Vmids { first: 900_000, last: 999_999 },
            without_user_namespace: WithoutUserNamespace::Privileged,
            version: None,
            ct: BTreeMap::new(),
        }
    }
}

impl Configuration {
    /// Reads the file that `explicit` names (the option `--config`), else the one that
    /// `NEXCAGE_CONFIG` names, else `/etc/nexcage/config.json` if there is one. A relative path is
    /// taken from the working directory, since somebody typed it.
    ///
    /// # Errors
    /// A file that cannot be read, or that is not what it should be.
    pub fn read(explicit: Option<&Path>) -> Result<Self, Error> {
        let variable = std::env::var_os(VARIABLE).map(PathBuf::from);
        file::read(explicit, variable.as_deref(), Path::new(FILE))
    }

    /// Takes `text` for the content of the file `path`.
    ///
    /// # Errors
    /// It is not what it should be.
    pub fn parse(path: &Path, text: Vec<u8>) -> Result<Self, Error> {
        document::read(path, text)
    }

    /// The file that was read, as an absolute path: what a child process needs in
    /// `NEXCAGE_CONFIG` to get the same configuration.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Replaces a value and says who did it.
    pub fn set(&mut self, setting: Setting, origin: Origin) {
        let pointer = match setting {
            Setting::Backend(backend) => {
                self.backend = backend;
                "/backend"
            }
            Setting::Root(root) => {
                self.root = root;
                "/root"
            }
            Setting::Timeout(timeout) => {
                self.timeout = timeout;
                "/timeoutSeconds"
            }
            Setting::ExitSource(source) => {
                self.exit_source = source;
                "/exitSource"
            }
            Setting::Init(init) => {
                self.init = Some(init);
                "/init"
            }
        };
        self.origins.insert(pointer, origin);
    }

    /// The key of every value with its origin, in the order of [`KEYS`].
    pub fn origins(&self) -> impl Iterator<Item = (&'static str, &Origin)> {
        KEYS.iter().map(|key| (key.pointer, self.origins.get(key.pointer).unwrap_or(&Origin::Default)))
    }

    /// What holds: pointer, value and origin of every key, in the order of [`KEYS`]. A value that is
    /// absent is null.
    #[must_use]
    pub fn effective(&self) -> Vec<(&'static str, Value, String)> {
        let shown = |(pointer, origin): (_, &Origin)| (pointer, self.value(pointer), origin.to_string());
        self.origins().map(shown).collect()
    }

    fn value(&self, pointer: &str) -> Value {
        let path = |path: &Path| Value::from(path.to_string_lossy());
        match pointer {
            "/backend" => self.backend.name().into(),
            "/root" => path(&self.root),
            "/timeoutSeconds" => number(self.timeout),
            "/exitSource" => self.exit_source.name().into(),
            "/init" => self.init.as_deref().map_or(Value::Null, path),
            "/pct/program" => path(&self.pct.program),
            "/pct/confDirectory" => path(&self.pct.conf_directory),
            "/pct/lxcDirectory" => path(&self.pct.lxc_directory),
            "/pct/lockDirectory" => path(&self.pct.lock_directory),
            "/pct/diskTimeoutSeconds" => number(self.pct.disk_timeout),
            "/pct/vmids/first" => self.pct.vmids.first.into(),
            "/pct/vmids/last" => self.pct.vmids.last.into(),
            "/pct/withoutUserNamespace" => self.pct.without_user_namespace.name().into(),
            "/pct/version" => self.pct.version.as_ref().map_or(Value::Null, |version| version.text().into()),
            "/pct/ct" if self.pct.ct.is_empty() => Value::Null,
            "/pct/ct" => self.pct.ct.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
            _ => Value::Null,
        }
    }
}

/// Seconds, without a fraction if there is none.
fn number(duration: Duration) -> Value {
    if duration.subsec_nanos() == 0 { duration.as_secs().into() } else { duration.as_secs_f64().into() }
}

/// A limit in seconds as people write it, in the file or on a command line: a number greater than 0.
#[must_use]
pub fn seconds(text: &str) -> Option<Duration> {
    let duration = Duration::try_from_secs_f64(text.parse().ok()?).ok()?;
    Some(duration).filter(|duration| !duration.is_zero())
}
