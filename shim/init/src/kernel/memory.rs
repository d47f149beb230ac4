//! Memory for what has no fixed size: nexcage-init has no heap.

use super::{Result, address, call};
use core::ffi::c_char;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::ptr::{self, NonNull};
use core::slice;
use linux_raw_sys::errno::ENOMEM;
use linux_raw_sys::general::{__NR_mmap, __NR_munmap, MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE};

/// Types that are valid when all their bytes are 0 and need no more than a page's alignment.
///
/// # Safety
/// That is true of the type.
pub(crate) unsafe trait Zero: Copy {}
// SAFETY: a number.
unsafe impl Zero for u8 {}
// SAFETY: a number.
unsafe impl Zero for u32 {}
// SAFETY: the null pointer.
unsafe impl Zero for *const c_char {}

/// An anonymous mapping, used as a slice of zeroes to begin with.
#[derive(Debug)]
pub(crate) struct Mapping<T: Zero> {
    start: NonNull<T>,
    len: usize,
    owns: PhantomData<T>,
}

impl<T: Zero> Mapping<T> {
    /// Maps room for `len` values.
    pub(crate) fn zeroed(len: usize) -> Result<Self> {
        let size = Self::size(len).ok_or(super::Errno(ENOMEM))?;
        let protection = (PROT_READ | PROT_WRITE) as usize;
        let arguments = [0, size, protection, (MAP_PRIVATE | MAP_ANONYMOUS) as usize, usize::MAX, 0];
        // SAFETY: the kernel chooses an address where nothing is.
        let start = unsafe { call(__NR_mmap, arguments) }?;
        let start = NonNull::new(ptr::with_exposed_provenance_mut(start)).ok_or(super::Errno(ENOMEM))?;
        Ok(Mapping { start, len, owns: PhantomData })
    }

    /// The length of the mapping in bytes, which can't be 0.
    fn size(len: usize) -> Option<usize> {
        Some(len.checked_mul(size_of::<T>())?.max(1))
    }
}

impl<T: Zero> Deref for Mapping<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: the mapping holds `len` values, all zero or written since, and lives as long as `self`.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl<T: Zero> DerefMut for Mapping<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as above, and `self` is borrowed exclusively.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl<T: Zero> Drop for Mapping<T> {
    fn drop(&mut self) {
        let size = Self::size(self.len).unwrap_or(1);
        // SAFETY: this value made the mapping and nobody borrows from it any more.
        let _ = unsafe { call(__NR_munmap, [address(self.start.as_ptr()), size]) };
    }
}
