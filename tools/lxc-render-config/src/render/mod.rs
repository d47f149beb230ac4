//! From the document to the configuration, section by section, in the order in which LXC needs the
//! lines.

mod block_io;
mod cgroup;
mod cpu;
mod devices;
mod hooks;
mod id_map;
mod init;
mod labels;
mod memory;
mod mount_options;
mod mounts;
mod namespaces;
mod paths;
mod process;
mod resources;
mod root;
mod scheduling;
mod seccomp;
mod stop_signal;
mod sysctl;

pub use hooks::Hooks;
pub use id_map::HostId;
pub use process::Rlimit;
pub use scheduling::Scheduler;
pub use seccomp::{Action, Argument, Listener, Operator, Rule, Seccomp};
pub(crate) use sysctl::shell_word;

use crate::field::{Field, Reading};
use crate::rootfs::Tree;
use crate::{Image, LxcConfig, MountPoint, Options, Refusal, RenderError, audit::audit};
use bundle_validate::Bundle;
use id_map::IdMaps;
use namespaces::{Namespaces, Network};
use nexcage_handover::TaskBuf;
use nexcage_setup::plan::Step;
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

/// A bundle as LXC, nexcage-init and the shim need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The LXC configuration; the container's own lines are still missing, see [`crate::wire`]. It
    /// depends on the bundle and the host's version of cgroups alone.
    pub config: LxcConfig,
    /// What nexcage-init is to become.
    pub process: nexcage_handover::ProcessBuf,
    /// The seccomp policy, to be compiled into the process.
    pub seccomp: Option<Seccomp>,
    /// To be set on the held process, prlimit(2).
    pub limits: Vec<Rlimit>,
    /// To be set on the held process, `/proc/PID/oom_score_adj`.
    pub oom_score_adj: Option<i32>,
    /// To be set on the held process, sched_setattr(2).
    pub scheduler: Option<Scheduler>,
    /// To be set on the held process, ioprio_set(2).
    pub io_priority: Option<u16>,
    /// Rows and columns of the process's terminal, if the bundle says.
    pub console_size: Option<(u16, u16)>,
    /// Whom the root of the container is on the host.
    pub host_root: HostId,
    /// Whom the process's user and group are on the host.
    pub host_user: HostId,
    /// The annotations.
    pub annotations: BTreeMap<String, String>,
    /// The version of the specification that the bundle names.
    pub oci_version: String,
    /// The root file system, absolute, without symbolic links.
    pub rootfs: PathBuf,
    /// The container's cgroup, relative to the root of every hierarchy, if the bundle names one. It
    /// is in the configuration already.
    pub cgroups_path: Option<String>,
    /// Mount points that are missing in a read-only root file system, where LXC cannot make them;
    /// see [`crate::prepare_mount_points`].
    pub prepare: Vec<MountPoint>,
    /// The mounts that LXC cannot make exactly, and all after them.
    pub steps: Vec<Step>,
    /// The hooks.
    pub hooks: Hooks,
    /// What the bundle asks for and does not get, as [`Options::allowed_losses`] permits.
    pub losses: Vec<Refusal>,
}

/// Renders a bundle that was validated before.
///
/// # Errors
/// The bundle asks for something that cannot be expressed (all of it is named at once), or its root
/// file system cannot be opened.
pub fn render(bundle: &Bundle, options: &Options) -> Result<Rendered, RenderError> {
    let reading = Reading::default();
    let document = reading.field(bundle.document().root());
    let Some(root) = root::find(document, bundle) else {
        audit(bundle.document().root(), &reading);
        return Err(RenderError::Refused(reading.into_refusals()));
    };
    let tree = match options.image {
        Image::Bundle => root::open(&root)?,
        Image::Elsewhere => Tree::unseen(),
    };
    let mut draft = Draft {
        config: LxcConfig::new(),
        bundle,
        tree,
        read_only: false,
        prepare: vec![],
        steps: vec![],
        sealed: vec![],
        peers: None,
        id_maps: Default::default(),
        foreign_network: None,
        made: HashSet::new(),
        tasks: vec![],
    };
    let rendered = draft.fill(document, &root, options);
    audit(bundle.document().root(), &reading);
    let (losses, refusals) = reading.into_refusals().into_iter().partition(|refusal| options.allows(refusal));
    let refusals: Vec<Refusal> = refusals;
    match rendered {
        Some(rendered) if refusals.is_empty() => inert(Rendered { losses, ..rendered }),
        _ => Err(RenderError::Refused(refusals)),
    }
}

/// The second line of defence: LXC's grammar, read independently, gives back what was meant.
fn inert(rendered: Rendered) -> Result<Rendered, RenderError> {
    let key_of = |line: Option<(&str, &str)>| line.map_or(String::new(), |(key, _)| key.to_owned());
    let read = LxcConfig::parse(&rendered.config.text())
        .map_err(|error| RenderError::NotInert { key: error.to_string() })?;
    if read == rendered.config {
        return Ok(rendered);
    }
    let differs = rendered.config.lines().zip(read.lines()).find(|(meant, read)| meant != read);
    Err(RenderError::NotInert { key: key_of(differs.map(|(meant, _)| meant)) })
}

