//! The keys that end an attachment.

use nexcage_cli::{Failure, Opt};

/// What ends an attachment unless something else is said.
pub(crate) const DEFAULT: &str = "ctrl-p,ctrl-q";

pub(crate) const DETACH_KEYS: Opt = Opt {
    long: "detach-keys",
    short: None,
    value: Some("KEYS"),
    help: "The keys that leave the process to itself, with commas between: a character, or ctrl- and one of a-z @ [ \\ ] ^ _. Empty for none. Default: ctrl-p,ctrl-q.",
};

/// The bytes that the keys send.
pub(crate) fn parse(text: &str) -> Result<Vec<u8>, Failure> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Option<Vec<u8>> = text.split(',').map(key).collect();
    keys.ok_or_else(|| Failure::usage(format!("--detach-keys {text}: expected keys such as {DEFAULT}")))
}

fn key(text: &str) -> Option<u8> {
    match (text.strip_prefix("ctrl-"), text.as_bytes()) {
        (Some(name), _) => match name.as_bytes() {
            // As terminals do it: the upper bits of the letter fall away.
            [letter @ (b'a'..=b'z' | b'@' | b'['..=b'_')] => Some(letter & 0x1f),
            _ => None,
        },
        (None, [byte]) if byte.is_ascii_graphic() => Some(*byte),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_named_as_docker_names_them() {
        for (text, bytes) in [
            (DEFAULT, &[16, 17][..]),
            ("a", b"a"),
            ("ctrl-a,d", &[1, b'd']),
            ("ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_", &[0, 27, 28, 29, 30, 31]),
            ("", &[]),
        ] {
            assert_eq!(parse(text).unwrap(), bytes, "{text}");
        }
        for wrong in ["ctrl-", "ctrl-A", "ab", "a,,b", "é", ",", "ctrl-1"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
