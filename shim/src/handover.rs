//! The shim's side of the hand-over to nexcage-init; see the crate `nexcage-handover`.

use crate::error::Error;
use crate::stdio::Stdio;
use crate::terminal::Master;
use crate::wait::{Deadline, Watch, wait};
use nexcage_handover::{
    FAILED_LEN, Failed, HEADER_LEN, Header, HeaderError, INIT_NAME, JOIN_LEN, JOINED_LEN, Kind, LISTENER_LEN,
    MAX_EXTRA_FDS, ProcessBuf, SOCKET_NAME, TaskBuf, VERSION, flags,
};
use rustix::fs::{Gid, Mode, Uid};
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout, socket_peercred};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, Signal, pidfd_getfd, pidfd_open, pidfd_send_signal};
use std::fs::{self, DirBuilder, File};
use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

/// The directory that is mounted into the container, with the socket on which init is awaited.
#[derive(Debug)]
pub(crate) struct Meeting {
    listener: UnixListener,
}

impl Meeting {
    /// Makes the directory and binds the socket in it, for the container's root only.
    pub(crate) fn prepare(directory: &Path, root_uid: u32, root_gid: u32) -> Result<Self, Error> {
        let prepare = || {
            DirBuilder::new().mode(0o711).create(directory)?;
            // The mount point of the binary.
            File::create(directory.join(INIT_NAME))?;
            let listener = bind(directory, SOCKET_NAME)?;
            own(&directory.join(SOCKET_NAME), root_uid, root_gid)?;
            Ok(listener)
        };
        let doing = format!("make the socket for nexcage-init in {}", directory.display());
        let listener = prepare().map_err(Error::system(doing))?;
        Ok(Meeting { listener })
    }

    /// Takes a connection that waits.
    pub(crate) fn accept(&self) -> Result<UnixStream, Error> {
        let (stream, _) = self.listener.accept().map_err(Error::system("accept nexcage-init"))?;
        Ok(stream)
    }

    /// Binds a successor's socket under the same name, which is never missing meanwhile.
    pub(crate) fn again(directory: &Path, root_uid: u32, root_gid: u32) -> Result<Self, Error> {
        const NEW: &str = "socket.new";
        let again = || {
            let (new, socket) = (directory.join(NEW), directory.join(SOCKET_NAME));
            drop(fs::remove_file(&new));
            let listener = bind(directory, NEW)?;
            own(&new, root_uid, root_gid)?;
            fs::rename(&new, &socket)?;
            Ok(listener)
        };
        let doing = format!("make a new socket for nexcage-init in {}", directory.display());
        let listener = again().map_err(Error::system(doing))?;
        Ok(Meeting { listener })
    }
}

/// Removes the socket's name: an init that LXC starts from now on finds none and ends at once.
pub(crate) fn remove_socket(directory: &Path) -> Result<(), Error> {
    let socket = directory.join(SOCKET_NAME);
    fs::remove_file(&socket).map_err(Error::system(format!("remove {}", socket.display())))
}

/// Whether an init still finds a socket.
pub(crate) fn has_socket(directory: &Path) -> bool {
    directory.join(SOCKET_NAME).exists()
}

