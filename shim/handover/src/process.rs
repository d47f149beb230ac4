//! The body of the process message.

use core::ffi::CStr;

/// Bits of [`Process::flags`].
pub mod flags {
    /// Set `no_new_privs` before exec.
    pub const NO_NEW_PRIVILEGES: u32 = 1;
    /// All bits that this version knows.
    pub(crate) const ALL: u32 = NO_NEW_PRIVILEGES;
}

/// The five capability sets, as bit masks by capability number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// Bounding set.
    pub bounding: u64,
    /// Effective set.
    pub effective: u64,
    /// Permitted set.
    pub permitted: u64,
    /// Inheritable set.
    pub inheritable: u64,
    /// Ambient set.
    pub ambient: u64,
}

/// What nexcage-init is to become, borrowed from the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process<'a> {
    /// See [`flags`].
    pub flags: u32,
    /// User id in the container's user namespace.
    pub uid: u32,
    /// Group id in the container's user namespace.
    pub gid: u32,
    /// File mode creation mask.
    pub umask: u32,
    /// Signals that the shim's caller ignored, bit n-1 for signal n: the process ignores them too.
    pub ignored_signals: u64,
    /// Signals that the shim's caller blocked, in the same form.
    pub blocked_signals: u64,
    /// Capability sets.
    pub capabilities: Capabilities,
    groups: &'a [u8],
    /// Working directory.
    pub cwd: &'a CStr,
    /// argv; at least one string.
    pub args: Strings<'a>,
    /// environ, as given.
    pub env: Strings<'a>,
}

/// The message does not say what this version expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// A list of C strings, one after the other in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strings<'a> {
    count: usize,
    bytes: &'a [u8],
}

impl<'a> Strings<'a> {
    /// How many strings there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The strings in order.
    pub fn iter(&self) -> impl Iterator<Item = &'a CStr> + use<'a> {
        let mut rest = self.bytes;
        core::iter::from_fn(move || {
            let string = CStr::from_bytes_until_nul(rest).ok()?;
            rest = &rest[string.count_bytes() + 1..];
            Some(string)
        })
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (head, tail) = self.0.split_at_checked(len).ok_or(Malformed)?;
        self.0 = tail;
        Ok(head)
    }

    fn u32(&mut self) -> Result<u32, Malformed> {
        self.bytes(4)?.try_into().map(u32::from_le_bytes).map_err(|_| Malformed)
    }

    fn len(&mut self) -> Result<usize, Malformed> {
        usize::try_from(self.u32()?).map_err(|_| Malformed)
    }

    fn u64(&mut self) -> Result<u64, Malformed> {
        self.bytes(8)?.try_into().map(u64::from_le_bytes).map_err(|_| Malformed)
    }

    fn string(&mut self) -> Result<&'a CStr, Malformed> {
        let string = CStr::from_bytes_until_nul(self.0).map_err(|_| Malformed)?;
        self.bytes(string.count_bytes() + 1)?;
        Ok(string)
    }

    fn strings(&mut self) -> Result<Strings<'a>, Malformed> {
        let count = self.len()?;
        let start = self.0;
        for _ in 0..count {
            self.string()?;
        }
        Ok(Strings { count, bytes: &start[..start.len() - self.0.len()] })
    }
}

impl<'a> Process<'a> {
    /// Reads a body; everything in it is borrowed.
    ///
    /// # Errors
    /// It is cut short or too long, a string has no end, argv is empty, or a flag is unknown.
    pub fn decode(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader(body);
        let (flags, uid, gid, umask) = (reader.u32()?, reader.u32()?, reader.u32()?, reader.u32()?);
        let (ignored_signals, blocked_signals) = (reader.u64()?, reader.u64()?);
        let capabilities = Capabilities {
            bounding: reader.u64()?,
            effective: reader.u64()?,
            permitted: reader.u64()?,
            inheritable: reader.u64()?,
            ambient: reader.u64()?,
        };
        let group_count = reader.len()?;
        let groups = reader.bytes(group_count.checked_mul(4).ok_or(Malformed)?)?;
        let cwd = reader.string()?;
        let (args, env) = (reader.strings()?, reader.strings()?);
        if !reader.0.is_empty() || args.is_empty() || flags & !flags::ALL != 0 {
            return Err(Malformed);
        }
        Ok(Process {
            flags,
            uid,
            gid,
            umask,
            ignored_signals,
            blocked_signals,
            capabilities,
            groups,
            cwd,
            args,
            env,
        })
    }

    /// Supplementary group ids in the container's user namespace.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = u32> + use<'a> {
        self.groups.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
    }
}
