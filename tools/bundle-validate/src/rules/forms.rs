//! Forms of strings that several parts of the specification share.

use super::shape::{Form, Shape};
use crate::report::printable::printable;
use std::borrow::Cow;

pub(super) static ABSOLUTE: Shape = Shape::Form(&Form { name: "an absolute path", accepts: is_absolute });
pub(super) static ABSOLUTES: Shape = Shape::Array(&ABSOLUTE);
pub(super) static LIST: Shape =
    Shape::Form(&Form { name: "a list of numbers and ranges such as 0-3,7", accepts: is_list });
pub(super) static ONE_LINE: Shape = Shape::Form(&Form {
    name: "a string without a line break",
    accepts: |text| !text.contains(['\n', '\r']),
});

/// Absolute as POSIX has it.
pub(super) fn is_absolute(path: &str) -> bool {
    path.starts_with('/')
}

/// Whether an absolute path is its own [`normal`] form.
pub(super) fn is_normal(path: &str) -> bool {
    let is_name = |part: &[u8]| !matches!(part, b"" | b"." | b"..");
    let parts = path.as_bytes().strip_prefix(b"/").map(|rest| rest.split(|byte| *byte == b'/'));
    path == "/" || parts.is_some_and(|mut parts| parts.all(is_name))
}

/// The absolute path that a path means, taken from / and without looking at any file.
pub(super) fn normal(path: &str) -> Cow<'_, str> {
    if is_normal(path) {
        return path.into();
    }
    let mut parts = vec![];
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/")).into()
}

/// A path in its normal form and every directory above it. Of a path longer than the kernel takes,
/// nothing: only bad will has such, and their number would be the square of its length.
pub(super) fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    const PATH_MAX: usize = 4096;
    let first = (path.len() < PATH_MAX && path.starts_with('/')).then_some(path);
    std::iter::successors(first, |path| match path.bytes().rposition(|byte| byte == b'/')? {
        _ if *path == "/" => None,
        0 => Some("/"),
        end => Some(&path[..end]),
    })
}

/// A list of CPUs or memory nodes as cpuset(7) has it; empty is fine, blanks around entries too.
pub(super) fn is_list(text: &str) -> bool {
    let number = |text: &str| text.trim().parse::<u32>().ok().filter(|_| !text.contains('+'));
    text.trim().is_empty()
        || text.split(',').all(|entry| match entry.split_once('-') {
            None => number(entry).is_some(),
            Some((first, last)) => matches!((number(first), number(last)), (Some(a), Some(b)) if a <= b),
        })
}

/// A version as SemVer 2.0.0 has it.
pub(super) fn is_semver(text: &str) -> bool {
    let (rest, build) = text.split_once('+').map_or((text, None), |(rest, build)| (rest, Some(build)));
    let (core, pre) = rest.split_once('-').map_or((rest, None), |(core, pre)| (core, Some(pre)));
    let numeric = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let no_zero = |part: &str| part == "0" || !part.starts_with('0');
    let word = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    core.split('.').count() == 3
        && core.split('.').all(|part| numeric(part) && no_zero(part))
        && pre.is_none_or(|pre| pre.split('.').all(|part| word(part) && (!numeric(part) || no_zero(part))))
        && build.is_none_or(|build| build.split('.').all(word))
}

/// A text for a message: shortened, and in one line.
pub(super) fn excerpt(text: &str) -> String {
    const MOST: usize = 60;
    match text.char_indices().nth(MOST) {
        None => printable(text),
        Some((end, _)) => format!("{}…", printable(&text[..end])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_the_kernel_reads_them() {
        for good in ["", "0", "0-3,7", "1, 3-4", "0-0"] {
            assert!(is_list(good), "{good}");
        }
        for bad in ["a", "1-", "-1", "3-1", "1,,2", "1;2", "0-3-5", "4294967296", "+1"] {
            assert!(!is_list(bad), "{bad}");
        }
    }

    #[test]
    fn paths_are_brought_into_their_normal_form() {
        for (path, expected) in [
            ("/", "/"),
            ("", "/"),
            ("a/b", "/a/b"),
            ("//a/./b/", "/a/b"),
            ("/a/../../b", "/b"),
            ("/..", "/"),
            ("/a/..b", "/a/..b"),
        ] {
            assert_eq!(normal(path), expected, "{path}");
            assert_eq!(is_normal(path), path == expected, "{path}");
        }
        assert_eq!(ancestors("/a/bc").collect::<Vec<_>>(), ["/a/bc", "/a", "/"]);
        assert_eq!(ancestors("/").collect::<Vec<_>>(), ["/"]);
        assert_eq!(ancestors(&"/a".repeat(4096)).count(), 0);
    }

    #[test]
    fn versions_are_those_of_semver() {
        for good in ["1.3.0", "1.0.2-dev", "1.3.0+dev", "1.0.0-rc.1+x.1", "0.5.0", "1.0.0--"] {
            assert!(is_semver(good), "{good}");
        }
        for bad in
            ["1", "1.3", "01.3.0", "1.3.0.0", "v1.3.0", "1.3.0-", "1.3.0-01", "1.3.0+", "1.3.x", " 1.3.0", ""]
        {
            assert!(!is_semver(bad), "{bad}");
        }
    }
}
