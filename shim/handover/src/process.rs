//! The body of the process message.

use crate::{Reader, Tasks};
use core::ffi::CStr;

/// Bits of [`Process::flags`].
pub mod flags {
    /// Set `no_new_privs` before exec.
    pub const NO_NEW_PRIVILEGES: u32 = 1;
    /// Open a pty in the container and make it stdin, stdout, stderr and the controlling terminal:
    /// its master travels with *ready*.
    pub const TERMINAL: u32 = 2;
    /// All bits that this version knows.
    pub(crate) const ALL: u32 = NO_NEW_PRIVILEGES | TERMINAL;
}

/// [`Process::personality`] of a process whose execution domain is left as it is.
pub const NO_PERSONALITY: u32 = u32::MAX;

/// Most extra descriptors that a process may have, as many as one message can carry (SCM_MAX_FD).
pub const MAX_EXTRA_FDS: u32 = 253;

/// How many descriptors follow a body, which need not be read for that: they are received before.
///
/// # Errors
/// The body is cut short, or they are more than [`MAX_EXTRA_FDS`].
pub fn extra_fds(body: &[u8]) -> Result<u32, Malformed> {
    Reader(body).u32().and_then(|count| if count <= MAX_EXTRA_FDS { Ok(count) } else { Err(Malformed) })
}

/// A seccomp filter, as seccomp(2) takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seccomp<'a> {
    /// `SECCOMP_FILTER_FLAG_*`; with NEW_LISTENER [`crate::Kind::Listener`] follows.
    pub flags: u32,
    /// `struct sock_filter`s, 8 bytes each, in the order of the machine; empty for no filter. Not
    /// aligned.
    pub program: &'a [u8],
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
    /// How many descriptors it has beyond 0, 1 and 2; they begin at 3.
    pub extra_fds: u32,
    /// See [`flags`].
    pub flags: u32,
    /// User id in the container's user namespace.
    pub uid: u32,
    /// Group id in the container's user namespace.
    pub gid: u32,
    /// File mode creation mask.
    pub umask: u32,
    /// Execution domain, personality(2), or [`NO_PERSONALITY`].
    pub personality: u32,
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
    /// AppArmor profile from exec on; empty: unchanged.
    pub apparmor: &'a CStr,
    /// SELinux label from exec on; empty: unchanged.
    pub selinux: &'a CStr,
    /// The filter, loaded before the capabilities are dropped without [`flags::NO_NEW_PRIVILEGES`],
    /// and last with it.
    pub seccomp: Seccomp<'a>,
    /// What is set up inside the container before *ready*.
    pub tasks: Tasks<'a>,
}

/// The message does not say what this version expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// A list of C strings, one after the other in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strings<'a> {
    pub(crate) count: usize,
    pub(crate) bytes: &'a [u8],
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

impl<'a> Process<'a> {
    /// Reads a body; everything in it is borrowed.
    ///
    /// # Errors
    /// It is cut short or too long, a string has no end, argv is empty, a flag is unknown, or there are
    /// too many extra descriptors.
    pub fn decode(body: &'a [u8]) -> Result<Self, Malformed> {
        let extra_fds = extra_fds(body)?;
        let mut reader = Reader(&body[size_of::<u32>()..]);
        let (flags, uid, gid, umask) = (reader.u32()?, reader.u32()?, reader.u32()?, reader.u32()?);
        let personality = reader.u32()?;
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
        let (apparmor, selinux) = (reader.string()?, reader.string()?);
        let seccomp = Seccomp { flags: reader.u32()?, program: reader.program()? };
        let tasks = Tasks::read(&mut reader)?;
        if !reader.0.is_empty() || args.is_empty() || flags & !flags::ALL != 0 {
            return Err(Malformed);
        }
        Ok(Process {
            extra_fds,
            flags,
            uid,
            gid,
            umask,
            personality,
            ignored_signals,
            blocked_signals,
            capabilities,
            groups,
            cwd,
            args,
            env,
            apparmor,
            selinux,
            seccomp,
            tasks,
        })
    }

    /// Supplementary group ids in the container's user namespace.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = u32> + use<'a> {
        self.groups.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
    }
}
