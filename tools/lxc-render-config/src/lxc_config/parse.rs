//! Reading a configuration by LXC's own rules, independently of how this crate prints one.

use super::{Entry, LxcConfig};
use nexcage_cli::{Code, Diagnose};
use std::fmt;

const BLANKS: [char; 2] = [' ', '\t'];

/// A line that LXC would refuse to load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub kind: ParseErrorKind,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParseErrorKind {
    /// It begins with `lxc.` but has no `=`.
    NoValue,
    /// It holds a NUL, where LXC would stop reading it.
    Nul,
}

impl LxcConfig {
    /// Reads a text as LXC does: comments, empty lines and lines that do not begin with `lxc.` are
    /// skipped; blanks around key and value are dropped, then one pair of equal quotes around the
    /// value. Whether LXC knows a key is not checked.
    ///
    /// # Errors
    /// A line that LXC would refuse, with its number.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let mut config = LxcConfig::new();
        for (index, line) in text.split('\n').enumerate() {
            let fail = |kind| ParseError { line: index + 1, kind };
            let line = line.trim_start_matches(BLANKS);
            if !line.starts_with("lxc.") {
                continue;
            }
            if line.contains('\0') {
                return Err(fail(ParseErrorKind::Nul));
            }
            let (key, value) = line.split_once('=').ok_or(fail(ParseErrorKind::NoValue))?;
            let key = key.trim_end_matches(BLANKS).to_owned();
            let value = unquoted(value.trim_matches(BLANKS)).to_owned();
            config.entries.push(Entry { key, value });
        }
        Ok(config)
    }
}

fn unquoted(value: &str) -> &str {
    let pair = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    pair('\'').or_else(|| pair('"')).unwrap_or(value)
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            ParseErrorKind::NoValue => "there is no '='",
            ParseErrorKind::Nul => "there is a NUL",
        };
        write!(f, "line {} of the LXC configuration: {what}", self.line)
    }
}

impl std::error::Error for ParseError {}

impl Diagnose for ParseError {
    fn code(&self) -> Code {
        Code::Syntax
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &[(&str, &str)]) {
        let config = LxcConfig::parse(line).unwrap();
        assert_eq!(config.lines().collect::<Vec<_>>(), expected, "{line:?}");
    }

    #[test]
    fn lines_mean_what_they_mean_to_lxc() {
        check("# lxc.a = b\n\n  # x\nother = 1\n", &[]);
        check(" \tlxc.a=b", &[("lxc.a", "b")]);
        check("lxc.a = b # no comment", &[("lxc.a", "b # no comment")]);
        check("lxc.a = 'b'", &[("lxc.a", "b")]);
        check("lxc.a = ''b''", &[("lxc.a", "'b'")]);
        check("lxc.a = \" b \"", &[("lxc.a", " b ")]);
        check("lxc.a = 'b\"", &[("lxc.a", "'b\"")]);
        check("lxc.a = '", &[("lxc.a", "'")]);
        check("lxc.a = ''", &[("lxc.a", "")]);
        check("lxc.a =", &[("lxc.a", "")]);
        check("lxc.a = b=c", &[("lxc.a", "b=c")]);
    }

    #[test]
    fn what_lxc_refuses_is_refused_with_its_line() {
        let error = LxcConfig::parse("lxc.a = 1\nlxc.b").unwrap_err();
        assert_eq!(error, ParseError { line: 2, kind: ParseErrorKind::NoValue });
        assert!(LxcConfig::parse("lxc.a = 1\0").is_err());
    }
}
