//! `nexcage list`: the containers of a namespace. Reads records and asks no shim.

use crate::arguments;
use crate::command_line::STATUSES;
use crate::context::Global;
use crate::error::Error;
use crate::state_document::{Known, StateDocument};
use crate::table::table;
use nexcage_cli::{Args, Failure, Opt, Tool, causes, print};
use nexcage_record::{ContainerDir, Error as RecordError};

/// What `nexcage list --help` says.
pub(crate) static TOOL: Tool = Tool {
    name: "nexcage list",
    summary: "list the containers of a namespace",
    usage: &["[OPTIONS]"],
    options: &[
        Opt {
            long: "format",
            short: Some('f'),
            value: Some("table|json"),
            help: "table: a line a container. json: an array of state documents. Default: table.",
        },
        Opt { long: "quiet", short: Some('q'), value: None, help: "Print ids alone, one a line." },
    ],
    statuses: STATUSES,
};

/// What is printed of containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Table,
    Json,
    Ids,
}

pub(crate) fn main(global: Global, args: Args) -> Result<u8, Failure> {
    let form = parse(args)?;
    let context = global.context()?;
    let dirs = context.root.containers(Some(&context.namespace)).map_err(Error::from)?;
    if form == Form::Ids {
        print(ids(&dirs).as_bytes())?;
        return Ok(0);
    }
    let (known, status) = read(&dirs);
    print(text(form, &known)?.as_bytes())?;
    Ok(status)
}

fn parse(mut args: Args) -> Result<Form, Failure> {
    let (mut form, mut ids) = (Form::Table, false);
    let values = arguments::read(&mut args, |name, args| {
        match name {
            "format" => form = args.choice("format", &[("table", Form::Table), ("json", Form::Json)])?,
            "quiet" => ids = args.flag()?,
            other => arguments::unknown(other)?,
        }
        Ok(())
    })?;
    arguments::nothing(values.into_iter().next())?;
    Ok(if ids { Form::Ids } else { form })
}

fn ids(dirs: &[ContainerDir]) -> String {
    let names = dirs.iter().filter_map(|dir| dir.path().file_name());
    names.map(|name| format!("{}\n", nexcage_cli::escape_controls(&name.to_string_lossy()))).collect()
}

/// The containers whose records can be read, and the exit status.
fn read(dirs: &[ContainerDir]) -> (Vec<Known>, u8) {
    let (mut found, mut status) = (Vec::new(), 0);
    for dir in dirs {
        match Known::read(dir) {
            Ok(known) => found.push(known),
            // Gone since, or so new that it has none yet.
            Err(Error::Record(RecordError::NotFound { .. })) => {}
            Err(error) => {
                log::error!("{}", causes(&error));
                status = 3;
            }
        }
    }
    (found, status)
}

fn text(form: Form, known: &[Known]) -> Result<String, Error> {
    if form == Form::Json {
        let documents: Vec<StateDocument<'_>> = known.iter().map(Known::document).collect();
        return Ok(format!("{}\n", serde_json::to_string(&documents).map_err(Error::unprintable)?));
    }
    let heading = ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"];
    Ok(table(heading, known.iter().map(Known::row)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_runcs() {
        arguments::tests::every_option_is_handled(&TOOL, parse, &[], &[]);
        let form = |list: &[&str]| parse(Args::from_list(&TOOL, list).with_single_dash_names()).unwrap();
        assert_eq!((form(&[]), form(&["-q"]), form(&["-f", "json"])), (Form::Table, Form::Ids, Form::Json));
        assert_eq!(form(&["-quiet", "--format=json"]), Form::Ids);
        assert!(parse(Args::from_list(&TOOL, ["x"])).is_err());
        assert!(parse(Args::from_list(&TOOL, ["--format", "xml"])).is_err());
    }
}
