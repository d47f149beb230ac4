//! A bundle's root file system as an archive for `pct create`, which reads none from a pipe (pct.md,
//! section 1: only a restore does, and that wants a configuration inside).

use super::task::Task;
use super::unfit::Unfit;
use crate::error::Error;
use crate::signals::Signals;
use rustix::fs::statvfs;
use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Where an archive is while it is needed: on a disk, where the state directory is in memory.
const PLACE: &str = "/var/tmp";
/// How much of the container's name that of its archive has.
const NAME: usize = 160;
/// The file of the state directory that names it, from before it is made until it is gone.
const NOTE: &str = "archive";
/// The ids of a CT's.
const IDS: u32 = 65536;
/// How long tar may take to end.
const PATIENCE: Duration = Duration::from_secs(3);

/// An archive; it is gone with this value.
#[derive(Debug)]
pub(super) struct Archive {
    path: PathBuf,
    directory: PathBuf,
}

impl Archive {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        remove_left(&self.directory);
    }
}

/// Removes the archive that a container's directory names, whoever has made it.
pub(super) fn remove_left(directory: &Path) {
    let note = directory.join(NOTE);
    if let Ok(path) = fs::read_to_string(&note) {
        drop(fs::remove_file(path));
        drop(fs::remove_file(note));
    }
}

/// How the ids of files become a CT's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owners {
    /// As they are, and any may be.
    Any,
    /// As they are, below 65536.
    Container,
    /// Those from this one on are the container's from 0 on.
    From(u32),
}

impl Owners {
    fn inner(self, id: u32) -> Option<u32> {
        match self {
            Owners::Any => Some(id),
            Owners::Container => Some(id).filter(|id| *id < IDS),
            Owners::From(first) => id.checked_sub(first).filter(|id| *id < IDS),
        }
    }
}

/// What there is to be packed.
#[derive(Debug, Default)]
struct Survey {
    bytes: u64,
    users: BTreeMap<u32, u32>,
    groups: BTreeMap<u32, u32>,
    /// Files of several names that were counted.
    seen: HashSet<u64>,
}

impl Survey {
    /// Looks at everything in the file system of `root` but what is in /dev, which Proxmox does not unpack.
    fn of(root: &Path, owners: Owners) -> Result<Self, Error> {
        let mut survey = Survey::default();
        let read = |path: &Path| Error::system(format!("look at {}", path.display()));
        let device = fs::symlink_metadata(root).map_err(read(root))?.dev();
        let mut pending = vec![root.to_owned()];
        while let Some(path) = pending.pop() {
            let found = fs::symlink_metadata(&path).map_err(read(&path))?;
            survey.add(&path, &found, owners).map_err(Box::new)?;
            if found.is_dir() && found.dev() == device && path != root.join("dev") {
                for entry in fs::read_dir(&path).map_err(read(&path))? {
                    pending.push(entry.map_err(read(&path))?.path());
                }
            }
        }
        Ok(survey)
    }

    fn add(&mut self, path: &Path, found: &fs::Metadata, owners: Owners) -> Result<(), Unfit> {
        let kind = found.file_type();
        if owners != Owners::Any && (kind.is_char_device() || kind.is_block_device()) {
            return Err(Unfit::Device { path: path.to_owned() });
        }
        for (id, ids) in [(found.uid(), &mut self.users), (found.gid(), &mut self.groups)] {
            let inner = owners.inner(id).ok_or_else(|| Unfit::Owner { path: path.to_owned(), id })?;
            ids.insert(id, inner);
        }
        if found.nlink() < 2 || found.is_dir() || self.seen.insert(found.ino()) {
            self.bytes += found.blocks() * 512;
        }
        Ok(())
    }

    fn mib(&self) -> u64 {
        self.bytes >> 20
    }

    /// That it is not larger than the room there is.
    fn fits(&self, room: u64, place: &str) -> Result<(), Unfit> {
        let too_large = || Unfit::TooLarge { mib: self.mib(), room: room >> 20, place: place.to_owned() };
        if self.bytes > room { Err(too_large()) } else { Ok(()) }
    }
}

/// Packs a root file system that goes to a disk of so many bytes, if it has a limit.
pub(super) fn pack(
    root: &Path,
    (owners, disk): (Owners, Option<u64>),
    directory: &Path,
    limit: Duration,
    signals: &mut Signals,
) -> Result<Archive, Error> {
    let survey = Survey::of(root, owners)?;
    if let Some(room) = disk {
        survey.fits(room, "its disk").map_err(Box::new)?;
    }
    if let Ok(place) = statvfs(PLACE) {
        survey.fits(place.f_bavail * place.f_frsize, &format!("{PLACE} has left")).map_err(Box::new)?;
    }
    let (archive, file) =
        create(directory).map_err(Error::system(format!("create an archive in {PLACE}")))?;
    let written = file.try_clone().map_err(Error::system("duplicate a descriptor"))?;
    let errors = directory.join("errors");
    let mut tar = Command::new("tar");
    // What is sparse, linked or has attributes stays so; GNU tar unpacks it again.
    tar.args(["--create", "--file=-", "--one-file-system", "--numeric-owner", "--sparse", "--acls"]);
    tar.args(["--xattrs", "--xattrs-include=*", "--anchored", "--exclude=./dev/*"]).env("LC_ALL", "C");
    for (option, name, ids) in
        [("--owner-map", "users", &survey.users), ("--group-map", "groups", &survey.groups)]
    {
        if matches!(owners, Owners::From(_)) {
            let path = directory.join(name);
            let lines: String = ids.iter().map(|(outer, inner)| format!("+{outer} x:{inner}\n")).collect();
            fs::write(&path, lines).map_err(Error::system(format!("write {}", path.display())))?;
            tar.arg(option).arg(path);
        }
    }
    tar.arg("--directory").arg(root).arg(".").stdout(file);
    let task = Task::begin(tar, &errors, directory).map_err(Error::system("execute tar"))?;
    let so_far = || {
        let done = written.metadata().map_or(0, |file| file.len() >> 20);
        format!("packing the root file system: {done} of {} MiB", survey.mib())
    };
    let status =
        task.finish(Some(signals), ("the packing of the root file system", limit), PATIENCE, so_far)?;
    if !status.success() {
        let words = fs::read_to_string(&errors).unwrap_or_default().trim_end().replace('\n', "; ");
        let failed = io::Error::other(if words.is_empty() { status.to_string() } else { words });
        return Err(Error::system(format!("pack {}", root.display()))(failed));
    }
    Ok(archive)
}

/// Makes an empty archive, of which the container's directory knows before.
fn create(directory: &Path) -> io::Result<(Archive, File)> {
    // The directory is named by namespace and id.
    let names: Vec<_> =
        directory.components().rev().take(2).map(|name| name.as_os_str().to_string_lossy()).collect();
    let whose = names.iter().rev().map(|name| &**name).collect::<Vec<_>>().join("-");
    let [one, other] = [(); 2].map(|()| RandomState::new().build_hasher().finish());
    let whose: String = whose.chars().take(NAME).collect();
    let path = Path::new(PLACE).join(format!("nexcage-{whose}-{one:016x}{other:016x}.tar"));
    let mut note = File::create(directory.join(NOTE))?;
    note.write_all(path.as_os_str().as_encoded_bytes())?;
    let archive = Archive { path, directory: directory.to_owned() };
    let file = File::options().write(true).create_new(true).mode(0o600).open(&archive.path)?;
    Ok((archive, file))
}
