//! The connection to the shim.

use super::{Errno, Fd, Result, address, again, call};
use core::ffi::{CStr, c_char};
use core::mem::{offset_of, size_of};
use linux_raw_sys::errno::ENAMETOOLONG;
use linux_raw_sys::general::{__NR_connect, __NR_recvmsg, __NR_sendmsg, __NR_sendto, __NR_socket, O_CLOEXEC};
use linux_raw_sys::net::{
    AF_UNIX, MSG_CMSG_CLOEXEC, MSG_CTRUNC, MSG_NOSIGNAL, SCM_RIGHTS, SOCK_STREAM, SOL_SOCKET, sockaddr_un,
};

#[expect(clippy::cast_possible_truncation, reason = "the value is 1")]
const FAMILY: u16 = AF_UNIX as u16;

/// Connects to the stream socket at `path`.
pub(crate) fn connect(path: &CStr) -> Result<Fd> {
    let mut name = sockaddr_un { sun_family: FAMILY, sun_path: [0; 108] };
    let bytes = path.to_bytes_with_nul();
    let room = name.sun_path.get_mut(..bytes.len()).ok_or(Errno(ENAMETOOLONG))?;
    for (to, from) in room.iter_mut().zip(bytes) {
        *to = *from as c_char;
    }
    // SOCK_CLOEXEC is O_CLOEXEC.
    let kind = (SOCK_STREAM | O_CLOEXEC) as usize;
    // SAFETY: makes a new descriptor, touches no memory.
    let fd = unsafe { call(__NR_socket, [AF_UNIX as usize, kind, 0]) }.map(Fd::from_result)?.above_stdio()?;
    let arguments = [fd.argument(), address(&raw const name), size_of::<sockaddr_un>()];
    // SAFETY: the kernel reads the address, which is as long as is said.
    again(|| unsafe { call(__NR_connect, arguments) })?;
    Ok(fd)
}

/// Sends up to the whole of `bytes`; a peer that is gone gives an error, not a signal.
pub(crate) fn send(fd: &Fd, bytes: &[u8]) -> Result<usize> {
    let arguments = [fd.argument(), address(bytes.as_ptr()), bytes.len(), MSG_NOSIGNAL as usize, 0, 0];
    // SAFETY: the kernel reads `bytes`; no address is given.
    again(|| unsafe { call(__NR_sendto, arguments) })
}

/// Sends up to the whole of `bytes`, of which there is at least one, and a copy of a descriptor.
pub(crate) fn send_with(fd: &Fd, bytes: &[u8], descriptor: &Fd) -> Result<usize> {
    let mut control = Control {
        len: ONE_DESCRIPTOR,
        level: SOL_SOCKET,
        kind: SCM_RIGHTS,
        descriptors: [descriptor.number(), 0, 0],
    };
    let mut part = Part { start: bytes.as_ptr().cast_mut(), len: bytes.len() };
    let message = Message {
        name: 0,
        name_len: 0,
        parts: &raw mut part,
        part_count: 1,
        control: &raw mut control,
        control_len: ONE_DESCRIPTOR,
        flags: 0,
    };
    let arguments = [fd.argument(), address(&raw const message), MSG_NOSIGNAL as usize];
    // SAFETY: every pointer in the message is to memory of the length that is said beside it, which
    // the kernel only reads.
    again(|| unsafe { call(__NR_sendmsg, arguments) })
}

/// What came as SCM_RIGHTS with some bytes.
#[derive(Debug)]
pub(crate) enum Rights {
    /// Nothing.
    None,
    /// One descriptor.
    One(Fd),
    /// Stdin, stdout and stderr.
    Stdio([Fd; 3]),
    /// Another number of descriptors; they stay open.
    Unexpected,
}

/// Receives up to `buffer`'s length, and descriptors; 0 bytes at the end of the stream.
pub(crate) fn receive(fd: &Fd, buffer: &mut [u8]) -> Result<(usize, Rights)> {
    let mut control = Control { len: 0, level: 0, kind: 0, descriptors: [0; 3] };
    let mut part = Part { start: buffer.as_mut_ptr(), len: buffer.len() };
    let mut message = Message {
        name: 0,
        name_len: 0,
        parts: &raw mut part,
        part_count: 1,
        control: &raw mut control,
        // Without the padding: there is room for no fourth descriptor.
        control_len: CONTROL_LEN,
        flags: 0,
    };
    let message_address = address(&raw mut message);
    // SAFETY: every pointer in the message is to memory of the length that is said beside it.
    let count =
        again(|| unsafe { call(__NR_recvmsg, [fd.argument(), message_address, MSG_CMSG_CLOEXEC as usize]) })?;
    Ok((count, control.rights(message.flags)))
}

/// `struct iovec`.
#[repr(C)]
struct Part {
    start: *mut u8,
    len: usize,
}

/// `struct user_msghdr`.
#[repr(C)]
struct Message {
    name: usize,
    name_len: i32,
    parts: *mut Part,
    part_count: usize,
    control: *mut Control,
    control_len: usize,
    flags: u32,
}

/// `struct cmsghdr` with the data that is expected.
#[repr(C)]
struct Control {
    len: usize,
    level: u32,
    kind: u32,
    descriptors: [i32; 3],
}

const CONTROL_LEN: usize = offset_of!(Control, descriptors) + size_of::<[i32; 3]>();
const ONE_DESCRIPTOR: usize = offset_of!(Control, descriptors) + size_of::<i32>();

impl Control {
    fn rights(&self, message_flags: u32) -> Rights {
        if self.len == 0 && message_flags & MSG_CTRUNC == 0 {
            return Rights::None;
        }
        if message_flags & MSG_CTRUNC != 0 || self.level != SOL_SOCKET || self.kind != SCM_RIGHTS {
            return Rights::Unexpected;
        }
        match (self.len, self.descriptors) {
            (ONE_DESCRIPTOR, [one, ..]) => Rights::One(Fd::new(one)),
            (CONTROL_LEN, three) => Rights::Stdio(three.map(Fd::new)),
            _ => Rights::Unexpected,
        }
    }
}
