//! The bundle's mounts.

use super::mount_options::MountOptions;
use super::{Draft, utf8};
use crate::MountPoint;
use crate::field::Field;
use crate::lxc_config::MountEntry;
use crate::rootfs::{Content, Kind, Place, below};
use rustix::fs::{StatVfsMountFlags, statvfs};
use std::path::Path;

/// Where LXC mounts cgroups, and where it mounts its devpts: both after all entries.
const LATE: [&str; 2] = ["sys/fs/cgroup", "dev/pts"];
const DEV: &str = "dev";
const PTMX: &str = "dev/ptmx";
/// How many ptys a container may have unless its devpts says otherwise.
const PTYS: &str = "1024";

/// What a bind mount makes where its target is missing.
#[derive(Clone, Copy)]
pub(super) enum Create {
    Dir,
    File,
}

impl Create {
    fn of(source: &Path) -> Self {
        if source.is_dir() { Create::Dir } else { Create::File }
    }

    fn word(self) -> &'static str {
        match self {
            Create::Dir => "dir",
            Create::File => "file",
        }
    }
}

impl Draft<'_> {
    pub(super) fn mounts(&mut self, document: Field<'_, '_>) {
        self.dev(document);
        for mount in document.each("mounts") {
            self.mount(mount);
        }
        if self.config.get("lxc.pty.max").is_none() {
            self.line(document, "lxc.pty.max", "0");
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
        if !document.each("mounts").any(on_dev) {
            let options = MountOptions {
                flags: vec!["nosuid", "strictatime"],
                data: vec!["mode=755", "size=65536k"],
                ..MountOptions::default()
            };
            self.put(document, "tmpfs", "tmpfs", &place, &options, Create::Dir);
            self.tree.mount(&place.path, Content::Fresh("tmpfs".to_owned()));
        }
    }

    fn mount(&mut self, mount: Field<'_, '_>) {
        let mut options = MountOptions::default();
        for option in mount.each("options") {
            if let Err(reason) = option.str().map_or(Ok(()), |text| options.add(text)) {
                option.refuse(reason, "remove the option");
            }
        }
        let fs_type = mount.text("type").unwrap_or_default();
        if fs_type == "bind" {
            options.bind.get_or_insert("bind");
        }
        let Some(place) = self.destination(mount) else { return };
        match fs_type {
            _ if options.bind.is_some() => self.bind(mount, &place, &options),
            "devpts" => self.devpts(mount, &place, &options),
            "cgroup" | "cgroup2" => self.cgroups(mount, &place, &options),
            "" => mount.refuse("it has no type and is no bind mount", "give a type"),
            _ => self.fresh(mount, fs_type, &place, &options),
        }
    }

    fn destination(&self, mount: Field<'_, '_>) -> Option<Place> {
        let field = mount.get("destination")?;
        let place = match self.tree.resolve(field.str()?) {
            Ok(place) => place,
            Err(lost) => {
                field.refuse(lost.to_string(), "correct the path or the image");
                return None;
            }
        };
        let covered = |late: &str| below(&place.path, late).is_some_and(|rest| !rest.is_empty());
        if place.path.is_empty() {
            field.refuse("it leads to the root of the container", "use root.path");
            return None;
        } else if LATE.iter().any(|late| covered(late) && self.is_mounted(late)) {
            field.refuse("LXC mounts what stands above it later", "mount it elsewhere");
            return None;
        }
        Some(place)
    }

    fn is_mounted(&self, target: &str) -> bool {
        self.tree.mounts().iter().any(|mount| mount.target == target)
    }

    fn bind(&mut self, mount: Field<'_, '_>, place: &Place, options: &MountOptions<'_>) {
        let Some((field, source)) = mount.filled("source") else {
            mount.refuse("a bind mount needs a source", "give one");
            return;
        };
        if let Some(option) = options.data.first() {
            mount.refuse(format!("a bind mount has no option {option}"), "remove the option");
        }
        let Some(source) = self.host_path(field, source) else { return };
        let flags = match statvfs(&source) {
            Ok(stat) => stat.f_flag,
            Err(errno) => {
                let reason = format!("{} cannot be looked at: {errno}", source.display());
                field.refuse(reason, "correct the path");
                return;
            }
        };
        if let Some(lost) = options.flags.iter().find(|flag| !holds(flags, flag)) {
            if !options.flags.contains(&"ro") {
                let reason = format!("LXC sets {lost} on a bind mount only if it is read-only too");
                mount.refuse(reason, "add ro, or bind what is mounted so already");
            }
        }
        let Some(text) = utf8(field, &source) else { return };
        let create = Create::of(&source);
        self.put(mount, &text, "none", place, options, create);
        self.tree.mount(&place.path, Content::Bind(source));
    }

    fn fresh(&mut self, mount: Field<'_, '_>, fs_type: &str, place: &Place, options: &MountOptions<'_>) {
        let source = mount.filled("source").map_or(fs_type, |(_, source)| source);
        self.put(mount, source, fs_type, place, options, Create::Dir);
        self.tree.mount(&place.path, Content::Fresh(fs_type.to_owned()));
    }

    fn put(
        &mut self,
        mount: Field<'_, '_>,
        source: &str,
        fs_type: &str,
        place: &Place,
        options: &MountOptions<'_>,
        create: Create,
    ) {
        let text = options.text(create.word());
        self.entry(mount, &MountEntry { source, target: &place.path, fs_type, options: &text });
        self.need(place, create);
    }

    /// Notes a mount point that LXC cannot make, because it is missing in a read-only root.
    pub(super) fn need(&mut self, place: &Place, create: Create) {
        if self.read_only && place.kind == Kind::Missing && self.tree.over(&place.path).is_none() {
            let path = place.path.clone();
            self.prepare.push(match create {
                Create::Dir => MountPoint::Directory(path),
                Create::File => MountPoint::File(path),
            });
        }
    }

    /// LXC mounts its own devpts, with the options that every engine uses.
    fn devpts(&mut self, mount: Field<'_, '_>, place: &Place, options: &MountOptions<'_>) {
        mount.text("source");
        if place.path != "dev/pts" {
            mount.refuse("LXC mounts devpts at /dev/pts only", "mount it there");
        }
        let mut max = PTYS;
        for option in &options.data {
            match option.split_once('=').unwrap_or((option, "")) {
                ("newinstance", "") | ("gid", "5") => {}
                ("ptmxmode", "0666" | "666") | ("mode", "0620" | "620") => {}
                ("max", number) if number.parse::<u32>().is_ok_and(|number| number > 0) => max = number,
                _ => mount.refuse(
                    format!("LXC's devpts has other options than {option}"),
                    "use newinstance,ptmxmode=0666,mode=0620,gid=5",
                ),
            }
        }
        if let Some(flag) =
            options.flags.iter().find(|flag| !["nosuid", "noexec", "relatime"].contains(*flag))
        {
            mount.refuse(format!("LXC's devpts is not {flag}"), "remove the option");
        }
        self.line(mount, "lxc.pty.max", max);
        self.need(place, Create::Dir);
        if let Ok(ptmx) = self.tree.resolve(PTMX) {
            self.need(&ptmx, Create::File);
        }
        self.tree.mount(&place.path, Content::Fresh("devpts".to_owned()));
    }

    /// LXC mounts the cgroups of the host's version, after all entries.
    fn cgroups(&mut self, mount: Field<'_, '_>, place: &Place, options: &MountOptions<'_>) {
        mount.text("source");
        if place.path != "sys/fs/cgroup" {
            mount.refuse("LXC mounts cgroups at /sys/fs/cgroup only", "mount them there");
        }
        if let Some(option) = options.data.first() {
            mount.refuse(format!("LXC takes no option {option} for cgroups"), "remove the option");
        }
        let access = if options.flags.contains(&"ro") { "ro" } else { "rw" };
        self.line(mount, "lxc.mount.auto", format!("cgroup:{access}:force"));
        self.tree.mount(&place.path, Content::Fresh("cgroup".to_owned()));
    }
}

/// Whether a mount has a flag already, so that a bind mount of it has it too.
fn holds(flags: StatVfsMountFlags, flag: &str) -> bool {
    let bit = match flag {
        "ro" => StatVfsMountFlags::RDONLY,
        "nosuid" => StatVfsMountFlags::NOSUID,
        "nodev" => StatVfsMountFlags::NODEV,
        "noexec" => StatVfsMountFlags::NOEXEC,
        "noatime" => StatVfsMountFlags::NOATIME,
        "nodiratime" => StatVfsMountFlags::NODIRATIME,
        "relatime" => StatVfsMountFlags::RELATIME,
        _ => return !flags.intersects(StatVfsMountFlags::NOATIME | StatVfsMountFlags::RELATIME),
    };
    flags.contains(bit)
}
