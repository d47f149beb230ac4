//! Why a root file system cannot be put on a storage.

use nexcage_cli::{Code, Diagnose};
use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// See the module. Nothing was made yet.
#[derive(Debug)]
pub(crate) enum Unfit {
    /// The template cannot be opened.
    Missing { template: String, path: PathBuf, source: io::Error },
    /// It is no regular file.
    NoFile { template: String },
    /// Its name ends in none of the forms that Proxmox unpacks.
    Ending { template: String, path: PathBuf },
    /// Its content is not what its name says.
    Content { template: String, says: &'static str, is: &'static str },
    /// The program that decompresses it is not installed.
    NoProgram { template: String, program: &'static str },
    /// It is no archive, or damaged where it was looked at.
    Damaged { template: String, source: io::Error },
    /// There is no root file system in it.
    NoRoot { template: String, is_image: bool },
    /// It is for another machine.
    Architecture { template: String, image: String, host: &'static str },
    /// There is no such storage.
    NoStorage { storage: String, others: Vec<String> },
    /// The storage does not take this content.
    Refuses { storage: String, content: &'static str, takes: String, others: Vec<String> },
    /// The storage is not for this node.
    NotHere { storage: String },
    /// The storage has no directory for templates.
    NoDirectory { storage: String, kind: String },
    /// The root file system is larger than its disk, or than the room for its archive.
    TooLarge { mib: u64, room: u64, place: String },
    /// A device node, which nobody can make in an unprivileged CT.
    Device { path: PathBuf },
    /// An owner that the CT's ids do not have.
    Owner { path: PathBuf, id: u32 },
    /// The bundle's id map is not the one by which Proxmox makes volumes.
    IdMap,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unfit::Missing { template, path, .. } => {
                write!(f, "cannot open the template {template}")?;
                if path.to_str() == Some(template) { Ok(()) } else { write!(f, ", {}", path.display()) }
            }
            Unfit::NoFile { template } => write!(f, "the template {template} is no regular file"),
            Unfit::Ending { template, path } if path.to_str() == Some(template) => {
                write!(f, "the name of the template {template} is none of an archive that Proxmox unpacks")
            }
            Unfit::Ending { template, path } => {
                write!(f, "the template {template} is {}, which Proxmox does not unpack", path.display())
            }
            Unfit::Content { template, says, is } => {
                write!(f, "the template {template} is {says} by its name, and {is} by its content")
            }
            Unfit::NoProgram { template, program } => {
                write!(f, "cannot look into the template {template}: there is no {program}")
            }
            Unfit::Damaged { template, .. } => write!(f, "cannot look into the template {template}"),
            Unfit::NoRoot { template, is_image: true } => {
                write!(f, "the template {template} is a container image, not a root file system")
            }
            Unfit::NoRoot { template, is_image: false } => {
                write!(
                    f,
                    "no root file system begins in the template {template}: neither bin, sbin, usr, etc nor lib"
                )
            }
            Unfit::Architecture { template, image, host } => {
                write!(f, "the template {template} is for {image}, and this host is {host}")
            }
            Unfit::NoStorage { storage, .. } => write!(f, "there is no storage {storage}"),
            Unfit::Refuses { storage, content, takes, .. } => {
                write!(f, "the storage {storage} takes {takes}, and not {content}")
            }
            Unfit::NotHere { storage } => {
                write!(f, "the storage {storage} is disabled, or not for this node")
            }
            Unfit::NoDirectory { storage, kind } => {
                write!(f, "the storage {storage} of type {kind} has no directory for templates")
            }
            Unfit::TooLarge { mib, room, place } => {
                write!(f, "the root file system has {mib} MiB, and {place} {room} MiB")
            }
            Unfit::Device { path } => {
                write!(f, "the device node {} cannot be made in an unprivileged CT", path.display())
            }
            Unfit::Owner { path, id } => {
                write!(f, "{} belongs to {id}, which the CT does not have", path.display())
            }
            Unfit::IdMap => f.write_str(
                "a root file system on a storage has Proxmox's own id map, and the bundle another",
            ),
        }
    }
}

impl Error for Unfit {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Unfit::Missing { source, .. } | Unfit::Damaged { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl Diagnose for Unfit {
    fn code(&self) -> Code {
        match self {
            Unfit::NoStorage { .. }
            | Unfit::Refuses { .. }
            | Unfit::NotHere { .. }
            | Unfit::NoDirectory { .. } => Code::Storage,
            Unfit::TooLarge { .. } | Unfit::Device { .. } | Unfit::Owner { .. } | Unfit::IdMap => {
                Code::Refused
            }
            _ => Code::Template,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Unfit::Missing { .. } => "pveam list STORAGE shows what there is; names are exact".to_owned(),
            Unfit::NoFile { .. } => "name an archive".to_owned(),
            Unfit::Ending { .. } => {
                "it has to end in .tar, .tar.gz, .tar.xz, .tar.zst, .tar.bz2 or .tar.lzo".to_owned()
            }
            Unfit::Content { .. } => "give it the ending of its content, or get it again".to_owned(),
            Unfit::NoProgram { program, .. } => format!("install {program}"),
            Unfit::Damaged { .. } => "compare its checksum, or get it again".to_owned(),
            Unfit::NoRoot { is_image: true, .. } => "unpack it to a bundle, by umoci for example".to_owned(),
            Unfit::NoRoot { .. } => {
                "it has to hold a root file system itself, in no directory above it".to_owned()
            }
            Unfit::Architecture { .. } => "get the template of this machine's architecture".to_owned(),
            Unfit::NoStorage { others, .. } | Unfit::Refuses { others, .. } if !others.is_empty() => {
                format!("there is {}", others.join(", "))
            }
            Unfit::NoStorage { .. } | Unfit::Refuses { .. } => {
                "pvesm set STORAGE --content changes what one takes".to_owned()
            }
            Unfit::NotHere { .. } => "pvesm status shows what this node has".to_owned(),
            Unfit::NoDirectory { .. } => "name the template by its path".to_owned(),
            Unfit::TooLarge { .. } => "give it more room".to_owned(),
            Unfit::Device { .. } => {
                "remove it from the image: mounts and linux.devices bring devices".to_owned()
            }
            Unfit::Owner { .. } => "change its owner to one of the CT's 65536 ids".to_owned(),
            Unfit::IdMap => "map 65536 ids from 0 to 100000 on".to_owned(),
        };
        Some(hint)
    }
}
