//! The tool's command line.

use crate::{Container, Finding, check, read, view};
use nexcage_cli::{Arg, Args, Code, Diagnose, Failure, Opt, Tool, causes, escape_controls, print};
use nexcage_record::{ContainerDir, ContainerId, Error, Namespace, Root};
use serde_json::{Value, json};
use std::fmt;
use std::path::{Path, PathBuf};

/// What `state-inspect --help` says.
pub static TOOL: Tool = Tool {
    name: "state-inspect",
    summary: "show containers and whether what is written about them still holds",
    usage: &["[OPTIONS] [ID...]", "[OPTIONS] --from FILE|- [ID...]"],
    options: &[
        Opt {
            long: "format",
            short: None,
            value: Some("table|json|jsonl|tsv|oci|prometheus"),
            help: "table: one line a container. json: an array of objects; jsonl: the same, one a line. tsv: namespace, id, status, pid, creation, exit status and bundle with tabs between. oci: state documents as the runtime specification has them, one a line. prometheus: for node_exporter's textfile collector. Default: table.",
        },
        Opt {
            long: "from",
            short: None,
            value: Some("FILE"),
            help: "Read state documents of any runtime instead of nexcage's records: an object, an array, or several in a row; - is stdin. May be given several times.",
        },
        Opt {
            long: "status",
            short: None,
            value: Some("STATUS,..."),
            help: "Only containers with one of these statuses; exit status 1 if there is none.",
        },
        Opt {
            long: "pointer",
            short: None,
            value: Some("POINTER"),
            help: "Print only the value at this JSON pointer (RFC 6901), a line each, strings without quotes; exit status 1 if a container lacks it.",
        },
        Opt {
            long: "check",
            short: None,
            value: None,
            help: "Print what does not hold instead: rules of the state document, processes that are gone, bundles that are gone or have other annotations; exit status 1 if there is anything. With --format json as an array.",
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
        ("0", "Done; without --status there may have been nothing to show."),
        (
            "1",
            "There is no container ID, none with that --status, no value at --pointer, --check has found something, or the output could not be written.",
        ),
        ("2", "Wrong command line."),
        ("3", "A record or a document cannot be read; the others were shown."),
    ],
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Table,
    Json,
    Jsonl,
    Tsv,
    Oci,
    Prometheus,
}

const FORMATS: [(&str, Format); 6] = [
    ("table", Format::Table),
    ("json", Format::Json),
    ("jsonl", Format::Jsonl),
    ("tsv", Format::Tsv),
    ("oci", Format::Oci),
    ("prometheus", Format::Prometheus),
];

/// What was typed.
#[derive(Debug, Default)]
struct Request {
    format: Option<Format>,
    from: Vec<PathBuf>,
    statuses: Vec<String>,
    pointer: Option<String>,
    check: bool,
    namespace: Option<Namespace>,
    root: Root,
    ids: Vec<ContainerId>,
}

/// The tool's main.
///
/// # Errors
/// As [`TOOL`] says.
pub fn main(args: Args) -> Result<u8, Failure> {
    let request = parse(args)?;
    let (mut containers, mut status) =
        if request.from.is_empty() { records(&request)? } else { documents(&request) };
    if !request.statuses.is_empty() {
        containers.retain(|container| request.statuses.iter().any(|s| s == container.text("status")));
        status = status.max(u8::from(containers.is_empty()));
    }
    Ok(status.max(show(&request, &containers)?))
}

fn parse(mut args: Args) -> Result<Request, Failure> {
    let mut request = Request::default();
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Option("format") => request.format = Some(args.choice("format", &FORMATS)?),
            Arg::Option("from") => request.from.push(args.value()?.into()),
            Arg::Option("status") => {
                request.statuses.extend(args.string()?.split(',').map(ToOwned::to_owned));
            }
            Arg::Option("pointer") => request.pointer = Some(pointer(args.string()?)?),
            Arg::Option("check") => request.check = true,
            Arg::Option("namespace") => request.namespace = Some(Namespace::new(&args.string()?)?),
            Arg::Option("root") => request.root = Root::new(Path::new(&args.value()?))?,
            Arg::Option(other) => return Err(Failure::usage(format!("--{other} has no meaning here"))),
            Arg::Value(value) => request.ids.push(ContainerId::new(&value.to_string_lossy())?),
        }
    }
    if request.from.iter().filter(|path| path.as_os_str() == "-").count() > 1 {
        return Err(Failure::usage("stdin can be read only once"));
    }
    if !request.from.is_empty() && request.namespace.is_some() {
        return Err(Failure::usage("--namespace is for nexcage's records, not for --from"));
    }
    let formless = request.pointer.is_some() && request.format.is_some();
    let json_only = request.check && !matches!(request.format, None | Some(Format::Table | Format::Json));
    if formless || json_only || request.check && request.pointer.is_some() {
        return Err(Failure::usage("--format, --pointer and --check do not go together like that"));
    }
    Ok(request)
}

