//! The shim's side of the conversation.

use crate::container::PATIENCE;
use nexcage_handover::{FAILED_LEN, Failed, HEADER_LEN, Header, Kind, ProcessBuf, SOCKET_NAME};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use std::fs;
use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::slice;
use std::thread;
use std::time::{Duration, Instant};

/// The listening socket, unless there is none.
pub(crate) struct Shim {
    listener: Option<UnixListener>,
    path: PathBuf,
}

impl Shim {
    pub(crate) fn listen(directory: &Path) -> Self {
        let mut shim = Shim::absent(directory);
        shim.succeed();
        shim
    }

    pub(crate) fn absent(directory: &Path) -> Self {
        Shim { listener: None, path: directory.join(SOCKET_NAME) }
    }

    /// Takes the place of a shim that died: binds elsewhere and renames, so that the name of the
    /// socket is there all the time.
    pub(crate) fn succeed(&mut self) {
        let fresh = self.path.with_extension("new");
        let listener = UnixListener::bind(&fresh).unwrap();
        listener.set_nonblocking(true).unwrap();
        fs::rename(&fresh, &self.path).unwrap();
        self.listener = Some(listener);
    }

    /// Closes the socket and leaves its name.
    pub(crate) fn die(&mut self) {
        self.listener = None;
    }

    pub(crate) fn unlink(&self) {
        fs::remove_file(&self.path).unwrap();
    }

    pub(crate) fn accept(&self) -> Call {
        let start = Instant::now();
        loop {
            match self.listener.as_ref().unwrap().accept() {
                Ok((stream, _)) => return Call::new(stream),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => panic!("accept: {error}"),
            }
            assert!(start.elapsed() < PATIENCE, "nexcage-init does not connect");
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// One connection of nexcage-init.
pub(crate) struct Call(UnixStream);

impl Call {
    pub(crate) fn new(stream: UnixStream) -> Self {
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Call(stream)
    }

    /// The next message; `None` at the end of the stream.
    pub(crate) fn hear(&mut self) -> Option<(Kind, Vec<u8>)> {
        let mut header = [0; HEADER_LEN];
        match self.0.read_exact(&mut header) {
            // A connection with something unread in it is reset when nexcage-init ends.
            Err(e) if matches!(e.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => {
                return None;
            }
            result => result.unwrap(),
        }
        let Header { kind, body_len } = Header::decode(header).unwrap();
        let mut body = vec![0; usize::try_from(body_len).unwrap()];
        self.0.read_exact(&mut body).unwrap();
        Some((kind, body))
    }

    /// What failed; `None` if the stream ends without a message.
    pub(crate) fn hear_failure(&mut self) -> Option<Failed> {
        let (kind, body) = self.hear()?;
        assert_eq!(kind, Kind::Failed);
        Failed::decode(<[u8; FAILED_LEN]>::try_from(body).unwrap())
    }

    /// *Ready*, and the descriptors that travel with it.
    pub(crate) fn hear_ready(&mut self) -> Vec<OwnedFd> {
        let mut header = [0; HEADER_LEN];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(9))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let parts = &mut [IoSliceMut::new(&mut header)];
        let received = recvmsg(&self.0, parts, &mut control, RecvFlags::CMSG_CLOEXEC).unwrap();
        assert_eq!(received.bytes, HEADER_LEN);
        assert_eq!(Header::decode(header), Ok(Header::bare(Kind::Ready)));
        let messages = control.drain().flat_map(|message| match message {
            RecvAncillaryMessage::ScmRights(rights) => rights.collect::<Vec<_>>(),
            _ => panic!("ready came with something else than descriptors"),
        });
        messages.collect()
    }

    pub(crate) fn send(&mut self, kind: Kind, body: &[u8]) {
        let body_len = u32::try_from(body.len()).unwrap();
        self.send_bytes(&Header { kind, body_len }.encode());
        self.send_bytes(body);
    }

    pub(crate) fn send_process(&mut self, process: &ProcessBuf, stdio: &[OwnedFd]) {
        self.send_process_with(process, stdio, &[]);
    }

    pub(crate) fn send_process_with(&mut self, process: &ProcessBuf, stdio: &[OwnedFd], extra: &[OwnedFd]) {
        let body = process.encode(u32::try_from(extra.len()).unwrap()).unwrap();
        let header = Header { kind: Kind::Process, body_len: u32::try_from(body.len()).unwrap() };
        self.send_with(&header.encode(), stdio);
        self.send_bytes(&body);
        extra.iter().for_each(|one| self.send_with(&[0], slice::from_ref(one)));
    }

    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    /// Sends bytes and, with the first of them, descriptors.
    pub(crate) fn send_with(&mut self, bytes: &[u8], descriptors: &[OwnedFd]) {
        let descriptors: Vec<_> = descriptors.iter().map(AsFd::as_fd).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(9))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        assert!(control.push(SendAncillaryMessage::ScmRights(&descriptors)));
        let sent = sendmsg(&self.0, &[IoSlice::new(bytes)], &mut control, SendFlags::empty()).unwrap();
        assert_eq!(sent, bytes.len());
    }
}
