//! The value of `lxc.mount.entry`: a line of fstab(5) that LXC gives to getmntent(3).

use std::fmt;

/// getmntent's buffer is 4096 bytes with its NUL; LXC silently cuts what is longer.
const MAX_LINE: usize = 4095;

/// Options that LXC matches by their beginning, in 5.0 to 7.0: a file system's own option that
/// begins with one of them would be taken for it.
const FLAGS: &[&str] = &[
    "async",
    "atime",
    "bind",
    "defaults",
    "dev",
    "diratime",
    "dirsync",
    "exec",
    "lazytime",
    "loud",
    "mand",
    "noatime",
    "nodev",
    "nodiratime",
    "noexec",
    "nolazytime",
    "nomand",
    "norelatime",
    "nostrictatime",
    "nosuid",
    "nosymfollow",
    "private",
    "rbind",
    "relatime",
    "remount",
    "ro",
    "rprivate",
    "rshared",
    "rslave",
    "runbindable",
    "rw",
    "shared",
    "silent",
    "slave",
    "strictatime",
    "suid",
    "symfollow",
    "sync",
    "unbindable",
];

/// Words that LXC looks for anywhere in the options.
const WORDS: &[&str] = &["create=dir", "create=file", "optional", "relative", "idmap="];

/// One mount, its fields not yet escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountEntry<'a> {
    /// What is mounted: a path, or a word for file systems without a device.
    pub source: &'a str,
    /// Where: a path below the rootfs, without a leading slash. LXC silently skips absolute ones.
    pub target: &'a str,
    /// The type; `none` for a bind mount.
    pub fs_type: &'a str,
    /// The options, joined by commas; never empty.
    pub options: &'a str,
}

/// Why LXC cannot be told of a mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryError {
    /// The line has so many bytes.
    TooLong(usize),
}

impl MountEntry<'_> {
    /// The line.
    ///
    /// # Errors
    /// It is longer than LXC reads.
    pub fn line(&self) -> Result<String, EntryError> {
        let fields = [self.source, self.target, self.fs_type, self.options].map(escaped);
        let line = format!("{} 0 0", fields.join(" "));
        if line.len() > MAX_LINE { Err(EntryError::TooLong(line.len())) } else { Ok(line) }
    }
}

/// A field as getmntent(3) unescapes it: blanks and backslashes as octal numbers, a `#` at the
/// start too, where it would make a comment of the line.
fn escaped(field: &str) -> String {
    let mut out = String::with_capacity(field.len());
    for (index, c) in field.char_indices() {
        match c {
            ' ' => out.push_str("\\040"),
            '\t' => out.push_str("\\011"),
            '\n' => out.push_str("\\012"),
            '\\' => out.push_str("\\134"),
            '#' if index == 0 => out.push_str("\\043"),
            other => out.push(other),
        }
    }
    out
}

/// The word of LXC's own that a file system's option would be mistaken for, if there is one.
#[must_use]
pub fn option_trap(option: &str) -> Option<&'static str> {
    let flag = FLAGS.iter().find(|flag| option.starts_with(**flag));
    flag.or_else(|| WORDS.iter().find(|word| option.contains(**word))).copied()
}

impl fmt::Display for EntryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let EntryError::TooLong(len) = self;
        write!(f, "the mount's line would have {len} bytes; LXC reads {MAX_LINE} and cuts the rest")
    }
}

impl std::error::Error for EntryError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_escaped_as_getmntent_reads_them() {
        let entry = MountEntry { source: "#a b\\", target: "x\ty\nz#", fs_type: "none", options: "bind" };
        assert_eq!(entry.line().unwrap(), "\\043a\\040b\\134 x\\011y\\012z# none bind 0 0");
    }

    #[test]
    fn a_line_longer_than_the_buffer_is_refused() {
        let source = "/".repeat(MAX_LINE);
        let mut entry = MountEntry { source: &source[18..], target: "t", fs_type: "none", options: "bind" };
        let fits = entry.line().unwrap();
        assert!(fits.len() <= MAX_LINE);
        entry.source = &source;
        assert_eq!(entry.line(), Err(EntryError::TooLong(MAX_LINE + 16)));
    }

    #[test]
    fn options_that_lxc_would_mistake_are_found() {
        for (option, trap) in [
            ("rootcontext=x", Some("ro")),
            ("device_timeout=3", Some("dev")),
            ("lowerdir=/x/optional", Some("optional")),
            ("x=create=dir", Some("create=dir")),
            ("mode=755", None),
            ("size=64k", None),
            ("lowerdir=/a:/b", None),
        ] {
            assert_eq!(option_trap(option), trap, "{option}");
        }
    }
}
