//! Forms of strings that several parts of the specification share.

use super::shape::{Form, Shape};

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

/// A text for a message, shortened.
pub(super) fn excerpt(text: &str) -> String {
    const MOST: usize = 60;
    match text.char_indices().nth(MOST) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
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
