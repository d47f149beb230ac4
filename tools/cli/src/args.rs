//! The command line: lexopt, with names resolved by the tool's table and the common options
//! already handled.

use crate::{Failure, LogFormat, Opt, Tool, logging};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

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
    commands: &'static [&'static Tool],
    names: LongNames,
    /// How the option that was returned last was typed.
    last: Typed,
}

/// How many dashes may stand before a long name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LongNames {
    /// Two.
    TwoDashes,
    /// One or two, as programs in Go have it.
    OneDashToo,
}

/// How an option was typed.
#[derive(Debug, PartialEq, Eq)]
enum Typed {
    /// `-x`.
    Short,
    /// `--name`, and lexopt has its value if there is one.
    Long,
    /// `-name`, or `-name=value` with this value.
    OneDash(Option<OsString>),
}

impl Args {
    pub(crate) fn from_env(tool: &'static Tool) -> Self {
        Self::new(tool, lexopt::Parser::from_env())
    }

    /// Arguments from a list, for tests. The list does not start with the name of the program.
    pub fn from_list<S: Into<OsString>>(tool: &'static Tool, list: impl IntoIterator<Item = S>) -> Self {
        let list = list.into_iter().map(Into::into);
        Self::new(tool, lexopt::Parser::from_args(list))
    }

    fn new(tool: &'static Tool, parser: lexopt::Parser) -> Self {
        Args { parser, tool, commands: &[], names: LongNames::TwoDashes, last: Typed::Long }
    }

    /// The arguments of a tool that has these commands; its help lists them.
    #[must_use]
    pub fn with_commands(self, commands: &'static [&'static Tool]) -> Self {
        Args { commands, ..self }
    }

    /// Takes long names after a single dash too, as programs in Go do. A short option with its
    /// value in the same word stays one, unless the word is a long name of the table.
    #[must_use]
    pub fn with_single_dash_names(self) -> Self {
        Args { names: LongNames::OneDashToo, ..self }
    }

    /// From now on the options are those of `command`.
    pub fn enter(&mut self, command: &'static Tool) {
        (self.tool, self.commands) = (command, &[]);
    }

    /// The tool, or the command that was entered.
    #[must_use]
    pub fn tool(&self) -> &'static Tool {
        self.tool
    }

    /// Ends the run with the help of the tool, or of the command that was entered.
    #[must_use]
    pub fn help(&self) -> Failure {
        Failure::help(self.tool, self.commands)
    }

    /// The next option or positional argument that is the tool's own.
    ///
    /// # Errors
    /// A malformed command line, or `--help` or `--version`, which end the run.
    #[expect(clippy::should_implement_trait, reason = "fallible, as lexopt's own")]
    pub fn next(&mut self) -> Result<Option<Arg>, Failure> {
        loop {
            let option = match self.single_dash_name() {
                Some(option) => option,
                None => match self.typed()? {
                    None => return Ok(None),
                    Some(Err(value)) => return Ok(Some(Arg::Value(value))),
                    Some(Ok(option)) => option,
                },
            };
            match option.long {
                "help" => return Err(self.help()),
                // A tool's own may be about another version, and takes it.
                "version" if option.value.is_none() => return Err(Failure::version(self.tool)),
                "log-format" => {
                    let set = [("text", LogFormat::Text), ("json", LogFormat::Json)];
                    logging::set_format(self.choice("log-format", &set)?);
                }
                own => return Ok(Some(Arg::Option(own))),
            }
        }
    }

    /// An option of the table or a positional argument, as lexopt reads it.
    fn typed(&mut self) -> Result<Option<Result<&'static Opt, OsString>>, Failure> {
        let Some(argument) = self.parser.next().map_err(Failure::usage)? else {
            return Ok(None);
        };
        let (known, typed) = match &argument {
            lexopt::Arg::Long(name) => (self.tool.known_options().find(|o| o.long == *name), Typed::Long),
            lexopt::Arg::Short(name) => {
                (self.tool.known_options().find(|o| o.short == Some(*name)), Typed::Short)
            }
            lexopt::Arg::Value(value) => return Ok(Some(Err(value.clone()))),
        };
        self.last = typed;
        known.map(|option| Some(Ok(option))).ok_or_else(|| Failure::usage(argument.unexpected()))
    }

    /// An option that is a long name of the table after one dash, if such names are taken.
    fn single_dash_name(&mut self) -> Option<&'static Opt> {
        if self.names == LongNames::TwoDashes {
            return None;
        }
        let tool = self.tool;
        let split = |word: &OsStr| {
            let text = word.to_str()?.strip_prefix('-')?;
            let name = text.split('=').next().unwrap_or_default();
            let value = text.get(name.len() + 1..).map(OsString::from);
            let named = tool.known_options().find(|option| option.long == name)?;
            Some((named, value))
        };
        // There are no raw arguments in the middle of a word, and after `--` no options.
        let mut raw = self.parser.try_raw_args()?;
        let (option, value) = split(raw.peek()?)?;
        raw.next();
        self.last = Typed::OneDash(value);
        Some(option)
    }

    /// The value of the option just returned.
    ///
    /// # Errors
    /// There is none.
    pub fn value(&mut self) -> Result<OsString, Failure> {
        match &mut self.last {
            Typed::OneDash(value) => match value.take() {
                Some(value) => Ok(value),
                None => self.parser.raw_args().ok().and_then(|mut raw| raw.next()).ok_or_else(no_value),
            },
            _ => self.parser.value().map_err(Failure::usage),
        }
    }

    /// The value of the option just returned, as UTF-8.
    ///
    /// # Errors
    /// There is none, or it is not UTF-8.
    pub fn string(&mut self) -> Result<String, Failure> {
        use lexopt::ValueExt as _;
        self.value()?.string().map_err(Failure::usage)
    }

    /// Whether the option just returned, which takes no value, is on: `--x` and `--x=true` are,
    /// `--x=false` is not.
    ///
    /// # Errors
    /// Another value.
    pub fn flag(&mut self) -> Result<bool, Failure> {
        let value = match &mut self.last {
            // What follows in the word are other options.
            Typed::Short => None,
            Typed::Long => self.parser.optional_value(),
            Typed::OneDash(value) => value.take(),
        };
        match value.as_deref().map(OsStr::as_bytes) {
            None | Some(b"true" | b"1") => Ok(true),
            Some(b"false" | b"0") => Ok(false),
            Some(_) => Err(Failure::usage("an option without a value was given one")),
        }
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

    /// Everything that is left, as it stands, options or not.
    ///
    /// # Errors
    /// The word that was read last has a value that nothing took.
    pub fn rest(&mut self) -> Result<Vec<OsString>, Failure> {
        self.parser.raw_args().map(Iterator::collect).map_err(Failure::usage)
    }
}

