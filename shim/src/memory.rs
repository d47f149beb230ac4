//! Memory that a quiet shim can do without.
#![allow(unsafe_code, reason = "no crate that we use has malloc_trim(3) or madvise(2) for one's own code")]

use rustix::param::page_size;
use std::fs;
use std::sync::OnceLock;

/// The most that a stack has (getrlimit(2), RLIMIT_STACK, by default).
const MOST_STACK: usize = 8 << 20;
/// How far below a variable of its own a function's callees, system calls and signals may write.
const BELOW: usize = 8 << 10;

/// Returns to the system what was freed, the stack that deeper calls have used, and the pages of this
/// program's files, which stay in the page cache and come back when they are touched. A shim lives as
/// long as its container and does nothing for most of it.
pub(crate) fn give_back() {
    trim();
    give_back_stack();
    for (start, len) in file_pages() {
        // SAFETY: the ranges are private, unwritable mappings of files that this process keeps for
        // as long as it lives; dropped pages are read again from there.
        let _ = unsafe { libc::madvise(*start as *mut libc::c_void, *len, libc::MADV_DONTNEED) };
    }
}

#[cfg(target_env = "gnu")]
fn trim() {
    // SAFETY: it touches free memory only. Whether there was any does not matter.
    let _ = unsafe { libc::malloc_trim(0) };
}

#[cfg(not(target_env = "gnu"))]
fn trim() {}

/// The unused end of the stack of the only thread.
fn give_back_stack() {
    static START: OnceLock<Option<usize>> = OnceLock::new();
    let start = START.get_or_init(|| stack(&fs::read_to_string("/proc/self/maps").unwrap_or_default()));
    let here = std::ptr::from_ref(&start).addr();
    let end = here.saturating_sub(BELOW) / page_size() * page_size();
    // Another thread's stack is elsewhere, and stays as it is.
    if let Some(start) = start.filter(|start| *start < end && end - start < MOST_STACK) {
        // SAFETY: nothing lives below the stack pointer, and what callees of this function need is above.
        let _ = unsafe { libc::madvise(start as *mut libc::c_void, end - start, libc::MADV_DONTNEED) };
    }
}

/// Where the stack of the first thread ends, as it was mapped.
fn stack(maps: &str) -> Option<usize> {
    let line = maps.lines().find(|line| line.ends_with("[stack]"))?;
    usize::from_str_radix(line.split_once('-')?.0, 16).ok()
}

/// Start and length of what is mapped of files, cannot be written, and was not when it could: what has
/// anonymous pages, relocations, is no longer as in the file (proc(5), smaps).
fn file_pages() -> &'static [(usize, usize)] {
    static PAGES: OnceLock<Vec<(usize, usize)>> = OnceLock::new();
    PAGES.get_or_init(|| pages(&fs::read_to_string("/proc/self/smaps").unwrap_or_default()))
}

fn pages(smaps: &str) -> Vec<(usize, usize)> {
    let (mut found, mut mapping) = (Vec::new(), None);
    for line in smaps.lines() {
        match line.strip_prefix("Anonymous:") {
            Some(amount) if amount.trim_start().starts_with("0 ") => found.extend(mapping.take()),
            Some(_) => mapping = None,
            None if line.contains('-') => mapping = unwritable(line).or(mapping),
            None => {}
        }
    }
    found
}

/// The range in the first line of a mapping, if it is a file's that cannot be written.
fn unwritable(line: &str) -> Option<(usize, usize)> {
    let mut fields = line.split_ascii_whitespace();
    let (range, modes) = (fields.next()?, fields.next()?);
    let is_file = fields.nth(3).is_some_and(|path| path.starts_with('/'));
    let (start, end) = range.split_once('-')?;
    let (start, end) = (usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?);
    (is_file && ["r-xp", "r--p"].contains(&modes)).then_some((start, end - start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_as_in_a_file_is_given_back() {
        let smaps = "\
7f0000000000-7f0000002000 r-xp 00001000 fe:00 1234   /usr/lib/libc.so.6
Rss:                   8 kB
Anonymous:             0 kB
7f0000002000-7f0000003000 r--p 00003000 fe:00 1234   /usr/lib/libc.so.6
Anonymous:             4 kB
7f0000003000-7f0000004000 rw-p 00004000 fe:00 1234   /usr/lib/libc.so.6
Anonymous:             0 kB
7f0000004000-7f0000007000 r--p 00005000 fe:00 1234   /usr/lib/libc.so.6
Anonymous:             0 kB
7ffc00000000-7ffc00001000 r-xp 00000000 00:00 0      [vdso]
Anonymous:             0 kB
";
        assert_eq!(pages(smaps), [(0x7f00_0000_0000, 0x2000), (0x7f00_0000_4000, 0x3000)]);
    }

    #[test]
    fn the_stack_is_found() {
        let maps =
            "7f00-7f10 r-xp 0 fe:00 1 /lib\n7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0  [stack]\n";
        assert_eq!((stack(maps), stack("")), (Some(0x7ffc_0000_0000), None));
    }

    #[test]
    fn a_process_goes_on_after_it_has_given_back() {
        give_back();
        assert_eq!(format!("{:?}", vec![1, 2]), "[1, 2]");
    }
}