/// A configuration in the making.
struct Draft<'b> {
    config: LxcConfig,
    bundle: &'b Bundle,
    tree: Tree,
    read_only: bool,
    prepare: Vec<MountPoint>,
    /// For nexcage-setup.
    steps: Vec<Step>,
    /// Targets that become read-only after all mounts.
    sealed: Vec<String>,
    /// The flags of `linux.rootfsPropagation`.
    peers: Option<u32>,
    /// The users and groups of a user namespace, as /proc/PID/uid_map has them.
    id_maps: [String; 2],
    /// The network of which the kernel lets nobody in the container mount a sysfs.
    foreign_network: Option<Network>,
    /// Where nexcage-init makes device nodes.
    made: HashSet<String>,
    /// For nexcage-init, before the process is ready.
    tasks: Vec<TaskBuf>,
}

/// Lists that a host's own configuration may have filled before this one is included.
const RESETS: &[&str] =
    &["lxc.mount.entry", "lxc.mount.auto", "lxc.hook.autodev", "lxc.hook.mount", "lxc.cap.drop"];

/// What holds for every container: no console, no ttys, nothing that LXC makes up in /dev, not the AppArmor
/// profile that Debian has for lxc-start, and a root file system that LXC does not own.
const FIXED: &[(&str, &str)] = &[
    ("lxc.rootfs.managed", "0"),
    ("lxc.console.path", "none"),
    ("lxc.tty.max", "0"),
    ("lxc.autodev", "0"),
    ("lxc.apparmor.profile", "unconfined"),
];

impl Draft<'_> {
    fn fill(
        &mut self,
        document: Field<'_, '_>,
        root: &root::Root<'_, '_>,
        options: &Options,
    ) -> Option<Rendered> {
        RESETS.iter().for_each(|key| self.reset(key));
        self.root(document, root);
        FIXED.iter().for_each(|(key, value)| self.line(document, key, *value));
        let namespaces = Namespaces::read(document);
        self.namespaces(document, &namespaces);
        self.time_offsets(document, &namespaces);
        let ids = IdMaps::read(document, &namespaces);
        self.id_maps(document, &ids);
        self.foreign_network = namespaces.foreign_network();
        self.host_names(document, &namespaces);
        self.sysctls(document, &namespaces);
        self.mounts(document, options.cgroup.version());
        self.devices(document);
        self.protected_paths(document);
        self.init(document);
        let cgroups_path = self.cgroups_path(document);
        self.resources(document, options);
        self.stop_signal(document);
        let annotations = annotations_of(document);
        let oci_version = document.text("ociVersion").unwrap_or_default().to_owned();
        let seccomp = self.seccomp(document);
        let mut process = self.process(document, &ids)?;
        // Nodes come first: links and mounts may need their directories.
        process.handover.tasks.splice(..0, std::mem::take(&mut self.tasks));
        Some(Rendered {
            config: std::mem::take(&mut self.config),
            process: process.handover,
            seccomp,
            limits: process.limits,
            oom_score_adj: process.oom_score_adj,
            scheduler: process.scheduler,
            io_priority: process.io_priority,
            console_size: process.console_size,
            host_root: ids.host(0, 0)?,
            host_user: process.host_user,
            annotations,
            oci_version,
            rootfs: root.path.clone(),
            cgroups_path,
            prepare: std::mem::take(&mut self.prepare),
            steps: std::mem::take(&mut self.steps),
            hooks: Self::hooks(document),
            losses: vec![],
        })
    }

    /// Whether the container's ids are not the host's.
    fn maps_ids(&self) -> bool {
        !self.id_maps[0].is_empty()
    }

    /// Appends a line on behalf of a field, which is refused if LXC cannot be told.
    fn line(&mut self, field: Field<'_, '_>, key: &str, value: impl Into<String>) {
        if let Err(error) = self.config.push(key, value) {
            field.refuse(error.to_string(), "change the value");
        }
    }

    fn reset(&mut self, key: &str) {
        let reset = self.config.reset(key);
        debug_assert!(reset.is_ok(), "{key} is no key");
    }

    /// A path of the host that stands in a field, taken from the bundle if it is relative.
    fn host_path(&self, field: Field<'_, '_>, path: &str) -> Option<PathBuf> {
        absolute(self.bundle, field, path)
    }
}

fn absolute(bundle: &Bundle, field: Field<'_, '_>, path: &str) -> Option<PathBuf> {
    if Path::new(path).is_absolute() {
        return Some(PathBuf::from(path));
    }
    let joined = bundle.directory().map(|directory| directory.join(path));
    if joined.is_none() {
        field.refuse("it is relative, and the bundle's directory is not known", "use an absolute path");
    }
    joined
}

/// A path as LXC's configuration can hold it.
fn utf8(field: Field<'_, '_>, path: &Path) -> Option<String> {
    let text = path.to_str().map(ToOwned::to_owned);
    if text.is_none() {
        field.refuse(format!("{} is not UTF-8", path.display()), "move the bundle");
    }
    text
}

/// The annotations of a bundle: those that are texts.
#[must_use]
pub fn annotations(bundle: &Bundle) -> BTreeMap<String, String> {
    let reading = Reading::default();
    annotations_of(reading.field(bundle.document().root()))
}

fn annotations_of(document: Field<'_, '_>) -> BTreeMap<String, String> {
    let members = document.get("annotations").into_iter().flat_map(Field::members);
    members.filter_map(|(key, value)| Some((key.to_owned(), value.str()?.to_owned()))).collect()
}
