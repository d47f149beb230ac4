//! What nexcage-init sets up inside the container before it is ready.

use crate::{Malformed, Reader};
use core::ffi::CStr;

/// Something that nexcage-init sets up, seen from the root of the container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task<'a> {
    /// A device node or FIFO, in a directory that is made if it is missing. A node of the same kind
    /// and numbers that is there already is left as it is: it may be the host's.
    Node {
        /// Its absolute path.
        path: &'a CStr,
        /// Type and permission bits, as in `st_mode`.
        mode: u32,
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
        /// Owner in the container's user namespace.
        uid: u32,
        /// Group in the container's user namespace.
        gid: u32,
    },
    /// A symbolic link; something of that name that is there already is left alone.
    Link {
        /// Its absolute path.
        path: &'a CStr,
        /// What it says.
        target: &'a CStr,
    },
    /// The propagation of a mount.
    Propagation {
        /// Its mount point.
        path: &'a CStr,
        /// `MS_SHARED`, `MS_SLAVE`, `MS_PRIVATE` or `MS_UNBINDABLE`, and `MS_REC` or not.
        flags: u32,
    },
}

const NODE: u32 = 1;
const LINK: u32 = 2;
const PROPAGATION: u32 = 3;

/// Tasks one after the other in memory, in the order in which they are to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tasks<'a> {
    bytes: &'a [u8],
}

impl<'a> Tasks<'a> {
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let count = reader.len()?;
        let start = reader.0;
        for _ in 0..count {
            Task::read(reader)?;
        }
        Ok(Tasks { bytes: &start[..start.len() - reader.0.len()] })
    }

    /// The tasks in order.
    pub fn iter(&self) -> impl Iterator<Item = Task<'a>> + use<'a> {
        let mut reader = Reader(self.bytes);
        // They were read once: the end of the bytes is the end.
        core::iter::from_fn(move || Task::read(&mut reader).ok())
    }
}

impl<'a> Task<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        match reader.u32()? {
            NODE => Ok(Task::Node {
                path: reader.string()?,
                mode: reader.u32()?,
                major: reader.u32()?,
                minor: reader.u32()?,
                uid: reader.u32()?,
                gid: reader.u32()?,
            }),
            LINK => Ok(Task::Link { path: reader.string()?, target: reader.string()? }),
            PROPAGATION => Ok(Task::Propagation { path: reader.string()?, flags: reader.u32()? }),
            _ => Err(Malformed),
        }
    }

    /// Appends the task as it is on the wire.
    #[cfg(any(feature = "alloc", test))]
    pub(crate) fn encode(self, out: &mut alloc::vec::Vec<u8>) {
        match self {
            Task::Node { path, mode, major, minor, uid, gid } => {
                out.extend(NODE.to_le_bytes());
                out.extend(path.to_bytes_with_nul());
                [mode, major, minor, uid, gid].iter().for_each(|word| out.extend(word.to_le_bytes()));
            }
            Task::Link { path, target } => {
                out.extend(LINK.to_le_bytes());
                out.extend(path.to_bytes_with_nul());
                out.extend(target.to_bytes_with_nul());
            }
            Task::Propagation { path, flags } => {
                out.extend(PROPAGATION.to_le_bytes());
                out.extend(path.to_bytes_with_nul());
                out.extend(flags.to_le_bytes());
            }
        }
    }
}
