//! The process's terminal, by the master of its pty.

use crate::error::Error;
use rustix::fs::{FileType, OFlags, fcntl_getfl, fcntl_setfl, fstat, major, minor};
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, ptsname};
use rustix::termios::{
    LocalModes, OptionalActions, OutputModes, SpecialCodeIndex, Winsize, tcgetattr, tcsetattr, tcsetwinsize,
};
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// The number of every pty multiplexer (Linux allocated devices).
const MULTIPLEXER: (u32, u32) = (5, 2);

/// The process's terminal, seen from the side that types and reads the screen. Never blocks.
#[derive(Debug)]
pub(crate) struct Master {
    master: OwnedFd,
    /// The terminal itself, held so that it does not end while the process has it closed.
    terminal: Option<OwnedFd>,
}

impl Master {
    /// Takes a descriptor that came out of a container, if it is the master of a pty.
    pub(crate) fn check(master: OwnedFd) -> Result<Self, Error> {
        let is_master = fstat(&master).is_ok_and(|stat| {
            FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice
                && (major(stat.st_rdev), minor(stat.st_rdev)) == MULTIPLEXER
        });
        if !is_master || ptsname(&master, Vec::new()).is_err() {
            return Err(Error::NoMaster);
        }
        Ok(Master { master, terminal: None })
    }

    /// Makes it ready to be relayed: it never blocks, and stays while the process has it closed.
    pub(crate) fn prepare(mut self) -> Result<Self, Error> {
        let prepare = || {
            fcntl_setfl(&self.master, fcntl_getfl(&self.master)? | OFlags::NONBLOCK)?;
            // As runc has it: a newline alone is the caller's terminal's business.
            let mut modes = tcgetattr(&self.master)?;
            modes.output_modes.remove(OutputModes::ONLCR);
            tcsetattr(&self.master, OptionalActions::Now, &modes)?;
            let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
            ioctl_tiocgptpeer(&self.master, flags)
        };
        self.terminal = Some(prepare().map_err(system("prepare the process's terminal"))?);
        Ok(self)
    }

    pub(crate) fn into_descriptor(self) -> OwnedFd {
        self.master
    }

    /// Sets the size; the foreground processes are told by SIGWINCH.
    pub(crate) fn set_size(&self, size: Winsize) -> Result<(), Error> {
        tcsetwinsize(&self.master, size).map_err(system("set the size of the process's terminal"))
    }

    /// What stands for the end of input, if the terminal is one that reads lines; twice if there is
    /// a line without an end.
    pub(crate) fn end_of_input(&self, in_line: bool) -> Vec<u8> {
        match tcgetattr(&self.master) {
            Ok(modes) if modes.local_modes.contains(LocalModes::ICANON) => {
                vec![modes.special_codes[SpecialCodeIndex::VEOF]; if in_line { 2 } else { 1 }]
            }
            _ => Vec::new(),
        }
    }

    /// From now on the terminal ends when no process has it open any more.
    pub(crate) fn let_end(&mut self) {
        self.terminal = None;
    }
}

impl AsFd for Master {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.master.as_fd()
    }
}

/// Sends a master to whoever listens at a socket, as runc does for `--console-socket`: with its name.
pub(crate) fn send(master: &Master, socket: &Path) -> Result<(), Error> {
    let send = || {
        let stream = UnixStream::connect(socket)?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let rights = [master.as_fd()];
        control.push(SendAncillaryMessage::ScmRights(&rights));
        sendmsg(&stream, &[IoSlice::new(b"/dev/ptmx")], &mut control, SendFlags::NOSIGNAL)?;
        Ok(())
    };
    send().map_err(Error::system(format!("send the terminal to {}", socket.display())))
}

fn system(doing: &'static str) -> impl FnOnce(Errno) -> Error {
    move |errno| Error::system(doing)(errno.into())
}