fn no_value() -> Failure {
    Failure::usage("an option lacks its value")
}

#[cfg(test)]
mod tests {
    use super::*;

    static GLOBAL: Tool = Tool {
        name: "x",
        summary: "",
        usage: &[],
        options: &[Opt { long: "root", short: None, value: Some("DIR"), help: "" }],
        statuses: &[],
    };

    static COMMAND: Tool = Tool {
        name: "x do",
        summary: "",
        usage: &[],
        options: &[
            Opt { long: "tty", short: Some('t'), value: None, help: "" },
            Opt { long: "detach", short: Some('d'), value: None, help: "" },
            Opt { long: "env", short: Some('e'), value: Some("NAME=VALUE"), help: "" },
        ],
        statuses: &[],
    };

    fn read(list: &[&str]) -> Vec<String> {
        let mut args = Args::from_list(&GLOBAL, list).with_single_dash_names();
        let mut seen = Vec::new();
        loop {
            match args.next() {
                Ok(Some(Arg::Option(name @ ("root" | "env")))) => {
                    seen.push(format!("{name}={}", args.string().unwrap_or_else(|_| "?".into())));
                }
                Ok(Some(Arg::Option(name))) => match args.flag() {
                    Ok(on) => seen.push(format!("{name}:{on}")),
                    Err(_) => seen.push(format!("{name}:?")),
                },
                Ok(Some(Arg::Value(value))) if value == "do" => args.enter(&COMMAND),
                Ok(Some(Arg::Value(value))) => seen.push(value.into_string().unwrap()),
                Ok(None) => return seen,
                Err(_) => {
                    seen.push("error".into());
                    return seen;
                }
            }
        }
    }

    #[test]
    fn a_command_has_its_own_options() {
        assert_eq!(read(&["--root", "/r", "do", "-t", "a"]), ["root=/r", "tty:true", "a"]);
        assert_eq!(read(&["-t", "do"]), ["error"]);
        assert_eq!(read(&["do", "--root", "/r"]), ["error"]);
    }

    #[test]
    fn options_may_be_written_as_go_has_them() {
        assert_eq!(read(&["-root", "/r", "-root=/s"]), ["root=/r", "root=/s"]);
        assert_eq!(
            read(&["do", "-tty", "-detach=false", "--tty=true"]),
            ["tty:true", "detach:false", "tty:true"]
        );
        assert_eq!(read(&["do", "-env", "A=b", "-env=C=d", "-eE=f"]), ["env=A=b", "env=C=d", "env=E=f"]);
        assert_eq!(read(&["do", "-td", "--", "-tty"]), ["tty:true", "detach:true", "-tty"]);
        assert_eq!(read(&["do", "-env"]), ["env=?"]);
        assert_eq!(read(&["do", "-tty=maybe"]), ["tty:?"]);
        assert_eq!(read(&["do", "-environment"]), ["env=nvironment"], "a short option with its value");
    }

    #[test]
    fn the_rest_is_left_alone() {
        let mut args = Args::from_list(&COMMAND, ["-t", "id", "ls", "--all", "-e"]).with_single_dash_names();
        assert_eq!(args.next().unwrap(), Some(Arg::Option("tty")));
        assert_eq!(args.next().unwrap(), Some(Arg::Value("id".into())));
        assert_eq!(args.rest().unwrap(), ["ls", "--all", "-e"]);
    }
}
