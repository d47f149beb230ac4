//! Where nexcage-init is.

use core::ffi::CStr;
use nexcage_handover::SOCKET_NAME;
use nexcage_init::path::join;

/// A unix socket's address has no room for more.
const CAPACITY: usize = 108;

/// The directory that is mounted for nexcage-init.
#[derive(Debug)]
pub(crate) struct Place {
    directory: [u8; CAPACITY],
    socket: [u8; CAPACITY],
}

impl Place {
    /// The directory of nexcage-init's own path; `None` if that names no directory but the root,
    /// or if the directory's name leaves no room for the socket's.
    pub(crate) fn of(own_path: &CStr) -> Option<Self> {
        let own_path = own_path.to_bytes();
        let directory = &own_path[..own_path.iter().rposition(|&byte| byte == b'/')?];
        let mut place = Place { directory: [0; CAPACITY], socket: [0; CAPACITY] };
        if directory.is_empty() {
            return None;
        }
        join(b"", directory, &mut place.directory)?;
        join(directory, SOCKET_NAME.as_bytes(), &mut place.socket)?;
        Some(place)
    }

    /// The directory, which is a mount point.
    pub(crate) fn directory(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.directory).unwrap_or_default()
    }

    /// The shim's socket in it.
    pub(crate) fn socket(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.socket).unwrap_or_default()
    }
}
