//! Options of a mount, as mount(8) and containerd write them.

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
            data: Vec::new(),
        };
        for option in options {
            match effect(option) {
                Some(Effect::Set(flags)) => parsed.flags |= flags,
                Some(Effect::Clear(flags)) => parsed.flags -= flags,
                Some(Effect::Propagate(propagation)) => parsed.propagation = propagation,
                Some(Effect::Nothing) => {}
                None if ["loop", "remount"].contains(&option.as_str()) => {
                    return Err(io::Error::other(format!("the option {option} is not served")));
                }
                None => parsed.data.push(option.clone()),
            }
        }
        Ok(parsed)
    }

    pub(super) fn data(&self) -> String {
        self.data.join(",")
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
