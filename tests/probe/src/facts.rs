//! What was seen, as lines of text.

use crate::kernel;
use std::fmt::Display;
use std::fmt::Write as _;

/// Values longer than this are shown by their beginning, length and a sum.
const LONGEST: usize = 300;

/// Lines `NAME=VALUE`; values hold printable ASCII only.
pub(crate) struct Facts(String);

impl Facts {
    pub(crate) fn new() -> Self {
        Facts(String::new())
    }

    /// A fact that is text already.
    pub(crate) fn say(&mut self, name: &str, value: impl Display) {
        self.bytes(name, value.to_string().as_bytes());
    }

    /// A fact that may hold any byte.
    pub(crate) fn bytes(&mut self, name: &str, value: &[u8]) {
        let shown = &value[..value.len().min(LONGEST)];
        // The name may come from the container as well.
        let name = escape(name.as_bytes()).replace('=', "\\x3d");
        self.0.push_str(&format!("{name}={}", escape(shown)));
        if value.len() > LONGEST {
            self.0.push_str(&format!("...({} bytes, sum {:016x})", value.len(), sum(value)));
        }
        self.0.push('\n');
    }

    /// The outcome of a system call.
    pub(crate) fn outcome(&mut self, name: &str, outcome: Result<impl Display, i32>) {
        match outcome {
            Ok(value) => self.say(name, value),
            Err(errno) => self.say(name, kernel::error_name(errno)),
        }
    }

    /// Writes it all to a descriptor.
    pub(crate) fn flush(&mut self, descriptor: i32) {
        kernel::write_all(descriptor, self.0.as_bytes());
        self.0.clear();
    }
}

/// Backslashes and everything that is not printable ASCII become `\xNN`.
fn escape(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        match byte {
            b' '..=b'~' if *byte != b'\\' => text.push(char::from(*byte)),
            _ => {
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
    }
    text
}

/// FNV-1a, to tell long values apart.
fn sum(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}
