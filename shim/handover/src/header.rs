//! The header of every message.

/// The protocol's version: raised with every change of a message.
pub const VERSION: u16 = 3;
/// Length of an encoded [`Header`] in bytes.
pub const HEADER_LEN: usize = 12;
/// Length of the body of [`Kind::Listener`] in bytes: a 32-bit number.
pub const LISTENER_LEN: u32 = 4;
/// Length of the body of [`Kind::Join`] in bytes: 32 bits, one for each namespace.
pub const JOIN_LEN: u32 = 4;
/// Length of the body of [`Kind::Joined`] in bytes: a 32-bit number.
pub const JOINED_LEN: u32 = 4;
/// Upper bound of a message's body in bytes: above what the kernel lets exec take (6 MiB of
/// argv and env, with the default stack limit 2 MiB).
pub const MAX_BODY_LEN: u32 = 8 << 20;

const MAGIC: [u8; 4] = *b"nxcg";

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum Kind {
    /// init → shim: connected, holds no process yet.
    Hello = 1,
    /// init → shim: connected again, holds the process that an earlier shim handed over.
    HelloHeld = 2,
    /// shim → init: the process; its three stdio descriptors travel with the header. Behind the body
    /// come as many bytes as the process has extra descriptors, and one of them with each byte.
    Process = 3,
    /// init → shim: everything that can be done before *go* is done. With a terminal the master of
    /// its pty travels with it.
    Ready = 4,
    /// shim → init: become the process; after [`Kind::Listener`]: go on with it; to a process that has
    /// joined a container, before anything else: begin.
    Go = 5,
    /// init → shim: a step failed; the body is a [`crate::Failed`].
    Failed = 6,
    /// init → shim: the body is the number that the seccomp filter's listener has among init's
    /// descriptors; after *go*. The answer is a second *go*.
    Listener = 7,
    /// shim → joiner: join the container. The body is the `CLONE_NEW*` bits of the namespaces to
    /// enter; a pidfd of the container's init travels with the header.
    Join = 8,
    /// joiner → shim: the body is the pid of the child that is in the container, as the joiner and
    /// the shim see it. The joiner ends.
    Joined = 9,
}

/// A decoded header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What the message is.
    pub kind: Kind,
    /// The length of the body that follows, in bytes; at most [`MAX_BODY_LEN`].
    pub body_len: u32,
}

/// Why bytes are not a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderError {
    /// The peer speaks another version of the protocol.
    Version(u16),
    /// The bytes are not from this protocol at all.
    Garbage,
}

impl Header {
    /// A header without a body.
    #[must_use]
    pub const fn bare(kind: Kind) -> Self {
        Header { kind, body_len: 0 }
    }

    /// The bytes on the wire.
    #[must_use]
    pub fn encode(self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4..6].copy_from_slice(&VERSION.to_le_bytes());
        bytes[6..8].copy_from_slice(&(self.kind as u16).to_le_bytes());
        bytes[8..].copy_from_slice(&self.body_len.to_le_bytes());
        bytes
    }

    /// Reads a header.
    ///
    /// # Errors
    /// The bytes are garbage, or the peer's version is another one.
    pub fn decode(bytes: [u8; HEADER_LEN]) -> Result<Self, HeaderError> {
        let [m0, m1, m2, m3, v0, v1, k0, k1, l0, l1, l2, l3] = bytes;
        if [m0, m1, m2, m3] != MAGIC {
            return Err(HeaderError::Garbage);
        }
        let version = u16::from_le_bytes([v0, v1]);
        if version != VERSION {
            return Err(HeaderError::Version(version));
        }
        let kind = match u16::from_le_bytes([k0, k1]) {
            1 => Kind::Hello,
            2 => Kind::HelloHeld,
            3 => Kind::Process,
            4 => Kind::Ready,
            5 => Kind::Go,
            6 => Kind::Failed,
            7 => Kind::Listener,
            8 => Kind::Join,
            9 => Kind::Joined,
            _ => return Err(HeaderError::Garbage),
        };
        let body_len = u32::from_le_bytes([l0, l1, l2, l3]);
        if body_len > MAX_BODY_LEN {
            return Err(HeaderError::Garbage);
        }
        Ok(Header { kind, body_len })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_decode_to_what_encodes_to_them(bytes: [u8; HEADER_LEN]) {
            if let Ok(header) = Header::decode(bytes) {
                prop_assert_eq!(header.encode(), bytes);
            }
        }
    }

    #[test]
    fn every_kind_survives_the_wire() {
        for kind in [
            Kind::Hello,
            Kind::HelloHeld,
            Kind::Process,
            Kind::Ready,
            Kind::Go,
            Kind::Failed,
            Kind::Listener,
            Kind::Join,
            Kind::Joined,
        ] {
            let header = Header { kind, body_len: MAX_BODY_LEN };
            assert_eq!(Header::decode(header.encode()), Ok(header));
        }
    }

    #[test]
    fn another_version_is_named_before_anything_else_is_read() {
        let mut bytes = Header::bare(Kind::Go).encode();
        bytes[4] = 9;
        bytes[6] = 0xff;
        assert_eq!(Header::decode(bytes), Err(HeaderError::Version(9)));
    }

    #[test]
    fn an_oversized_body_is_garbage() {
        let bytes = Header { kind: Kind::Process, body_len: MAX_BODY_LEN + 1 }.encode();
        assert_eq!(Header::decode(bytes), Err(HeaderError::Garbage));
    }
}
