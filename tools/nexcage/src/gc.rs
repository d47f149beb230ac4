//! `nexcage gc`: what has lost its container. nexcage-shim looks for it, and removes it.

use crate::arguments::{self, Format};
use crate::command_line::STATUSES;
use crate::context::Global;
use crate::error::Error;
use crate::table::table;
use nexcage_cli::{Args, Failure, LogFormat, Opt, Tool, log_format, print};
use serde_json::Value;
use std::process::Stdio;

/// What `nexcage gc --help` says.
pub(crate) static TOOL: Tool = Tool {
    name: "nexcage gc",
    summary: "list what has lost its container, and remove it",
    usage: &["[OPTIONS]"],
    options: &[
        Opt {
            long: "remove",
            short: None,
            value: None,
            help: "Remove what is listed, but for CTs that run.",
        },
        Opt {
            long: "format",
            short: Some('f'),
            value: Some("table|json"),
            help: "table: a line for each. json: an array of objects with kind, name, namespace, id and state. Default: table.",
        },
    ],
    statuses: STATUSES,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    List,
    Remove,
}

pub(crate) fn main(global: Global, args: Args) -> Result<u8, Failure> {
    let (deed, format) = parse(args)?;
    let context = global.context()?;
    let mut command = context.launcher.gc(&context.configuration.root).map_err(Error::from)?;
    if deed == Deed::Remove {
        command.arg("--remove");
    }
    if log_format() == LogFormat::Json {
        command.args(["--log-format", "json"]);
    }
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.map_err(Error::system("run nexcage-shim"))?;
    let list: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let text = match format {
        Format::Table => table(["KIND", "NAME", "NAMESPACE", "ID", "STATE"], list.iter().map(row)),
        Format::Json => format!("{}\n", Value::Array(list)),
    };
    print(text.as_bytes())?;
    // It has said itself what was wrong.
    Ok(output.status.code().and_then(|status| u8::try_from(status).ok()).unwrap_or(1))
}

fn parse(mut args: Args) -> Result<(Deed, Format), Failure> {
    let (mut deed, mut format) = (Deed::List, Format::Table);
    let values = arguments::read(&mut args, |name, args| {
        match name {
            "remove" if args.flag()? => deed = Deed::Remove,
            "remove" => {}
            "format" => format = Format::read(args)?,
            other => arguments::unknown(other)?,
        }
        Ok(())
    })?;
    arguments::nothing(values.into_iter().next())?;
    Ok((deed, format))
}

fn row(lost: &Value) -> [String; 5] {
    let member = |name| lost.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    ["kind", "name", "namespace", "id", "state"].map(member)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_removed_unasked() {
        arguments::tests::every_option_is_handled(&TOOL, parse, &[], &[]);
        assert_eq!(parse(Args::from_list(&TOOL, [""; 0])).unwrap(), (Deed::List, Format::Table));
        assert_eq!(
            parse(Args::from_list(&TOOL, ["--remove", "-f", "json"])).unwrap(),
            (Deed::Remove, Format::Json)
        );
    }
}