fn pointer(text: String) -> Result<String, Failure> {
    if text.is_empty() || text.starts_with('/') {
        return Ok(text);
    }
    Err(Failure::usage(format!("--pointer {text}: a JSON pointer is empty or starts with /")))
}

/// The containers of nexcage's records, and the exit status so far.
fn records(request: &Request) -> Result<(Vec<Container>, u8), Failure> {
    if !request.ids.is_empty() {
        let namespace = request.namespace.clone().unwrap_or_default();
        let dirs = request.ids.iter().map(|id| request.root.container(&namespace, id));
        let read = dirs.map(|dir| Ok(Container::of_record(dir.read()?)));
        return Ok((read.collect::<Result<_, Failure>>()?, 0));
    }
    let mut status = 0;
    let dirs: Vec<ContainerDir> = request.root.containers(request.namespace.as_ref())?;
    let mut containers = vec![];
    for dir in dirs {
        match dir.read() {
            Ok(record) => containers.push(Container::of_record(record)),
            // Gone since, or so new that it has none yet.
            Err(Error::NotFound { .. }) => {}
            Err(error) => {
                log::error!("{}", causes(&error));
                status = 3;
            }
        }
    }
    Ok((containers, status))
}

/// The containers of the documents, and the exit status so far.
fn documents(request: &Request) -> (Vec<Container>, u8) {
    let (mut containers, mut status) = (vec![], 0);
    for path in &request.from {
        let (found, problem) = read(path);
        containers.extend(found);
        if let Some(problem) = problem {
            log::error!("[{}] {}", problem.code().name(), causes(&problem));
            status = 3;
        }
    }
    if !request.ids.is_empty() {
        containers.retain(|container| request.ids.iter().any(|id| id.as_str() == container.text("id")));
        for id in &request.ids {
            if containers.iter().all(|container| container.text("id") != id.as_str()) {
                log::error!("there is no container {id} in the documents");
                status = status.max(1);
            }
        }
    }
    (containers, status)
}

fn show(request: &Request, containers: &[Container]) -> Result<u8, Failure> {
    if request.check {
        let findings: Vec<Finding> = containers.iter().flat_map(check).collect();
        print(findings_text(&findings, request.format).as_bytes())?;
        return Ok(u8::from(!findings.is_empty()));
    }
    if let Some(pointer) = &request.pointer {
        return values(pointer, containers);
    }
    let text = match request.format.unwrap_or(Format::Table) {
        Format::Table => view::table(containers),
        Format::Json => view::json(containers),
        Format::Jsonl => view::jsonl(containers),
        Format::Tsv => view::tsv(containers),
        Format::Oci => view::oci(containers),
        Format::Prometheus => view::prometheus(containers),
    };
    print(text.as_bytes())?;
    Ok(0)
}

fn findings_text(findings: &[Finding], format: Option<Format>) -> String {
    if format != Some(Format::Json) {
        return findings.iter().map(|finding| format!("{finding}\n")).collect();
    }
    let list = findings.iter().map(|finding| {
        let Finding { container, rule, pointer, message } = finding;
        json!({"container": container, "rule": rule, "pointer": pointer, "message": message})
    });
    format!("{}\n", Value::Array(list.collect()))
}

fn values(pointer: &str, containers: &[Container]) -> Result<u8, Failure> {
    let (mut text, mut lacking) = (String::new(), vec![]);
    for container in containers {
        let state = Value::Object(container.state().clone());
        match state.pointer(pointer) {
            // A line stays a line, whatever the value holds.
            Some(Value::String(string)) => text.push_str(&escape_controls(string)),
            Some(value) => text.push_str(&value.to_string()),
            None => {
                lacking.push(container.name());
                continue;
            }
        }
        text.push('\n');
    }
    print(text.as_bytes())?;
    if lacking.is_empty() {
        return Ok(0);
    }
    Err(Lacking { pointer: pointer.to_owned(), containers: lacking }.into())
}

/// Containers without a value at a pointer; never none.
#[derive(Debug)]
struct Lacking {
    pointer: String,
    containers: Vec<String>,
}

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is nothing at {} of {}", self.pointer, self.containers.join(", "))
    }
}

impl std::error::Error for Lacking {}

impl Diagnose for Lacking {
    fn code(&self) -> Code {
        Code::NotFound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_of_the_table_is_handled() {
        for option in TOOL.options {
            let value = match option.value {
                None => "",
                Some("POINTER") => "/id",
                Some(value) => value.split(['|', ',']).next().unwrap_or_default(),
            };
            let list = [format!("--{}", option.long), value.to_owned()];
            let parsed = parse(Args::from_list(&TOOL, list.into_iter().filter(|arg| !arg.is_empty())));
            assert!(parsed.is_ok(), "--{}", option.long);
        }
    }
}
