//! The forms that the kernel's files have.

use std::fs;
use std::path::Path;
use std::str::FromStr;

/// A file's text; none if the kernel does not have it.
pub(super) fn read(directory: &Path, file: &str) -> String {
    fs::read_to_string(directory.join(file)).unwrap_or_default()
}

/// A file of one number.
pub(super) fn number(directory: &Path, file: &str) -> u64 {
    parse(read(directory, file).trim())
}

/// A number; the greatest one for `max`.
pub(super) fn parse(text: &str) -> u64 {
    if text == "max" { u64::MAX } else { text.parse().unwrap_or_default() }
}

/// The number behind a key, in a file with a line for each.
pub(super) fn of_key(text: &str, key: &str) -> u64 {
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
    value.map_or(0, |value| parse(value.trim()))
}

/// The number behind `key=`, in a line of blanks and such.
pub(super) fn option<N: Number>(line: &str, key: &str) -> N {
    let value = line.split_whitespace().find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
    value.map_or(N::default(), N::of)
}

/// Any number that stands behind `key=`.
pub(super) trait Number: Default {
    fn of(text: &str) -> Self;
}

impl Number for u64 {
    fn of(text: &str) -> Self {
        parse(text)
    }
}

impl Number for f64 {
    fn of(text: &str) -> Self {
        f64::from_str(text).unwrap_or_default()
    }
}

/// A device's two numbers, and what stands behind them.
pub(super) fn device(line: &str) -> Option<(u64, u64, &str)> {
    let (device, rest) = line.split_once(' ')?;
    let (major, minor) = device.split_once(':')?;
    Some((major.parse().ok()?, minor.parse().ok()?, rest))
}

/// The sizes of huge pages that a cgroup has files for, from the files that end with `suffix`.
pub(super) fn page_sizes(directory: &Path, suffix: &str) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let size = |name: &str| {
        let size = name.strip_prefix("hugetlb.")?.strip_suffix(suffix)?;
        (!size.contains('.')).then(|| size.to_owned())
    };
    let mut sizes: Vec<String> = entries.filter_map(|entry| size(entry.file_name().to_str()?)).collect();
    sizes.sort();
    sizes
}

/// A struct of numbers that stand behind keys in one file.
macro_rules! keyed {
    ($(#[$about:meta])* $name:ident $file:literal { $($field:ident $key:literal,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub struct $name { $(#[doc = concat!("`", $key, "` of `", $file, "`.")] pub $field: u64,)* }

        impl $name {
            fn read(directory: &std::path::Path) -> Self {
                let text = $crate::stats::text::read(directory, $file);
                $name { $($field: $crate::stats::text::of_key(&text, $key),)* }
            }
        }
    };
}
pub(super) use keyed;
