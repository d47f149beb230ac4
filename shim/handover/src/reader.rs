//! Reads what a body holds, piece by piece and in place.

use crate::{Malformed, Strings};
use core::ffi::CStr;

/// The length of a `struct sock_filter` in bytes (linux/filter.h).
pub(crate) const INSTRUCTION_LEN: usize = 8;

pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn bytes(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (head, tail) = self.0.split_at_checked(len).ok_or(Malformed)?;
        self.0 = tail;
        Ok(head)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        self.bytes(4)?.try_into().map(u32::from_le_bytes).map_err(|_| Malformed)
    }

    pub(crate) fn len(&mut self) -> Result<usize, Malformed> {
        usize::try_from(self.u32()?).map_err(|_| Malformed)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Malformed> {
        self.bytes(8)?.try_into().map(u64::from_le_bytes).map_err(|_| Malformed)
    }

    pub(crate) fn string(&mut self) -> Result<&'a CStr, Malformed> {
        let string = CStr::from_bytes_until_nul(self.0).map_err(|_| Malformed)?;
        self.bytes(string.count_bytes() + 1)?;
        Ok(string)
    }

    pub(crate) fn strings(&mut self) -> Result<Strings<'a>, Malformed> {
        let count = self.len()?;
        let start = self.0;
        for _ in 0..count {
            self.string()?;
        }
        Ok(Strings { count, bytes: &start[..start.len() - self.0.len()] })
    }

    /// A seccomp filter: the number of its instructions and they themselves.
    pub(crate) fn program(&mut self) -> Result<&'a [u8], Malformed> {
        let count = self.len()?;
        self.bytes(count.checked_mul(INSTRUCTION_LEN).ok_or(Malformed)?)
    }
}
