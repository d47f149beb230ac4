//! `pct create`: a CT whose root file system is on a storage.
//!
//! The configuration that it makes bears a mark until it is filled in: so it is known whose it is when
//! anybody dies meanwhile.

use super::archive::{self, Archive, Owners};
use super::conf;
use super::storage::{ROOTFS, Storages};
use super::task::{Output, Task};
use super::template;
use super::unfit::Unfit;
use super::{Ct, described, words};
use crate::backend::{Backend as _, Left, Origin};
use crate::error::{Error, Pct};
use crate::signals::Signals;
use crate::wait::Deadline;
use crate::work::tear_down::TEARDOWN;
use lxc_render_config::pve;
use std::ffi::OsString;
use std::fs;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::time::Duration;

/// How long a `pct create` that is told to end may take: it removes the disk that it has made.
pub(super) const UNDOING: Duration = Duration::from_secs(30);
/// Where Proxmox puts a root file system if nobody says.
const DEFAULT: &str = "local";
const GIB: f64 = (1_u64 << 30) as f64;

/// What `pct create` is told besides the VMID.
struct Order {
    archive: OsString,
    /// It is there until the CT is made.
    _packed: Option<Archive>,
    options: Vec<(&'static str, String)>,
    mark: String,
}

/// What came of a try.
enum Outcome {
    Made,
    /// Somebody has the VMID.
    Taken,
}

/// Makes a CT with the root file system that its wishes name.
pub(super) fn create(
    origin: &Origin<'_>,
    wishes: &pve::Wishes,
    signals: &mut Signals,
    intend: &mut dyn FnMut(nexcage_record::Backend) -> Result<(), Error>,
) -> Result<Ct, Error> {
    let paths = &origin.configuration.pct;
    let order = Order::of(origin, wishes, signals)?;
    for vmid in super::free(paths) {
        let mut ct = Ct::existing(paths, origin.place.dir.path(), vmid).marked(Some(order.mark.clone()));
        intend(ct.record())?;
        match ct.be_made(origin, wishes, &order, signals) {
            Ok(Outcome::Made) => return Ok(ct),
            Ok(Outcome::Taken) => {}
            Err(error) => {
                if let Err(left) = ct.tear_down(Left::HalfMade, Deadline::after(TEARDOWN)) {
                    log::error!("{}", nexcage_cli::causes(&left));
                }
                return Err(error);
            }
        }
    }
    Err(Error::NoVmid { first: paths.vmids.first, last: paths.vmids.last })
}

impl Order {
    /// Looks at everything, and packs the bundle's root file system if it is that.
    fn of(origin: &Origin<'_>, wishes: &pve::Wishes, signals: &mut Signals) -> Result<Self, Error> {
        let paths = &origin.configuration.pct;
        let storages = Storages::read(paths);
        let (template, disk) = (wishes.template(), wishes.disk());
        let storage = disk.as_ref().map_or(DEFAULT, |disk| &disk.storage);
        storages.taking(ROOTFS, storage).map_err(Box::new)?;
        let id_map: Vec<&str> = origin.rendered.config.values("lxc.idmap").collect();
        if !id_map.is_empty() && id_map != pve::PROXMOX_ID_MAP {
            return Err(Box::new(Unfit::IdMap).into());
        }
        // What cannot stand in a configuration is known before anything is made.
        let made = described(origin, wishes, pve::Rootfs::Volume(""), &PathBuf::from("/"))?;
        let mark = mark();
        let (archive, packed) = match template {
            Some(template) => {
                let path = storages.template(&template).map_err(Box::new)?;
                let shown = template.to_string();
                template::look(&shown, &path, pve::Host::this().arch).map_err(Box::new)?;
                (OsString::from(shown), None)
            }
            None => {
                let packed = pack(origin, disk.as_ref(), !id_map.is_empty(), signals)?;
                (packed.path().as_os_str().to_owned(), Some(packed))
            }
        };
        let value = |key: &str| pve::value(&made.conf, key).unwrap_or_default().to_owned();
        let about =
            format!("nexcage: {} in {}, in the making {mark}", origin.place.id, origin.place.namespace);
        let mut options = vec![("--description", about), ("--unprivileged", "0".to_owned())];
        options.extend(
            [("--arch", "arch"), ("--hostname", "hostname"), ("--ostype", "ostype")]
                .map(|(option, key)| (option, value(key))),
        );
        if !id_map.is_empty() {
            options[1].1 = "1".to_owned();
        }
        options.extend(disk.map(|disk| ("--rootfs", disk.to_string())));
        Ok(Order { archive, _packed: packed, options, mark })
    }
}

fn pack(
    origin: &Origin<'_>,
    disk: Option<&pve::Disk>,
    maps_ids: bool,
    signals: &mut Signals,
) -> Result<Archive, Error> {
    let rendered = origin.rendered;
    lxc_render_config::prepare_mount_points(rendered)
        .map_err(Error::system("make mount points in the rootfs"))?;
    let root = &rendered.rootfs;
    let owner = fs::metadata(root).map_err(Error::system(format!("look at {}", root.display())))?.uid();
    let owners = match (maps_ids, owner) {
        (false, _) => Owners::Any,
        (true, 0) => Owners::Container,
        (true, _) => Owners::From(rendered.host_root.uid),
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a size is not negative, and an f64 beyond u64 is its greatest"
    )]
    let size = disk.map(|disk| (disk.size * GIB) as u64).filter(|size| *size > 0);
    let paths = &origin.configuration.pct;
    archive::pack(root, (owners, size), origin.place.dir.path(), paths.disk_timeout, signals)
}

