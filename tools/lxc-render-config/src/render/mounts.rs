//! The bundle's mounts. The leading ones that LXC carries out exactly become its entries; from the
//! first that it does not, all are steps for nexcage-setup, so that the order stays.

use super::Draft;
use super::labels::mount_context;
use super::mount_options::{Mapped, MountOptions, lxc_words, propagation};
use super::namespaces::Network;
use crate::field::Field;
use crate::lxc_config::{MountEntry, option_trap};
use crate::rootfs::{Content, Kind, Place};
use crate::{CgroupVersion, MountPoint};
use nexcage_handover::TaskBuf;
use nexcage_setup::flags::{MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_STRICTATIME};
use nexcage_setup::flags::{MS_RDONLY, MS_REC, MS_REMOUNT, MS_SHARED, MS_SLAVE, RDONLY};
use nexcage_setup::plan::{Action, Attributes, Bind, Fresh, IdMap, Step};
use rustix::fs::{StatVfsMountFlags, statvfs};
use std::ffi::CString;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

const SYSFS: &str = "sysfs";
const DEV: &str = "dev";
/// LXC 5.0 unmounts what is here once, before pivot_root(2).
const PTS: &str = "dev/pts";
/// That devpts is the bundle's.
const NO_PTYS: &str = "0";

/// What is made where a target is missing.
#[derive(Clone, Copy)]
pub(super) enum Create {
    Dir,
    File,
}

impl Create {
    fn of(source: &Path) -> Self {
        if source.is_dir() { Create::Dir } else { Create::File }
    }

    /// For LXC, if that makes it.
    fn word(self, made: MadeBy) -> Option<&'static str> {
        let word = match self {
            Create::Dir => "create=dir",
            Create::File => "create=file",
        };
        (made == MadeBy::Lxc).then_some(word)
    }
}

