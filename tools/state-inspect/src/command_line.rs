//! The tool's command line.

use crate::view::{self, Container};
use nexcage_cli::{Arg, Args, Failure, Opt, Tool, causes, print};
use nexcage_record::{ContainerDir, ContainerId, Error, Namespace, Root};
use std::path::Path;

/// What `state-inspect --help` says.
pub static TOOL: Tool = Tool {
    name: "state-inspect",
    summary: "show nexcage's containers and whether their records still hold",
    usage: &["[OPTIONS] [ID]"],
    options: &[
        Opt {
            long: "format",
            short: None,
            value: Some("table|json|oci"),
            help: "table: one line a container. json: an array of objects. oci: the state of the container ID as the runtime specification has it. Default: table.",
        },
        Opt {
            long: "namespace",
            short: None,
            value: Some("NAME"),
            help: "The namespace to look into. Default: default with an ID, else all.",
        },
        Opt {
            long: "root",
            short: None,
            value: Some("DIR"),
            help: "Where containers keep their state. Default: /run/nexcage.",
        },
    ],
    statuses: &[
        ("0", "Done; there may have been nothing to show."),
        ("1", "There is no container ID, or the output could not be written."),
        ("2", "Wrong command line."),
        ("3", "A record cannot be read; the others were shown."),
    ],
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Table,
    Json,
    Oci,
}

/// The tool's main.
///
/// # Errors
/// As [`TOOL`] says.
pub fn main(mut args: Args) -> Result<u8, Failure> {
    let (mut format, mut namespace, mut root, mut id) = (Format::Table, None, Root::default(), None);
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Option("format") => {
                let set = [("table", Format::Table), ("json", Format::Json), ("oci", Format::Oci)];
                format = args.choice("format", &set)?;
            }
            Arg::Option("namespace") => namespace = Some(Namespace::new(&args.string()?)?),
            Arg::Option("root") => root = Root::new(Path::new(&args.value()?))?,
            Arg::Value(value) if id.is_none() => id = Some(ContainerId::new(&value.to_string_lossy())?),
            Arg::Option(other) => return Err(Failure::usage(format!("--{other} has no meaning here"))),
            Arg::Value(value) => {
                return Err(Failure::usage(format!("unexpected argument {:?}", value.to_string_lossy())));
            }
        }
    }
    let Some(id) = id else {
        if format == Format::Oci {
            return Err(Failure::usage("--format oci shows one container: name its ID"));
        }
        return list(format, &root.containers(namespace.as_ref())?);
    };
    let dir = root.container(&namespace.unwrap_or_default(), &id);
    show(format, &[Container::new(dir.read()?)]).map(|()| 0)
}

fn list(format: Format, dirs: &[ContainerDir]) -> Result<u8, Failure> {
    let mut status = 0;
    let mut containers = Vec::new();
    for dir in dirs {
        match dir.read() {
            Ok(record) => containers.push(Container::new(record)),
            // Gone since, or so new that it has none yet.
            Err(Error::NotFound { .. }) => {}
            Err(error) => {
                log::error!("{}", causes(&error));
                status = 3;
            }
        }
    }
    show(format, &containers)?;
    Ok(status)
}

fn show(format: Format, containers: &[Container]) -> Result<(), Failure> {
    let text = match format {
        Format::Table => view::table(containers),
        Format::Json => view::json(containers),
        Format::Oci => containers.iter().map(view::oci).collect(),
    };
    print(text.as_bytes())
}
