//! Options of a mount, as mount(8) and containerd write them.

use nexcage_setup::plan::IdMap;
use rustix::mount::{MountFlags, MountPropagationFlags};
use std::io;
use std::path::{Path, PathBuf};

/// Most bytes of data that mount(2) takes, with the zero behind them.
const MOST_DATA: usize = 4096;

/// Options, sorted by where they go.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) flags: MountFlags,
    pub(super) propagation: MountPropagationFlags,
    /// How owners are mapped, if they are.
    pub(super) owners: Option<IdMap>,
    /// What the file system itself takes.
    data: Vec<String>,
}

/// What an option does to a mount.
enum Effect {
    Set(MountFlags),
    Clear(MountFlags),
    Propagate(MountPropagationFlags),
    Nothing,
}

/// What the names mean that are not a file system's own.
fn effect(option: &str) -> Option<Effect> {
    use Effect::{Clear, Nothing, Propagate, Set};
    let recursive = MountPropagationFlags::REC;
    Some(match option {
        "bind" => Set(MountFlags::BIND),
        "rbind" => Set(MountFlags::BIND | MountFlags::REC),
        "ro" => Set(MountFlags::RDONLY),
        "rw" => Clear(MountFlags::RDONLY),
        "nosuid" => Set(MountFlags::NOSUID),
        "suid" => Clear(MountFlags::NOSUID),
        "nodev" => Set(MountFlags::NODEV),
        "dev" => Clear(MountFlags::NODEV),
        "noexec" => Set(MountFlags::NOEXEC),
        "exec" => Clear(MountFlags::NOEXEC),
        "sync" => Set(MountFlags::SYNCHRONOUS),
        "async" => Clear(MountFlags::SYNCHRONOUS),
        "dirsync" => Set(MountFlags::DIRSYNC),
        "noatime" => Set(MountFlags::NOATIME),
        "atime" => Clear(MountFlags::NOATIME),
        "nodiratime" => Set(MountFlags::NODIRATIME),
        "diratime" => Clear(MountFlags::NODIRATIME),
        "relatime" => Set(MountFlags::RELATIME),
        "norelatime" => Clear(MountFlags::RELATIME),
        "strictatime" => Set(MountFlags::STRICTATIME),
        "nostrictatime" => Clear(MountFlags::STRICTATIME),
        "private" => Propagate(MountPropagationFlags::PRIVATE),
        "rprivate" => Propagate(MountPropagationFlags::PRIVATE | recursive),
        "shared" => Propagate(MountPropagationFlags::SHARED),
        "rshared" => Propagate(MountPropagationFlags::SHARED | recursive),
        "slave" => Propagate(MountPropagationFlags::DOWNSTREAM),
        "rslave" => Propagate(MountPropagationFlags::DOWNSTREAM | recursive),
        "unbindable" => Propagate(MountPropagationFlags::UNBINDABLE),
        "runbindable" => Propagate(MountPropagationFlags::UNBINDABLE | recursive),
        "defaults" => Nothing,
        _ => return None,
    })
}

impl Options {
    pub(super) fn parse(options: &[String]) -> io::Result<Self> {
        let mut parsed = Options {
            flags: MountFlags::empty(),
            propagation: MountPropagationFlags::empty(),
            owners: None,
            data: Vec::new(),
        };
        let (mut users, mut groups) = (None, None);
        for option in options {
            match effect(option) {
                Some(Effect::Set(flags)) => parsed.flags |= flags,
                Some(Effect::Clear(flags)) => parsed.flags -= flags,
                Some(Effect::Propagate(propagation)) => parsed.propagation = propagation,
                Some(Effect::Nothing) => {}
                None if option.starts_with(UIDMAP) => users = Some(lines(&option[UIDMAP.len()..])),
                None if option.starts_with(GIDMAP) => groups = Some(lines(&option[GIDMAP.len()..])),
                None if ["loop", "remount"].contains(&option.as_str()) => {
                    return Err(io::Error::other(format!("the option {option} is not served")));
                }
                None => parsed.data.push(option.clone()),
            }
        }
        parsed.owners = match (users, groups) {
            (Some(users), Some(groups)) => Some(IdMap { users, groups, recursive: false }),
            (None, None) => None,
            _ => return Err(io::Error::other("of uidmap and gidmap there is only one")),
        };
        Ok(parsed)
    }