/// A word that nobody else has.
fn mark() -> String {
    let [one, other] = [(); 2].map(|()| RandomState::new().build_hasher().finish());
    format!("{one:016x}{other:016x}")
}

impl Ct {
    fn be_made(
        &mut self,
        origin: &Origin<'_>,
        wishes: &pve::Wishes,
        order: &Order,
        signals: &mut Signals,
    ) -> Result<Outcome, Error> {
        let mut arguments =
            vec![OsString::from("create"), self.vmid.to_string().into(), order.archive.clone()];
        arguments.extend(order.options.iter().flat_map(|(option, value)| [(*option).into(), value.into()]));
        let created = self.created();
        let output = Output { stdout: &created, stderr: &self.errors };
        let task = Task::pct(&self.paths.program, arguments, output, &self.directory)?;
        let limit = ("the creation of the CT", self.paths.disk_timeout);
        let so_far = || format!("pct create {}: unpacking {}", self.vmid, order.archive.to_string_lossy());
        let status = task.finish(Some(signals), limit, UNDOING, so_far)?;
        if status.success() {
            return self.fill(origin, wishes).map(|()| Outcome::Made);
        }
        if self.is_refused() {
            return Ok(Outcome::Taken);
        }
        let words = words::of_task(&self.errors, &created);
        let words = if words.is_empty() { status.to_string() } else { words };
        Err(Error::Pct { command: Pct::Create, words })
    }

    /// What `pct create` prints on its stdout: nothing before it has the VMID.
    pub(super) fn created(&self) -> PathBuf {
        self.directory.join("created")
    }

    /// Whether pct has said that somebody else has the VMID.
    pub(super) fn is_refused(&self) -> bool {
        let said = fs::read_to_string(&self.errors).unwrap_or_default();
        let taken = ["CT", "VM"].map(|kind| format!("{kind} {} already exists on node '", self.vmid));
        said.lines().any(|line| taken.iter().any(|taken| line.starts_with(taken)))
    }

    /// Puts the CT's own configuration in the place of what pct has made; what somebody has added
    /// meanwhile stays.
    fn fill(&mut self, origin: &Origin<'_>, wishes: &pve::Wishes) -> Result<(), Error> {
        let lost = |what: &str| Error::Pct { command: Pct::Create, words: what.to_owned() };
        let mut made = None;
        conf::change(&self.paths, self.vmid, |present| {
            if !self.bears_mark(present) {
                return Err(lost("it has made another's"));
            }
            let volume =
                pve::value(present, "rootfs").ok_or_else(|| lost("it has made no root file system"))?;
            let ct = described(origin, wishes, pve::Rootfs::Volume(volume), &self.include)?;
            let key = |line: &str| line.split_once(':').map(|(key, _)| key.to_owned());
            let ours: Vec<String> = ct.conf.lines().filter_map(key).collect();
            let added = present.lines().take_while(|line| !line.starts_with('['));
            let added = added
                .filter(|line| !line.starts_with('#') && key(line).is_some_and(|key| !ours.contains(&key)));
            let text = added.fold(ct.conf.clone(), |text, line| text + line + "\n");
            made = Some(ct);
            Ok(text)
        })?;
        self.made = made;
        Ok(())
    }
}