impl Draft<'_> {
    pub(super) fn mounts(&mut self, document: Field<'_, '_>, cgroup: CgroupVersion) {
        self.peers = document.at("/linux/rootfsPropagation").and_then(Field::str).and_then(propagation);
        let is_shared = self.peers.is_some_and(|flag| flag & MS_SHARED != 0);
        if !is_shared {
            // LXC ends with everything shared.
            self.propagate("", MS_SLAVE | MS_REC);
        }
        // As runc: before the mounts, whose own options come later.
        if let Some(flag) = self.peers {
            self.propagate("", flag);
        }
        self.dev(document);
        for mount in document.each("mounts") {
            self.mount(document, mount, cgroup);
        }
        let over_pts = |target: &str| target == PTS || target == DEV;
        // LXC looks for what it unmounts in the /dev that is there before nexcage-setup runs.
        let later = |step: &Step| step.target == DEV;
        let is_seen = !self.steps.iter().any(later);
        if is_seen && self.tree.mounts().iter().any(|mount| over_pts(&mount.target)) {
            self.again(document);
        }
        self.line(document, "lxc.pty.max", NO_PTYS);
        for target in std::mem::take(&mut self.sealed) {
            self.steps.push(Step { target, pointer: "/mounts".to_owned(), action: Action::Seal });
        }
    }

    /// A bundle that mounts nothing on /dev gets a tmpfs there: the default devices and LXC's links
    /// have to be somewhere, and nothing is written into the image.
    fn dev(&mut self, document: Field<'_, '_>) {
        let Ok(place) = self.tree.resolve(DEV) else { return };
        let on_dev = |mount: Field<'_, '_>| {
            let destination = mount.text("destination").and_then(|text| self.tree.resolve(text).ok());
            destination.is_some_and(|destination| destination.path == place.path)
        };
        let mount = document.each("mounts").find(|mount| on_dev(*mount));
        if place.path != DEV {
            let field = mount.and_then(|mount| mount.get("destination")).unwrap_or(document);
            field.refuse("LXC does not follow a symbolic link at /dev", "make it a directory of the image");
        }
        if mount.is_none() {
            let fresh = Fresh {
                fs_type: "tmpfs".to_owned(),
                source: "tmpfs".to_owned(),
                flags: MS_NOSUID | MS_STRICTATIME,
                data: "mode=755,size=65536k".to_owned(),
                ..Fresh::default()
            };
            self.fresh(document, &place, fresh);
        }
    }

    /// LXC takes this one away, and what it covers stays.
    fn again(&mut self, document: Field<'_, '_>) {
        let Ok(place) = self.tree.resolve(PTS) else { return };
        if place.path != PTS {
            return;
        }
        let entry = "bind,relative,optional";
        let entry = MountEntry { source: PTS, target: PTS, fs_type: "none", options: entry };
        self.put(document, PTS, entry.line().ok(), Action::Again);
    }

    fn mount(&mut self, document: Field<'_, '_>, mount: Field<'_, '_>, cgroup: CgroupVersion) {
        let mut options = MountOptions::default();
        mount.each("options").filter_map(Field::str).for_each(|option| options.add(option));
        let fs_type = mount.text("type").unwrap_or_default();
        if fs_type == "bind" {
            options.bind.get_or_insert(false);
        }
        let Some(place) = self.destination(mount) else { return };
        let id_map = self.id_map(mount, &options);
        if options.bind.is_some() {
            self.bind(mount, &place, &options, id_map);
        } else if fs_type == "cgroup" && cgroup == CgroupVersion::V1 {
            mount.text("source");
            self.put(mount, &place.path, None, Action::Cgroups { flags: options.flags });
            self.need(&place, Create::Dir);
            self.tree.mount(&place.path, Content::Fresh("cgroup".to_owned()));
        } else if let Some(network) =
            self.foreign_network.clone().filter(|_| fs_type == SYSFS && options.flags & MS_REMOUNT == 0)
        {
            self.sysfs(mount, &place, &options, network);
        } else if fs_type.is_empty() && options.flags & MS_REMOUNT == 0 {
            mount.refuse("it has no type and is no bind mount", "give a type");
        } else {
            let fs_type = if fs_type == "cgroup" { "cgroup2" } else { fs_type };
            let context = mount_context(document, fs_type);
            let data: Vec<&str> = options.data.iter().copied().chain(context.as_deref()).collect();
            let fresh = Fresh {
                fs_type: fs_type.to_owned(),
                source: mount.filled("source").map_or(fs_type, |(_, source)| source).to_owned(),
                flags: options.flags,
                data: data.join(","),
                copy_up: options.copy_up,
                recursive: options.recursive,
            };
            if options.flags & MS_REMOUNT != 0 {
                self.put(mount, &place.path, None, Action::Remount(fresh));
            } else {
                self.fresh(mount, &place, fresh);
            }
        }
        for flags in &options.propagation {
            self.propagate(&place.path, *flags);
        }
    }

    fn destination(&self, mount: Field<'_, '_>) -> Option<Place> {
        let field = mount.get("destination")?;
        match self.tree.resolve(field.str()?) {
            Ok(place) if place.path.is_empty() => {
                field.refuse("it leads to the root of the container", "use root.path");
                None
            }
            Ok(place) => Some(place),
            Err(lost) => {
                field.refuse(lost.to_string(), "correct the path or the image");
                None
            }
        }
    }

    /// The map of an ID-mapped mount: its own, or the container's.
    fn id_map(&self, mount: Field<'_, '_>, options: &MountOptions<'_>) -> Option<IdMap> {
        let lines = |key: &str| -> String {
            let number = |range: Field<'_, '_>, key: &str| range.get(key).and_then(Field::u32);
            let line = |range| {
                let (inner, outer) = (number(range, "containerID")?, number(range, "hostID")?);
                Some(format!("{inner} {outer} {}\n", number(range, "size")?))
            };
            mount.each(key).filter_map(line).collect()
        };
        let (mut users, mut groups) = (lines("uidMappings"), lines("gidMappings"));
        if users.is_empty() && groups.is_empty() {
            options.mapped?;
            [users, groups] = self.id_maps.clone();
        }
        if users.is_empty() || groups.is_empty() {
            mount.refuse("an ID-mapped mount needs ids", "give uidMappings and gidMappings");
        } else if options.bind.is_none() {
            mount.refuse("only bind mounts can be ID-mapped", "bind what is mounted so already");
        }
        Some(IdMap { users, groups, recursive: options.mapped == Some(Mapped::WithSubmounts) })
    }

    fn bind(
        &mut self,
        mount: Field<'_, '_>,
        place: &Place,
        options: &MountOptions<'_>,
        id_map: Option<IdMap>,
    ) {
        let Some((field, source)) = mount.filled("source") else {
            mount.refuse("a bind mount needs a source", "give one");
            return;
        };
        if let Some(option) = options.data.first() {
            mount.refuse(format!("a bind mount has no option {option}"), "remove the option");
        }
        if options.copy_up {
            mount.refuse("only a tmpfs can be copied into", "remove tmpcopyup");
        }
        let Some(source) = self.host_path(field, source) else { return };
        let held = match statvfs(&source) {
            Ok(stat) => stat.f_flag,
            Err(errno) => {
                let reason = format!("{} cannot be looked at: {errno}", source.display());
                field.refuse(reason, "correct the path");
                return;
            }
        };
        let bind = Bind {
            source: source.clone(),
            network: None,
            with_submounts: options.bind == Some(true),
            top: match options.flags & !MS_REMOUNT {
                0 => Attributes::default(),
                flags => Attributes::of_flags(flags),
            },
            recursive: options.recursive,
            id_map,
            peers: self.peers.is_some_and(|flag| flag & MS_SHARED != 0),
        };
        let entry = self.made_by(place).and_then(|made| entry_of(&bind, options.flags, held, place, made));
        let reachable = !self.maps_ids() || is_reachable(&source);
        self.put(mount, &place.path, entry.filter(|_| reachable), Action::Bind(bind));
        self.need(place, Create::of(&source));
        self.tree.mount(&place.path, Content::Bind(source));
    }

    /// Binds a device node of the host: read-only, which keeps nobody from the device, where the
    /// container's root is the host's and may change the node's mode.
    pub(super) fn bind_node(&mut self, field: Field<'_, '_>, source: &str, place: &Place) {
        let (flags, set) = if self.maps_ids() { (0, 0) } else { (MS_RDONLY, RDONLY) };
        let bind = Bind { source: source.into(), top: Attributes { set, clear: 0 }, ..Bind::default() };
        let none = StatVfsMountFlags::empty();
        let entry = self.made_by(place).and_then(|made| entry_of(&bind, flags, none, place, made));
        self.put(field, &place.path, entry, Action::Bind(bind));
        self.need(place, Create::File);
        self.tree.mount(&place.path, Content::Bind(source.into()));
    }

    /// A sysfs that nobody in the container may mount: the host's own, without what is mounted in it, or a
    /// new one of the network that the container joins.
    fn sysfs(&mut self, mount: Field<'_, '_>, place: &Place, options: &MountOptions<'_>, network: Network) {
        mount.text("source");
        if let Some(option) = options.data.first() {
            mount.refuse(format!("sysfs has no option {option}"), "remove the option");
        }
        let bind = Bind {
            source: "/sys".into(),
            network: match network {
                Network::Hosts => None,
                Network::At(path) => Some(path),
            },
            top: Attributes::of_flags(options.flags),
            recursive: options.recursive,
            ..Bind::default()
        };
        // LXC would bind it from inside, where it cannot be taken out of what is mounted in it.
        self.put(mount, &place.path, None, Action::Bind(bind));
        self.need(place, Create::Dir);
        self.tree.mount(&place.path, Content::Fresh(SYSFS.to_owned()));
    }

    fn fresh(&mut self, mount: Field<'_, '_>, place: &Place, mut fresh: Fresh) {
        let fs_type = fresh.fs_type.clone();
        // As runc: what is mounted below it later needs mount points, so it is read-only at the end.
        if fs_type == "tmpfs" && fresh.flags & MS_RDONLY != 0 {
            fresh.flags &= !MS_RDONLY;
            self.sealed.push(place.path.clone());
            self.put(mount, &place.path, None, Action::Fresh(fresh));
        } else {
            let entry = self.made_by(place).and_then(|made| fresh_entry(&fresh, place, made));
            self.put(mount, &place.path, entry, Action::Fresh(fresh));
        }
        self.need(place, Create::Dir);
        self.tree.mount(&place.path, Content::Fresh(fs_type));
    }

    /// Hands a mount to LXC by its line if there is one and LXC has had all before, else to
    /// nexcage-setup.
    pub(super) fn put(&mut self, field: Field<'_, '_>, target: &str, line: Option<String>, action: Action) {
        let by_lxc = line.filter(|_| self.steps.is_empty());
        let is_told = by_lxc.is_some_and(|line| self.config.push("lxc.mount.entry", line).is_ok());
        if !is_told {
            self.steps.push(Step { pointer: field.pointer(), target: target.to_owned(), action });
        }
    }

    /// Who makes the mount point, if LXC can mount there. LXC makes only what is in a file system that
    /// is new: in the image, where anybody may put a symbolic link meanwhile, it could be led to the
    /// host.
    fn made_by(&self, place: &Place) -> Option<MadeBy> {
        match self.tree.over(&place.path).map(|mount| &mount.content) {
            Some(Content::Fresh(_)) => Some(MadeBy::Lxc),
            Some(Content::Bind(_)) if place.kind == Kind::Missing => None,
            None if self.tree.hides(&place.path) => None,
            _ => Some(MadeBy::Others),
        }
    }

    /// Notes a mount point that is missing in the image.
    pub(super) fn need(&mut self, place: &Place, create: Create) {
        if place.kind == Kind::Missing && self.tree.over(&place.path).is_none() {
            let path = place.path.clone();
            self.prepare.push(match create {
                Create::Dir => MountPoint::Directory(path),
                Create::File => MountPoint::File(path),
            });
        }
    }

    fn propagate(&mut self, path: &str, flags: u32) {
        // A path with a NUL was refused as one of the kernel's.
        if let Ok(path) = CString::new(format!("/{path}")) {
            self.tasks.push(TaskBuf::Propagation { path, flags });
        }
    }
}