/// For the container's root only.
fn own(socket: &Path, uid: u32, gid: u32) -> io::Result<()> {
    rustix::fs::chown(socket, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
    Ok(rustix::fs::chmod(socket, Mode::RUSR | Mode::WUSR)?)
}

impl AsFd for Meeting {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

/// Binds by way of /proc/self/fd: the directory's own path may be longer than the 108 bytes of an
/// address (unix(7)).
pub(crate) fn bind(directory: &Path, name: &str) -> io::Result<UnixListener> {
    use std::os::fd::AsRawFd as _;
    let directory = File::open(directory)?;
    UnixListener::bind(format!("/proc/self/fd/{}/{name}", directory.as_raw_fd()))
}

/// nexcage-init at the other end of a connection, alive and pinned by a pidfd.
#[derive(Debug)]
pub(crate) struct Init {
    stream: UnixStream,
    pid: Pid,
    pidfd: OwnedFd,
}

const CLOSED: &str = "it closed the connection";

/// How the start went.
#[derive(Debug)]
pub(crate) enum Started {
    /// exec succeeded, or the process was killed on the way there: its wait status tells.
    Executed,
    /// A step failed.
    Failed(Failed),
}

impl Init {
    /// Identifies the peer: it must have the user id of the container's root and be in the
    /// container, which `in_container` decides by its pid.
    pub(crate) fn identify(
        stream: UnixStream,
        root_uid: u32,
        in_container: impl FnOnce(Pid) -> bool,
        limit: Duration,
    ) -> Result<Self, Error> {
        let peer =
            socket_peercred(&stream).map_err(|errno| Error::system("identify nexcage-init")(errno.into()))?;
        let pid = peer.pid;
        let pidfd = pidfd_open(pid, PidfdFlags::empty()).map_err(|_| violation("it is gone"))?;
        if peer.uid.as_raw() != root_uid {
            return Err(violation(format!(
                "process {} with uid {} connected",
                pid.as_raw_pid(),
                peer.uid.as_raw()
            )));
        }
        if !in_container(pid) {
            return Err(violation(format!(
                "process {}, which is not in the container, connected",
                pid.as_raw_pid()
            )));
        }
        // Still connected after the pidfd was opened: the pidfd is the peer's, not that of a later
        // process with its number.
        if wait([Watch::HungUp(stream.as_fd())], Deadline::after(Duration::ZERO))? == [true] {
            return Err(violation("it went away"));
        }
        limit_time(&stream, limit)?;
        Ok(Init { stream, pid, pidfd })
    }

    /// An init that another process has met.
    pub(crate) fn from_parts(stream: UnixStream, pid: Pid, pidfd: OwnedFd) -> Self {
        Init { stream, pid, pidfd }
    }

    pub(crate) fn connection(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// Ends it.
    pub(crate) fn kill(&self) {
        let _ = pidfd_send_signal(&self.pidfd, Signal::KILL);
    }

    /// Goes on with an init that holds a process already, which an earlier shim has handed over.
    /// Gives the process's terminal, if it has one.
    pub(crate) fn resume(&mut self) -> Result<Option<Master>, Error> {
        match self.receive()?.kind {
            Kind::HelloHeld => {}
            other => return Err(violation(format!("it began with {other:?}"))),
        }
        match self.receive_with()? {
            (Some(Header { kind: Kind::Ready, .. }), master) => master.map(Master::check).transpose(),
            (Some(other), _) => Err(violation(format!("it answered with {:?}", other.kind))),
            (None, _) => Err(violation(CLOSED)),
        }
    }

    /// The connection, for another conversation.
    pub(crate) fn into_parts(self) -> (UnixStream, Pid) {
        (self.stream, self.pid)
    }

    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    pub(crate) fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// Hands the process over. When this returns, init holds it and waits: OCI's *created*. Gives
    /// the process's terminal, if it wants one. The extra descriptors are those from 3 on.
    pub(crate) fn hand_over(
        &mut self,
        process: &ProcessBuf,
        stdio: &Stdio,
        extra: &[BorrowedFd<'_>],
    ) -> Result<Option<Master>, Error> {
        match self.receive()?.kind {
            Kind::Hello => {}
            other => return Err(violation(format!("it began with {other:?}"))),
        }
        let sent = self.send_process(&encode(process, extra.len())?, stdio, extra);
        // An init that cannot take the process says why before it goes away.
        let (answer, came) = self.receive_with()?;
        let Some(answer) = answer else {
            return Err(sent.map_or_else(|error| lost(&error), |()| violation(CLOSED)));
        };
        match answer.kind {
            Kind::Ready if process.flags & flags::TERMINAL != 0 => {
                Master::check(came.ok_or(Error::NoMaster)?).map(Some)
            }
            Kind::Ready => Ok(None),
            Kind::Failed => Err(setup_error(self.receive_failed()?, &program_of(process), &process.tasks)),
            other => Err(violation(format!("it answered with {other:?}"))),
        }
    }

    fn send_process(
        &mut self,
        (header, body): &(Header, Vec<u8>),
        stdio: &Stdio,
        extra: &[BorrowedFd<'_>],
    ) -> io::Result<()> {
        send_with(&self.stream, &header.encode(), &stdio.descriptors())?;
        self.stream.write_all(body)?;
        extra.iter().try_for_each(|descriptor| send_with(&self.stream, &[0], &[*descriptor]))
    }

    /// Says *go* and waits for exec to succeed or fail. In between a seccomp filter may have a
    /// listener, which `pass_on` gets.
    pub(crate) fn go(
        mut self,
        pass_on: impl FnOnce(BorrowedFd<'_>) -> Result<(), Error>,
    ) -> Result<Started, Error> {
        let go = Header::bare(Kind::Go).encode();
        self.stream.write_all(&go).map_err(|error| lost(&error))?;
        let mut answer = self.receive_or_end()?;
        if let Some(Header { kind: Kind::Listener, body_len: LISTENER_LEN }) = answer {
            pass_on(self.take_listener()?.as_fd())?;
            self.stream.write_all(&go).map_err(|error| lost(&error))?;
            answer = self.receive_or_end()?;
        }
        match answer {
            None => Ok(Started::Executed),
            Some(Header { kind: Kind::Failed, .. }) => Ok(Started::Failed(self.receive_failed()?)),
            Some(other) => Err(violation(format!("it answered *go* with {:?}", other.kind))),
        }
    }

    /// Has a joiner enter the namespaces, `CLONE_NEW*` each, of a process. Gives the number of its
    /// child there.
    pub(crate) fn enter(&mut self, namespaces: u32, process: BorrowedFd<'_>) -> Result<i32, Error> {
        let header = Header { kind: Kind::Join, body_len: JOIN_LEN }.encode();
        let message = [&header[..], &namespaces.to_le_bytes()].concat();
        let sent = send_with(&self.stream, &message, &[process]);
        // One that cannot begin says why before it goes away.
        let Some(answer) = self.receive_or_end()? else {
            return Err(sent.map_or_else(|error| lost(&error), |()| violation(CLOSED)));
        };
        match answer {
            Header { kind: Kind::Joined, body_len: JOINED_LEN } => self.receive_number(),
            Header { kind: Kind::Failed, .. } => {
                let Failed { step, errno, .. } = self.receive_failed()?;
                let errno = i32::try_from(errno).unwrap_or(0);
                Err(Error::system(step.text())(io::Error::from_raw_os_error(errno)))
            }
            Header { kind, .. } => Err(violation(format!("it answered with {kind:?}"))),
        }
    }

    /// Lets the joiner's child, which is at the same connection, begin.
    pub(crate) fn begin(&mut self) -> Result<(), Error> {
        self.stream.write_all(&Header::bare(Kind::Go).encode()).map_err(|error| lost(&error))
    }

    /// Takes the listener out of init's descriptors.
    fn take_listener(&mut self) -> Result<OwnedFd, Error> {
        let number = self.receive_number()?;
        pidfd_getfd(&self.pidfd, number, PidfdGetfdFlags::empty())
            .map_err(|errno| Error::system("take the listener of the seccomp filter")(errno.into()))
    }

    fn receive(&mut self) -> Result<Header, Error> {
        self.receive_or_end()?.ok_or_else(|| violation(CLOSED))
    }

    fn receive_or_end(&mut self) -> Result<Option<Header>, Error> {
        self.receive_with().map(|(header, _)| header)
    }

    /// The next header, `None` at the end of the stream, and the descriptor that travels with it.
    fn receive_with(&mut self) -> Result<(Option<Header>, Option<OwnedFd>), Error> {
        let (mut bytes, mut filled, mut came) = ([0; HEADER_LEN], 0, None);
        while filled < HEADER_LEN {
            match receive_bytes(&self.stream, &mut bytes[filled..], &mut came) {
                Ok(0) if filled == 0 => return Ok((None, None)),
                Ok(0) => return Err(violation("it closed the connection within a message")),
                Ok(count) => filled += count,
                Err(Errno::INTR) => {}
                Err(Errno::CONNRESET) => return Ok((None, None)),
                Err(errno) => return Err(lost(&errno.into())),
            }
        }
        let header = Header::decode(bytes).map_err(|error| match error {
            HeaderError::Version(version) => {
                violation(format!("it speaks version {version} of the protocol, this shim version {VERSION}"))
            }
            HeaderError::Garbage => violation("it does not speak the protocol"),
        })?;
        Ok((Some(header), came))
    }

    fn receive_number(&mut self) -> Result<i32, Error> {
        let mut number = [0; size_of::<i32>()];
        self.stream.read_exact(&mut number).map_err(|error| lost(&error))?;
        Ok(i32::from_le_bytes(number))
    }

    fn receive_failed(&mut self) -> Result<Failed, Error> {
        let mut bytes = [0; FAILED_LEN];
        self.stream.read_exact(&mut bytes).map_err(|error| lost(&error))?;
        Failed::decode(bytes).ok_or_else(|| violation("it failed at a step that this shim does not know"))
    }
}

/// No answer may take longer.
pub(crate) fn limit_time(stream: &UnixStream, limit: Duration) -> Result<(), Error> {
    [Timeout::Recv, Timeout::Send]
        .into_iter()
        .try_for_each(|direction| set_socket_timeout(stream, direction, Some(limit)))
        .map_err(|errno| Error::system("limit the time of the hand-over")(errno.into()))
}

/// The process's message.
fn encode(process: &ProcessBuf, extra: usize) -> Result<(Header, Vec<u8>), Error> {
    let count = u32::try_from(extra).ok().filter(|count| *count <= MAX_EXTRA_FDS);
    let count = count.ok_or_else(|| {
        violation(format!("the process is to have {extra} extra descriptors, more than {MAX_EXTRA_FDS}"))
    })?;
    let body = process.encode(count).ok_or_else(|| violation("the process is larger than 8 MiB"))?;
    let body_len = u32::try_from(body.len()).map_err(|_| violation("the process is too large"))?;
    Ok((Header { kind: Kind::Process, body_len }, body))
}

/// Sends bytes, and descriptors, at most three, with the first of them.
fn send_with(mut stream: &UnixStream, bytes: &[u8], rights: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    control.push(SendAncillaryMessage::ScmRights(rights));
    let sent = loop {
        match sendmsg(stream, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL) {
            Err(Errno::INTR) => {}
            other => break other?,
        }
    };
    stream.write_all(&bytes[sent..])
}

/// Receives some bytes, and the descriptor that comes with them.
fn receive_bytes(
    stream: &UnixStream,
    bytes: &mut [u8],
    came: &mut Option<OwnedFd>,
) -> rustix::io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(stream, &mut [IoSliceMut::new(bytes)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            rights.for_each(|fd| *came = Some(fd));
        }
    }
    Ok(received.bytes)
}

/// The error for a step that failed inside the container.
pub(crate) fn setup_error(failed: Failed, program: &str, tasks: &[TaskBuf]) -> Error {
    let task = failed.task.and_then(|index| tasks.get(usize::try_from(index).ok()?));
    let object = task.map_or_else(|| program.to_owned(), described);
    Error::Setup { step: failed.step, errno: failed.errno, object }
}

/// argv[0], for messages.
pub(crate) fn program_of(process: &ProcessBuf) -> String {
    process.args.first().map(|arg| arg.to_string_lossy().into_owned()).unwrap_or_default()
}

fn described(task: &TaskBuf) -> String {
    match task {
        TaskBuf::Node { path, .. } => format!("the device node {}", path.to_string_lossy()),
        TaskBuf::Link { path, .. } => format!("the symbolic link {}", path.to_string_lossy()),
        TaskBuf::Propagation { path, .. } => format!("the propagation of {}", path.to_string_lossy()),
    }
}

pub(crate) fn violation(what: impl Into<String>) -> Error {
    Error::Handover { what: what.into(), words: String::new() }
}

fn lost(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => violation("it did not answer in time"),
        _ => violation(format!("the connection broke: {error}")),
    }
}
