//! Paths: made in fixed buffers, and searched as `execvp(3)` does.

use core::ffi::CStr;
use linux_raw_sys::errno::{EACCES, ENOENT, ENOTDIR};

/// Room for the longest path that the kernel takes, its NUL included.
pub const PATH_MAX: usize = 4096;

/// Tries `name` in every directory of `path` (the value of `PATH`, if there is one) until an
/// attempt fails with an errno that ends the search, and returns the errno of the whole search.
///
/// A name with a slash is a path itself. An empty element of `path` is the working directory, an
/// empty or missing `path` has no element. "Not here" and "not allowed" don't end the search, but
/// the latter is what a failed search then reports.
pub fn search(name: &CStr, path: Option<&[u8]>, mut attempt: impl FnMut(&CStr) -> u32) -> u32 {
    if name.to_bytes().contains(&b'/') {
        return attempt(name);
    }
    let mut verdict = ENOENT;
    if name.is_empty() {
        return verdict;
    }
    let mut buffer = [0; PATH_MAX];
    for directory in
        path.filter(|path| !path.is_empty()).into_iter().flat_map(|path| path.split(|&b| b == b':'))
    {
        // A candidate that is too long for the kernel can't exist.
        let Some(candidate) = join(directory, name.to_bytes(), &mut buffer) else { continue };
        match attempt(candidate) {
            ENOENT | ENOTDIR => {}
            EACCES => verdict = EACCES,
            errno => return errno,
        }
    }
    verdict
}

/// Writes `directory/name` (`name` alone for an empty directory) into `buffer`; `None` if it or its
/// NUL doesn't fit.
pub fn join<'b>(directory: &[u8], name: &[u8], buffer: &'b mut [u8]) -> Option<&'b CStr> {
    let separator: &[u8] = if directory.is_empty() || directory.ends_with(b"/") { b"" } else { b"/" };
    let mut end = 0;
    for part in [directory, separator, name, b"\0"] {
        buffer.get_mut(end..end + part.len())?.copy_from_slice(part);
        end += part.len();
    }
    CStr::from_bytes_with_nul(&buffer[..end]).ok()
}

/// Digits of the largest `u32`.
pub const DIGITS: usize = 10;

/// Writes a number into `buffer`, in decimal.
pub fn decimal(mut number: u32, buffer: &mut [u8; DIGITS]) -> &[u8] {
    let mut start = DIGITS;
    for digit in buffer.iter_mut().rev() {
        let [value, ..] = (number % 10).to_le_bytes();
        *digit = b'0' + value;
        start -= 1;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    &buffer[start..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use linux_raw_sys::errno::ENOEXEC;
    use proptest::prelude::*;
    use std::ffi::CString;

    fn attempts(name: &CStr, path: Option<&[u8]>, errnos: &[u32]) -> (Vec<CString>, u32) {
        let (mut tried, mut errnos) = (Vec::new(), errnos.iter().copied());
        let errno = search(name, path, |candidate| {
            tried.push(candidate.to_owned());
            errnos.next().unwrap_or(ENOENT)
        });
        (tried, errno)
    }

    #[track_caller]
    fn check(name: &CStr, path: Option<&str>, errnos: &[u32], expected: &[&CStr], verdict: u32) {
        let expected: Vec<CString> = expected.iter().map(|&path| path.to_owned()).collect();
        assert_eq!(attempts(name, path.map(str::as_bytes), errnos), (expected, verdict));
    }

    #[test]
    fn a_name_with_a_slash_is_not_searched() {
        check(c"./a", Some("/bin"), &[EACCES], &[c"./a"], EACCES);
        check(c"/a/b", None, &[ENOTDIR], &[c"/a/b"], ENOTDIR);
    }

    #[test]
    fn directories_are_tried_in_order_and_an_empty_one_is_the_working_directory() {
        check(c"a", Some("/x:/y/"), &[], &[c"/x/a", c"/y/a"], ENOENT);
        check(c"a", Some(":/y:"), &[], &[c"a", c"/y/a", c"a"], ENOENT);
    }

    #[test]
    fn nothing_is_found_without_a_path_or_a_name() {
        check(c"a", None, &[], &[], ENOENT);
        check(c"a", Some(""), &[], &[], ENOENT);
        check(c"", Some("/bin"), &[], &[], ENOENT);
    }

    #[test]
    fn a_refused_candidate_is_remembered_and_a_broken_one_ends_the_search() {
        check(c"a", Some("/x:/y:/z"), &[EACCES, ENOTDIR], &[c"/x/a", c"/y/a", c"/z/a"], EACCES);
        check(c"a", Some("/x:/y"), &[ENOEXEC], &[c"/x/a"], ENOEXEC);
    }

    #[test]
    fn a_candidate_that_no_path_can_name_is_passed_over() {
        let long = format!("/{}:/y", "x".repeat(PATH_MAX));
        check(c"a", Some(&long), &[], &[c"/y/a"], ENOENT);
    }

    proptest! {
        #[test]
        fn every_element_is_tried_once(path in "[a-z/]{1,9}(:[a-z/]{0,9}){0,9}") {
            let (tried, _) = attempts(c"name", Some(path.as_bytes()), &[]);
            prop_assert_eq!(tried.len(), path.split(':').count());
        }

        #[test]
        fn numbers_are_decimal(number: u32) {
            for number in [number, number % 1000, 0, u32::MAX] {
                let mut buffer = [0; DIGITS];
                prop_assert_eq!(decimal(number, &mut buffer).to_vec(), number.to_string().into_bytes());
            }
        }

        #[test]
        fn joined_paths_fit_or_are_none(directory in "[a-z/]{0,20}", name in "[a-z]{0,20}", room in 0..50_usize) {
            let mut buffer = vec![0xff; room];
            match join(directory.as_bytes(), name.as_bytes(), &mut buffer) {
                Some(path) => prop_assert!(path.to_bytes().ends_with(name.as_bytes())),
                None => prop_assert!(directory.len() + 1 + name.len() + 1 > room),
            }
        }
    }
}