    pub(super) fn data(&self) -> String {
        self.data.join(",")
    }

    /// The layers of an overlay, the uppermost first.
    pub(super) fn layers(&self) -> Vec<PathBuf> {
        let lower = self.data.iter().find_map(|option| option.strip_prefix(LOWER));
        lower.into_iter().flat_map(|layers| layers.split(':')).map(PathBuf::from).collect()
    }

    /// Where an overlay's changes go.
    pub(super) fn upper(&self) -> Option<&Path> {
        self.data.iter().find_map(|option| option.strip_prefix(UPPER)).map(Path::new)
    }

    /// Names the layers otherwise.
    pub(super) fn set_layers(&mut self, layers: &[String]) {
        self.data.retain(|option| !option.starts_with(LOWER));
        self.data.push(format!("{LOWER}{}", layers.join(":")));
    }

    /// Makes too long a list of an overlay's layers fit, by paths that are relative to a directory
    /// where the caller has to stand.
    pub(super) fn shorten(&mut self) -> Option<PathBuf> {
        if self.data().len() < MOST_DATA {
            return None;
        }
        let lower = self.data.iter_mut().find(|option| option.starts_with(LOWER))?;
        let layers: Vec<&Path> = lower[LOWER.len()..].split(':').map(Path::new).collect();
        let common = layers[0].ancestors().skip(1).find(|directory| {
            directory.is_absolute() && layers.iter().all(|layer| layer.starts_with(directory))
        })?;
        let relative = layers.iter().filter_map(|layer| layer.strip_prefix(common).ok()?.to_str());
        let (short, common) = (relative.collect::<Vec<_>>().join(":"), common.to_owned());
        *lower = format!("{LOWER}{short}");
        Some(common)
    }
}

const LOWER: &str = "lowerdir=";
const UPPER: &str = "upperdir=";
const UIDMAP: &str = "uidmap=";
const GIDMAP: &str = "gidmap=";

/// The lines of uid_map(5) that `INSIDE:OUTSIDE:COUNT`, with commas between several, stands for.
fn lines(map: &str) -> String {
    map.split(',').map(|range| format!("{}\n", range.replace(':', " "))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(options: &[&str]) -> Options {
        let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
        Options::parse(&options).unwrap()
    }

    #[test]
    fn flags_propagation_and_data_are_told_apart() {
        let options = parse(&["rbind", "ro", "nosuid", "suid", "rslave", "lowerdir=/a:/b", "index=off"]);
        assert_eq!(options.flags, MountFlags::BIND | MountFlags::REC | MountFlags::RDONLY);
        assert_eq!(options.propagation, MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC);
        assert_eq!(options.data(), "lowerdir=/a:/b,index=off");
        assert!(Options::parse(&["loop".to_owned()]).is_err());
    }

    #[test]
    fn owners_are_no_option_of_the_file_system() {
        let options = parse(&["uidmap=0:100000:1000,1000:1:1", "gidmap=0:100000:1001", "lowerdir=/a:/b"]);
        let owners = options.owners.clone().unwrap();
        assert_eq!((&*owners.users, &*owners.groups), ("0 100000 1000\n1000 1 1\n", "0 100000 1001\n"));
        assert_eq!((options.data().as_str(), options.layers().len()), ("lowerdir=/a:/b", 2));
        assert!(Options::parse(&["uidmap=0:1:2".to_owned()]).is_err());
    }

    #[test]
    fn many_layers_are_named_from_where_they_are() {
        let layers: Vec<String> = (0..200).map(|n| format!("/var/lib/containerd/snapshots/{n}/fs")).collect();
        let lower = format!("lowerdir={}", layers.join(":"));
        let mut options = parse(&["workdir=/w", "upperdir=/u", &lower]);
        assert_eq!(options.shorten().unwrap(), Path::new("/var/lib/containerd/snapshots"));
        assert!(options.data().starts_with("workdir=/w,upperdir=/u,lowerdir=0/fs:1/fs:"));
        assert!(options.data().len() < MOST_DATA);
        assert!(parse(&["lowerdir=/a/1:/a/2"]).shorten().is_none());
    }
}