/// Who makes a mount point that is missing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum MadeBy {
    Lxc,
    /// The shim before the start, or nobody where it is there.
    Others,
}

/// The line of a bind mount, if LXC does exactly what runc does.
fn entry_of(bind: &Bind, flags: u32, held: StatVfsMountFlags, place: &Place, made: MadeBy) -> Option<String> {
    let Bind { source, with_submounts, recursive, id_map, peers, .. } = bind;
    // LXC sets flags only if the mount is read-only too, and keeps those that the source has.
    let kept = [
        (StatVfsMountFlags::NOSUID, MS_NOSUID),
        (StatVfsMountFlags::NODEV, MS_NODEV),
        (StatVfsMountFlags::NOEXEC, MS_NOEXEC),
    ];
    let keeps = kept.iter().any(|(has, flag)| held.contains(*has) && flags & flag == 0);
    let is_exact = flags == 0 || flags & MS_RDONLY != 0 && !keeps;
    if !is_exact || !recursive.is_empty() || id_map.is_some() || *peers {
        return None;
    }
    let words = lxc_words(flags)?;
    let bind = if *with_submounts { "rbind" } else { "bind" };
    let words: Vec<&str> = [bind].into_iter().chain(words).chain(Create::of(source).word(made)).collect();
    let target = &*place.path;
    MountEntry { source: source.to_str()?, target, fs_type: "none", options: &words.join(",") }.line().ok()
}

/// Whether a user who is nobody on the host may pass all directories on the way.
fn is_reachable(path: &Path) -> bool {
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| PathBuf::from(path));
    path.ancestors().skip(1).all(|parent| parent.metadata().is_ok_and(|metadata| metadata.mode() & 0o1 != 0))
}

/// The line of a new file system, if LXC does exactly what runc does.
fn fresh_entry(fresh: &Fresh, place: &Place, made: MadeBy) -> Option<String> {
    let Fresh { fs_type, source, flags, data, copy_up, recursive } = fresh;
    let words = lxc_words(*flags)?;
    let is_trap = data.split(',').any(|option| option_trap(option).is_some());
    // LXC makes an overlay's directories.
    if is_trap || *copy_up || !recursive.is_empty() || fs_type == "overlay" {
        return None;
    }
    let data = Some(&**data).filter(|data| !data.is_empty());
    let words: Vec<&str> = words.into_iter().chain(Create::Dir.word(made)).chain(data).collect();
    let options = if words.is_empty() { "defaults".to_owned() } else { words.join(",") };
    MountEntry { source, target: &place.path, fs_type, options: &options }.line().ok()
}
