//! `nexcage config`: the configuration that holds, and where each value comes from.

use crate::arguments::{self, Format};
use crate::command_line::STATUSES;
use crate::context::Global;
use crate::table::table;
use nexcage_cli::{Args, Failure, Opt, Tool, print};
use serde_json::{Value, json};

/// What `nexcage config --help` says.
pub(crate) static TOOL: Tool = Tool {
    name: "nexcage config",
    summary: "print the configuration that holds, and where each value comes from",
    usage: &["[OPTIONS]"],
    options: &[Opt {
        long: "format",
        short: Some('f'),
        value: Some("table|json"),
        help: "table: a line a key. json: an array of objects with key, value and origin. Default: table.",
    }],
    statuses: STATUSES,
};

pub(crate) fn main(global: Global, args: Args) -> Result<u8, Failure> {
    let format = parse(args)?;
    let effective = global.context()?.configuration.effective();
    let text = match format {
        Format::Table => table(["KEY", "VALUE", "ORIGIN"], effective.into_iter().map(row)),
        Format::Json => {
            let list = effective
                .iter()
                .map(|(key, value, origin)| json!({"key": key, "value": value, "origin": origin}));
            format!("{}\n", Value::Array(list.collect()))
        }
    };
    print(text.as_bytes())?;
    Ok(0)
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

fn row((key, value, origin): (&'static str, Value, String)) -> [String; 3] {
    let value = match value {
        Value::String(text) => text,
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    };
    [key.to_owned(), value, origin]
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
