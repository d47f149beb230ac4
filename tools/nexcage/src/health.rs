//! `nexcage health`: what this machine has of what containers need.

mod machine;
mod node;

use crate::arguments::{self, Format};
use crate::context::Global;
use crate::error::Error;
use crate::table::table;
use nexcage_cli::{Args, Failure, Opt, Tool, print};
use serde_json::{Value, json};

/// What `nexcage health --help` says.
pub(crate) static TOOL: Tool = Tool {
    name: "nexcage health",
    summary: "show what this machine has of what containers need",
    usage: &["[OPTIONS]"],
    options: &[Opt {
        long: "format",
        short: Some('f'),
        value: Some("table|json"),
        help: "table: a line a check, with ok, no for what can be missed, MISSING for what cannot. json: an array of objects with check, state and detail. Default: table.",
    }],
    statuses: &[
        ("0", "Everything that is needed is there."),
        ("1", "Something that is needed is missing, or the output could not be written."),
        ("2", "Wrong command line."),
        ("3", "The configuration cannot be read."),
    ],
};

/// What a check has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It is there.
    Ok,
    /// It is not there, and containers run without it.
    No,
    /// It is not there, and no container runs without it.
    Missing,
}

/// One check.
#[derive(Debug)]
struct Check {
    name: &'static str,
    state: State,
    detail: String,
}

pub(crate) fn main(global: Global, args: Args) -> Result<u8, Failure> {
    let format = parse(args)?;
    let checks = machine::checks(&global.context()?);
    let text = match format {
        Format::Table => table(["CHECK", "STATE", "DETAIL"], checks.iter().map(Check::row)),
        Format::Json => format!("{}\n", checks.iter().map(Check::object).collect::<Value>()),
    };
    print(text.as_bytes())?;
    let missing = checks.iter().filter(|check| check.state == State::Missing);
    let missing: Vec<_> = missing.map(|check| check.name).collect();
    if missing.is_empty() { Ok(0) } else { Err(Error::Unhealthy(missing).into()) }
}

fn parse(mut args: Args) -> Result<Format, Failure> {
    let mut format = Format::Table;
    let values = arguments::read(&mut args, |name, args| {
        match name {
            "format" => format = Format::read(args)?,
            other => arguments::unknown(other)?,
        }
        Ok(())
    })?;
    arguments::nothing(values.into_iter().next())?;
    Ok(format)
}

impl Check {
    fn row(&self) -> [String; 3] {
        let state = match self.state {
            State::Ok => "ok",
            State::No => "no",
            State::Missing => "MISSING",
        };
        [self.name.to_owned(), state.to_owned(), self.detail.clone()]
    }

    fn object(&self) -> Value {
        let state = match self.state {
            State::Ok => "ok",
            State::No => "no",
            State::Missing => "missing",
        };
        json!({"check": self.name, "state": state, "detail": self.detail})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_can_be_chosen() {
        arguments::tests::every_option_is_handled(&TOOL, parse, &[], &[]);
        assert_eq!(parse(Args::from_list(&TOOL, ["-f", "json"])).unwrap(), Format::Json);
        assert!(parse(Args::from_list(&TOOL, ["x"])).is_err());
    }
}
