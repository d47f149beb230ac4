//! How verbs read their part of the command line.

use crate::error::Error;
use nexcage_cli::{Arg, Args, Failure};
use nexcage_record::ContainerId;
use std::ffi::{OsStr, OsString};
use std::fs;

/// How a list is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// For machines.
    Json,
}

impl Format {
    /// The value of `--format`.
    pub(crate) fn read(args: &mut Args) -> Result<Self, Failure> {
        args.choice("format", &[("table", Format::Table), ("json", Format::Json)])
    }
}

/// Reads options, each handed to `option` by its long name, and returns the other arguments, which
/// may stand anywhere.
pub(crate) fn read(
    args: &mut Args,
    mut option: impl FnMut(&'static str, &mut Args) -> Result<(), Failure>,
) -> Result<Vec<OsString>, Failure> {
    let mut values = Vec::new();
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Option(name) => option(name, args)?,
            Arg::Value(value) => values.push(value),
        }
    }
    Ok(values)
}

/// The same, but options end at the first argument that is none: what follows is for another
/// program, and is returned as it stands.
pub(crate) fn read_until_value(
    args: &mut Args,
    mut option: impl FnMut(&'static str, &mut Args) -> Result<(), Failure>,
) -> Result<Option<(OsString, Vec<OsString>)>, Failure> {
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Option(name) => option(name, args)?,
            Arg::Value(value) => {
                let mut rest = args.rest()?;
                if rest.first().is_some_and(|word| word == "--") {
                    rest.remove(0);
                }
                return Ok(Some((value, rest)));
            }
        }
    }
    Ok(None)
}

/// A verb that has no options of its own and takes one id.
pub(crate) fn only_id(mut args: Args) -> Result<ContainerId, Failure> {
    one_id(read(&mut args, |name, _| unknown(name))?)
}

/// The one id that a verb takes.
pub(crate) fn one_id(values: Vec<OsString>) -> Result<ContainerId, Failure> {
    let mut values = values.into_iter();
    let first = id(values.next())?;
    nothing(values.next())?;
    Ok(first)
}

/// An id, which has to be there.
pub(crate) fn id(value: Option<OsString>) -> Result<ContainerId, Failure> {
    let value = value.ok_or_else(|| Failure::usage("a container id is missing"))?;
    Ok(ContainerId::new(&value.to_string_lossy()).map_err(Error::from)?)
}

/// An argument that has no place.
pub(crate) fn nothing(value: Option<OsString>) -> Result<(), Failure> {
    value.map_or(Ok(()), |value| {
        Err(Failure::usage(format!("unexpected argument {:?}", value.to_string_lossy())))
    })
}

/// A number that an option takes.
pub(crate) fn number<N: std::str::FromStr>(args: &mut Args, option: &str) -> Result<N, Failure> {
    let text = args.string()?;
    text.parse().map_err(|_| Failure::usage(format!("--{option} {text}: expected a whole number")))
}

/// How many descriptors from 3 on are to be handed on. Each must be open: what this program opens
/// itself later would take its number.
pub(crate) fn preserved(args: &mut Args, option: &str) -> Result<u32, Failure> {
    let count: u32 = number(args, option)?;
    let missing = (3..)
        .take(usize::try_from(count).unwrap_or(usize::MAX))
        .find(|number: &u32| fs::symlink_metadata(format!("/proc/self/fd/{number}")).is_err());
    match missing {
        None => Ok(count),
        Some(number) => Err(Failure::usage(format!("--{option} {count}: descriptor {number} is not open"))),
    }
}

/// An argument as UTF-8, which everything is that goes into a document.
pub(crate) fn utf8(value: &OsStr) -> Result<String, Failure> {
    let text = value.to_str().map(ToOwned::to_owned);
    text.ok_or_else(|| Failure::usage(format!("{:?} is not UTF-8", value.to_string_lossy())))
}

/// An option of the table that no arm of a parser takes: a mistake of ours, which tests find.
pub(crate) fn unknown(name: &str) -> Result<(), Failure> {
    Err(Failure::usage(format!("--{name} has no meaning here")))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use nexcage_cli::Tool;

    /// Feeds every option of a verb's table to its parser, with the first word of its value's
    /// description, or the one that `values` has for the option.
    #[track_caller]
    pub(crate) fn every_option_is_handled<T>(
        tool: &'static Tool,
        parse: fn(Args) -> Result<T, Failure>,
        positional: &[&str],
        values: &[(&str, &str)],
    ) {
        for option in tool.options {
            let given = values.iter().find(|(name, _)| *name == option.long).map(|(_, value)| *value);
            let value = option.value.map(|value| value.split('|').next().unwrap_or_default());
            let mut list = vec![format!("--{}", option.long)];
            list.extend(given.or(value).map(ToOwned::to_owned));
            list.extend(positional.iter().map(|&word| word.to_owned()));
            let parsed = parse(Args::from_list(tool, &list));
            assert!(parsed.is_ok(), "{list:?}: {:?}", parsed.err());
        }
    }

    #[test]
    fn ids_that_could_leave_their_place_are_refused() {
        let long = "x".repeat(300);
        for bad in ["../x", "", ".", "a/b", "é", "a b", &long] {
            assert!(one_id(vec![bad.into()]).is_err(), "{bad:?}");
        }
        assert_eq!(one_id(vec!["c1".into()]).unwrap().as_str(), "c1");
        assert!(one_id(vec![]).is_err());
        assert!(one_id(vec!["a".into(), "b".into()]).is_err());
    }
}
