//! LXC's configuration language: an ordered list of `lxc.key = value` lines.
//!
//! What this module prints, LXC reads as exactly the same list: a value that would end its line,
//! vanish or reset a list is refused when it is pushed.

mod mount_entry;
mod parse;

pub use mount_entry::{EntryError, MountEntry, option_trap};
pub use parse::{ParseError, ParseErrorKind};

use nexcage_cli::{Code, Diagnose};
use std::fmt;

/// A configuration in the order of its lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LxcConfig {
    entries: Vec<Entry>,
}

/// One line; an empty value resets the key.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    key: String,
    value: String,
}

/// Why a line cannot be part of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadValue {
    /// The value holds a control character; LXC has no escapes.
    Control(char),
    /// The value is empty: to LXC that is a reset, see [`LxcConfig::reset`].
    Empty,
    /// The key is not `lxc.` and a name of letters, digits, `.`, `_` and `-`.
    Key(String),
}

impl LxcConfig {
    /// An empty configuration.
    #[must_use]
    pub fn new() -> Self {
        LxcConfig::default()
    }

    /// Appends a line.
    ///
    /// # Errors
    /// The key or the value cannot be written so that LXC reads it back.
    pub fn push(&mut self, key: &str, value: impl Into<String>) -> Result<(), BadValue> {
        let value = value.into();
        if value.is_empty() {
            return Err(BadValue::Empty);
        }
        if let Some(control) = value.chars().find(|c| c.is_control()) {
            return Err(BadValue::Control(control));
        }
        self.append(key, value)
    }

    /// Appends a line that drops what earlier lines said for this key.
    ///
    /// # Errors
    /// The key is malformed.
    pub fn reset(&mut self, key: &str) -> Result<(), BadValue> {
        self.append(key, String::new())
    }

    fn append(&mut self, key: &str, value: String) -> Result<(), BadValue> {
        let name = key.strip_prefix("lxc.").unwrap_or_default();
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)) {
            return Err(BadValue::Key(key.to_owned()));
        }
        self.entries.push(Entry { key: key.to_owned(), value });
        Ok(())
    }

    /// The last value of a key; `None` if there is none or it was reset since.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values(key).last()
    }

    /// The values of a key since its last reset, in order.
    pub fn values(&self, key: &str) -> impl Iterator<Item = &str> {
        let own = move |entry: &&Entry| entry.key == key;
        let start = self.entries.iter().rposition(|entry| entry.key == key && entry.value.is_empty());
        let entries = &self.entries[start.map_or(0, |reset| reset + 1)..];
        entries.iter().filter(own).map(|entry| entry.value.as_str())
    }

    /// Every line as key and value, in order; a reset has the empty value.
    pub fn lines(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|entry| (entry.key.as_str(), entry.value.as_str()))
    }

    /// The text that LXC reads.
    #[must_use]
    pub fn text(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for LxcConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (key, value) in self.lines() {
            match value {
                "" => writeln!(f, "{key} =")?,
                value if needs_quotes(value) => writeln!(f, "{key} = '{value}'")?,
                value => writeln!(f, "{key} = {value}")?,
            }
        }
        Ok(())
    }
}

/// LXC trims blanks and then takes off one pair of equal quotes: a pair around the whole keeps both
/// from happening to the value itself. There are no escapes, so quotes inside need nothing.
fn needs_quotes(value: &str) -> bool {
    value.starts_with([' ', '\t', '"', '\'']) || value.ends_with([' ', '\t'])
}

impl fmt::Display for BadValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadValue::Control(c) => {
                write!(f, "it holds the control character {}, which LXC cannot express", c.escape_default())
            }
            BadValue::Empty => f.write_str("it is empty, which LXC reads as a reset"),
            BadValue::Key(key) => write!(f, "{} is not a key of LXC", key.escape_default()),
        }
    }
}

impl std::error::Error for BadValue {}

impl Diagnose for BadValue {
    fn code(&self) -> Code {
        Code::Refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(values in prop::collection::vec(any::<String>(), 0..8)) {
            let mut config = LxcConfig::new();
            let mut accepted = 0;
            for value in values {
                let inert = !value.is_empty() && !value.chars().any(char::is_control);
                prop_assert_eq!(config.push("lxc.uts.name", value).is_ok(), inert);
                accepted += usize::from(inert);
                config.reset("lxc.mount.auto").unwrap();
            }
            prop_assert_eq!(config.values("lxc.uts.name").count(), accepted);
            prop_assert_eq!(LxcConfig::parse(&config.text()).unwrap(), config);
        }

        #[test]
        fn blanks_and_quotes_survive(value in "[ '\"#=a]{1,6}") {
            let mut config = LxcConfig::new();
            config.push("lxc.uts.name", value.clone()).unwrap();
            let read = LxcConfig::parse(&config.text()).unwrap();
            prop_assert_eq!(read.get("lxc.uts.name"), Some(value.as_str()));
        }
    }

    #[test]
    fn line_ends_and_accidental_resets_are_refused() {
        let mut config = LxcConfig::new();
        for value in ["a\nlxc.hook.pre-start = /bin/sh", "a\r", "a\0", "\u{1b}[0m", "\u{85}"] {
            assert!(matches!(config.push("lxc.uts.name", value), Err(BadValue::Control(_))), "{value:?}");
        }
        assert_eq!(config.push("lxc.uts.name", ""), Err(BadValue::Empty));
        for key in ["lxc.", "uts.name", "lxc.a b", "lxc.a=b", "lxc.a\n"] {
            assert!(matches!(config.push(key, "x"), Err(BadValue::Key(_))), "{key:?}");
        }
        assert_eq!(config.text(), "");
    }

    #[test]
    fn a_reset_hides_what_came_before() {
        let mut config = LxcConfig::new();
        config.push("lxc.mount.entry", "a").unwrap();
        config.reset("lxc.mount.entry").unwrap();
        assert_eq!(config.get("lxc.mount.entry"), None);
        config.push("lxc.mount.entry", "b").unwrap();
        assert_eq!(config.values("lxc.mount.entry").collect::<Vec<_>>(), ["b"]);
        assert_eq!(config.text(), "lxc.mount.entry = a\nlxc.mount.entry =\nlxc.mount.entry = b\n");
    }
}
