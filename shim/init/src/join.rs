//! Joining a running container, as a process that the shim has started outside.
//!
//! Nothing of the host comes along: no descriptor but the connection, no working directory, no
//! keyring. While it is not yet the process, nobody in the container can look into it.

use crate::connection::{Connection, Trouble};
use crate::kernel::{self, Fd, Rights};
use crate::{At as _, MALFORMED};
use linux_raw_sys::general::CLONE_NEWUSER;
use nexcage_handover::{Header, JOIN_LEN, Kind, Step};

/// Which of the two processes goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The one that was started. It has nothing more to do.
    Outside,
    /// Its copy, in the container, a child of the shim and hidden.
    Inside,
}

/// Joins the container that the shim names.
pub(crate) fn join(connection: &Connection) -> Result<Side, Trouble> {
    kernel::hide().at(Step::Join)?;
    kernel::close_all_but(connection.socket(), 0).at(Step::CloseDescriptors)?;
    let (namespaces, init) = receive_join(connection)?;
    // The host's root has more room for keys than the container's.
    kernel::leave_session_keyring().at(Step::Keyring)?;
    enter(namespaces, &init).at(Step::Join)?;
    drop(init);
    match kernel::split().at(Step::Join)? {
        Some(child) => connection.send_joined(child).map(|()| Side::Outside),
        None => wait_for_go(connection).map(|()| Side::Inside),
    }
}

/// The namespaces to join, and the pidfd of the process whose they are.
fn receive_join(connection: &Connection) -> Result<(u32, Fd), Trouble> {
    let (Header { kind: Kind::Join, body_len: JOIN_LEN }, Rights::One(init)) = connection.receive_header()?
    else {
        return Err(MALFORMED.into());
    };
    let mut namespaces = [0; JOIN_LEN as usize];
    connection.receive_body(&mut namespaces)?;
    Ok((u32::from_le_bytes(namespaces), init))
}

fn enter(namespaces: u32, init: &Fd) -> kernel::Result {
    if namespaces != 0 {
        kernel::join_namespaces(init, namespaces)?;
    }
    if namespaces & CLONE_NEWUSER != 0 {
        // The host's root is nobody there.
        kernel::set_groups(&[])?;
        kernel::set_group(0)?;
        kernel::set_user(0)?;
        kernel::hide()?;
    }
    Ok(())
}

/// The child speaks once the joiner has ended.
fn wait_for_go(connection: &Connection) -> Result<(), Trouble> {
    match connection.receive_header()? {
        (Header { kind: Kind::Go, body_len: 0 }, Rights::None) => Ok(()),
        _ => Err(MALFORMED.into()),
    }
}
