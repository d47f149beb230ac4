//! The command line: lexopt, with names resolved by the tool's table and the common options
//! already handled.

use crate::{Failure, LogFormat, Tool, logging};
use std::ffi::{OsStr, OsString};

/// One argument of a tool.
#[derive(Debug, PartialEq, Eq)]
pub enum Arg {
    /// An option of the tool's table, by its long name; also when the short one was typed.
    Option(&'static str),
    /// A positional argument.
    Value(OsString),
}

/// The arguments of a run. [`Args::next`] answers `--help`, `--version` and `--log-format` itself
/// and refuses options that are not in the tool's table.
#[derive(Debug)]
pub struct Args {
    parser: lexopt::Parser,
    tool: &'static Tool,
}

impl Args {
    pub(crate) fn from_env(tool: &'static Tool) -> Self {
        Args { parser: lexopt::Parser::from_env(), tool }
    }

    /// Arguments from a list, for tests. The list does not start with the name of the program.
    pub fn from_list<S: Into<OsString>>(tool: &'static Tool, list: impl IntoIterator<Item = S>) -> Self {
        let list = list.into_iter().map(Into::into);
        Args { parser: lexopt::Parser::from_args(list), tool }
    }

    /// The next option or positional argument that is the tool's own.
    ///
    /// # Errors
    /// A malformed command line, or `--help` or `--version`, which end the run.
    #[expect(clippy::should_implement_trait, reason = "fallible, as lexopt's own")]
    pub fn next(&mut self) -> Result<Option<Arg>, Failure> {
        loop {
            let Some(argument) = self.parser.next().map_err(Failure::usage)? else {
                return Ok(None);
            };
            let known = match &argument {
                lexopt::Arg::Long(name) => self.tool.all_options().find(|o| o.long == *name),
                lexopt::Arg::Short(name) => self.tool.all_options().find(|o| o.short == Some(*name)),
                lexopt::Arg::Value(value) => return Ok(Some(Arg::Value(value.clone()))),
            };
            match known.map(|option| option.long) {
                None => return Err(Failure::usage(argument.unexpected())),
                Some("help") => return Err(Failure::help()),
                Some("version") => return Err(Failure::version()),
                Some("log-format") => {
                    let set = [("text", LogFormat::Text), ("json", LogFormat::Json)];
                    logging::set_format(self.choice("log-format", &set)?);
                }
                Some(own) => return Ok(Some(Arg::Option(own))),
            }
        }
    }

    /// The value of the option just returned.
    ///
    /// # Errors
    /// There is none.
    pub fn value(&mut self) -> Result<OsString, Failure> {
        self.parser.value().map_err(Failure::usage)
    }

    /// The value of the option just returned, as UTF-8.
    ///
    /// # Errors
    /// There is none, or it is not UTF-8.
    pub fn string(&mut self) -> Result<String, Failure> {
        use lexopt::ValueExt as _;
        self.value()?.string().map_err(Failure::usage)
    }

    /// The value of the option just returned, as one of a closed set.
    ///
    /// # Errors
    /// There is none, or it is not in the set; the message lists the set.
    pub fn choice<T: Copy>(&mut self, option: &str, set: &[(&str, T)]) -> Result<T, Failure> {
        let value = self.value()?;
        let found = set.iter().find(|(name, _)| OsStr::new(name) == value);
        found.map(|(_, choice)| *choice).ok_or_else(|| {
            let names: Vec<&str> = set.iter().map(|(name, _)| *name).collect();
            Failure::usage(format!(
                "--{option} {}: expected one of {}",
                value.to_string_lossy(),
                names.join(", ")
            ))
        })
    }
}
