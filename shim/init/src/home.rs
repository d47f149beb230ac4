//! `HOME` for a process that brings none, as runc sets it: from the container's own passwd(5).

use crate::path::PATH_MAX;
use core::ffi::CStr;

const PREFIX: &[u8] = b"HOME=";
const CAPACITY: usize = PREFIX.len() + PATH_MAX;

/// Where `HOME` goes in an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// Nowhere: the environment has one.
    None,
    /// In the place of the entry with this index, which is empty.
    Replace(usize),
    /// After the last entry.
    Append,
}

/// Finds the place for `HOME`. Of several entries the first counts, as for `getenv(3)`.
pub fn slot<'a>(env: impl Iterator<Item = &'a CStr>) -> Slot {
    let mut entries = env.map(CStr::to_bytes).enumerate();
    match entries.find(|(_, entry)| entry.starts_with(PREFIX)) {
        None => Slot::Append,
        Some((index, PREFIX)) => Slot::Replace(index),
        Some(_) => Slot::None,
    }
}

/// Reads a passwd file piece by piece for the home directory of one user.
///
/// The first well-formed line with the user's id decides; it has six fields or more, a decimal id,
/// and a home directory that is no longer than a path can be. Without one, home is `/`.
#[derive(Debug)]
pub struct Lookup {
    uid: u32,
    line: Line,
    found: bool,
    /// `HOME=` and the home directory of the current line, or of the line that was found.
    entry: [u8; CAPACITY],
    len: usize,
}

#[derive(Debug, Default)]
struct Line {
    /// How many colons were seen.
    field: u32,
    uid: Option<u32>,
    malformed: bool,
}

impl Lookup {
    /// Begins at the start of a file.
    #[must_use]
    pub fn new(uid: u32) -> Self {
        let mut entry = [0; CAPACITY];
        entry[..PREFIX.len()].copy_from_slice(PREFIX);
        Lookup { uid, line: Line::default(), found: false, entry, len: PREFIX.len() }
    }

    /// Reads on; true once nothing more needs to be read.
    pub fn feed(&mut self, bytes: &[u8]) -> bool {
        for &byte in bytes {
            if self.found {
                break;
            }
            match (byte, self.line.field) {
                (b'\n', _) => self.end_line(),
                (b':', _) => self.line.field += 1,
                (_, 2) => self.uid_digit(byte),
                (_, 5) => self.home_byte(byte),
                _ => {}
            }
        }
        self.found
    }

    /// The environment entry, `HOME=` included, once the whole file was read.
    #[must_use]
    pub fn finish(&mut self) -> &CStr {
        if !self.found {
            self.end_line();
        }
        if !self.found {
            self.home_byte(b'/');
        }
        // home_byte keeps NUL out and leaves the last place free.
        self.entry[self.len] = 0;
        CStr::from_bytes_until_nul(&self.entry).unwrap_or(c"HOME=/")
    }

    fn end_line(&mut self) {
        let line = core::mem::take(&mut self.line);
        let has_home = line.field >= 5 && self.len > PREFIX.len();
        if has_home && !line.malformed && line.uid == Some(self.uid) {
            self.found = true;
        } else {
            self.len = PREFIX.len();
        }
    }

    fn uid_digit(&mut self, byte: u8) {
        let digit = byte.is_ascii_digit().then(|| u32::from(byte - b'0'));
        let uid = digit.and_then(|digit| self.line.uid.unwrap_or(0).checked_mul(10)?.checked_add(digit));
        self.line.malformed |= uid.is_none();
        self.line.uid = uid;
    }

    fn home_byte(&mut self, byte: u8) {
        if byte == 0 || self.len == CAPACITY - 1 {
            self.line.malformed = true;
        } else {
            self.entry[self.len] = byte;
            self.len += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn home(uid: u32, passwd: &[u8], piece: usize) -> Vec<u8> {
        let mut lookup = Lookup::new(uid);
        passwd.chunks(piece).find(|bytes| lookup.feed(bytes));
        lookup.finish().to_bytes().to_vec()
    }

    #[track_caller]
    fn check(uid: u32, passwd: &str, expected: &str) {
        for piece in [1, 7, 4096] {
            let home = home(uid, passwd.as_bytes(), piece);
            assert_eq!(String::from_utf8_lossy(&home), format!("HOME={expected}"), "pieces of {piece}");
        }
    }

    #[test]
    fn the_first_line_of_the_user_decides() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\na:x:1000:1:,,:/home/a:/bin/sh\nb:x:1000:1::/home/b:\n";
        check(0, passwd, "/root");
        check(1000, passwd, "/home/a");
        check(1, passwd, "/");
    }

    #[test]
    fn the_last_line_needs_no_newline_and_no_shell() {
        check(7, "a:x:7:7::/a", "/a");
        check(7, "a:x:7:7::/a:/bin/sh", "/a");
    }

    #[test]
    fn malformed_lines_are_passed_over() {
        check(0, "", "/");
        check(0, "\n\nroot\nroot:x::0::/none:\nroot:x:0\n:::::\nr:x:0:0::/r:\n", "/r");
        check(7, "a:x: 7:7::/a:\na:x:7a:7::/b:\na:x:-7:7::/c:\na:x:4294967303:7::/d:\na:x:7:7::/e:\n", "/e");
        check(7, "a:x:7:7::\0:\na:x:7:7:::\n", "/");
        check(7, &format!("a:x:7:7::/{}:\na:x:7:7::/a:\n", "x".repeat(PATH_MAX)), "/a");
    }

    #[test]
    fn home_goes_where_it_is_empty_or_to_the_end() {
        let slot_of = |env: &[&'static CStr]| slot(env.iter().copied());
        assert_eq!(slot_of(&[]), Slot::Append);
        assert_eq!(slot_of(&[c"A=HOME=", c"HOMES=1", c"HOME"]), Slot::Append);
        assert_eq!(slot_of(&[c"A=1", c"HOME=", c"HOME=/b"]), Slot::Replace(1));
        assert_eq!(slot_of(&[c"HOME=/a", c"HOME="]), Slot::None);
    }

    proptest! {
        #[test]
        fn any_file_gives_a_home(uid: u32, passwd: Vec<u8>, piece in 1..9_usize) {
            prop_assert!(home(uid, &passwd, piece).len() > PREFIX.len());
        }

        #[test]
        fn a_line_is_found_behind_other_users(others in "([a-z]{0,5}:x:[1-9]{1,9}:[0-9]*::/[a-z]*:/bin/sh\n){0,9}") {
            let passwd = format!("{others}me:x:0:0::/mine:/bin/sh\n");
            prop_assert_eq!(home(0, passwd.as_bytes(), 3), b"HOME=/mine");
        }
    }
}
