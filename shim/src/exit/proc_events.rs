//! Exit events of the kernel's proc connector (linux/cn_proc.h, linux/connector.h).

#![allow(unsafe_code)] // SO_ATTACH_FILTER, which rustix does not have.

use crate::error::Error;
use crate::exit::WaitStatus;
use crate::wait::{Deadline, Watch, wait};
use rustix::io::Errno;
use rustix::net::netlink::{CONNECTOR, SocketAddrNetlink};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recv, send, socket_with,
};
use rustix::process::Pid;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::time::Duration;

const CN_IDX_PROC: u32 = 1;
const CN_VAL_PROC: u32 = 1;
const PROC_CN_MCAST_LISTEN: u32 = 1;
const PROC_EVENT_EXIT: u32 = 0x8000_0000;
const NLMSG_DONE: u16 = 3;

// A message is nlmsghdr (16 bytes), cn_msg (20), proc_event; offsets of what is read:
const WHAT: u8 = 36;
const TGID: u8 = 56;
const EXIT_CODE: usize = 60;
const REQUEST_LEN: usize = 40;

/// A subscription to the exit of one process.
#[derive(Debug)]
pub(super) struct ProcEvents {
    socket: OwnedFd,
    tgid: i32,
}

impl ProcEvents {
    /// Subscribes; needs CAP_NET_ADMIN in the host's own namespaces.
    pub(super) fn subscribe(pid: Pid) -> Result<Self, Error> {
        let tgid = pid.as_raw_pid();
        let subscribe = || -> Result<OwnedFd, io::Error> {
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            let socket = socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, Some(CONNECTOR))?;
            // Every process of the host reports here; only this one's end may fill the buffer.
            attach_filter(&socket, tgid)?;
            bind(&socket, &SocketAddrNetlink::new(0, CN_IDX_PROC))?;
            send(&socket, &listen_request(), SendFlags::empty())?;
            Ok(socket)
        };
        let socket = subscribe().map_err(Error::system("subscribe to process events"))?;
        Ok(ProcEvents { socket, tgid })
    }

    /// The status of the process, which has ended. Each thread reports its own; the last report is
    /// the process's. The kernel wakes up those who wait for a process a moment before it sends
    /// the report, so the last one is known by the silence after it.
    pub(super) fn last_status(&self, patience: Duration) -> Result<Option<WaitStatus>, Error> {
        let mut last = None;
        loop {
            let limit = if last.is_some() { SILENCE } else { patience };
            if wait([Watch::Readable(self.socket.as_fd())], Deadline::after(limit))? == [false] {
                return Ok(last.map(WaitStatus));
            }
            last = self.receive().map_err(Error::system("receive a process event"))?.or(last);
        }
    }

    fn receive(&self) -> io::Result<Option<i32>> {
        let mut buffer = [0; 256];
        match recv(&self.socket, &mut buffer, RecvFlags::empty()) {
            Ok((_, len)) => Ok(exit_code(&buffer[..len.min(256)], self.tgid)),
            Err(Errno::AGAIN | Errno::INTR) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }
}

/// After this long no report of another thread is to be expected.
const SILENCE: Duration = Duration::from_millis(10);

/// `nlmsghdr`, `cn_msg`, and the operation.
fn listen_request() -> [u8; REQUEST_LEN] {
    let mut request = [0; REQUEST_LEN];
    let mut put = |offset: usize, bytes: &[u8]| request[offset..offset + bytes.len()].copy_from_slice(bytes);
    put(0, &40_u32.to_ne_bytes());
    put(4, &NLMSG_DONE.to_ne_bytes());
    put(16, &CN_IDX_PROC.to_ne_bytes());
    put(20, &CN_VAL_PROC.to_ne_bytes());
    put(32, &4_u16.to_ne_bytes());
    put(36, &PROC_CN_MCAST_LISTEN.to_ne_bytes());
    request
}

fn word(message: &[u8], offset: usize) -> Option<[u8; 4]> {
    message.get(offset..offset + 4)?.try_into().ok()
}

fn exit_code(message: &[u8], tgid: i32) -> Option<i32> {
    let is = |offset: u8, value: [u8; 4]| word(message, offset.into()) == Some(value);
    let ours = is(WHAT, PROC_EVENT_EXIT.to_ne_bytes()) && is(TGID, tgid.to_ne_bytes());
    ours.then(|| word(message, EXIT_CODE).map(i32::from_ne_bytes))?
}

/// Has the kernel drop every message but exit events of `tgid`.
fn attach_filter(socket: &OwnedFd, tgid: i32) -> io::Result<()> {
    const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
    const JUMP_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
    const RETURN: u16 = 0x06; // BPF_RET | BPF_K
    let op = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    // The filter machine loads words as big-endian; the message is in the host's order.
    let mut program = [
        op(LOAD, 0, 0, WHAT.into()),
        op(JUMP_EQUAL, 0, 3, PROC_EVENT_EXIT.to_be()),
        op(LOAD, 0, 0, TGID.into()),
        op(JUMP_EQUAL, 0, 1, u32::from_be_bytes(tgid.to_ne_bytes())),
        op(RETURN, 0, 0, u32::MAX),
        op(RETURN, 0, 0, 0),
    ];
    let filter = libc::sock_fprog { len: 6, filter: program.as_mut_ptr() };
    let len = libc::socklen_t::try_from(size_of_val(&filter)).map_err(io::Error::other)?;
    // SAFETY: the option's value is a sock_fprog of the length given, pointing to six instructions;
    // the kernel copies both before the call returns.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const filter).cast(),
            len,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
