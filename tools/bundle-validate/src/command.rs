//! The command line of `bundle-validate`.

use crate::{OpenError, Options, Report, Severity, check};
use nexcage_cli::{Arg, Args, Code, Diagnose, Failure, Opt, Tool, causes, print};
use std::error::Error;
use std::fmt;
use std::path::PathBuf;

/// What the tool says about itself.
pub static TOOL: Tool = Tool {
    name: "bundle-validate",
    summary: "check OCI bundles against the runtime specification",
    usage: &["[OPTIONS] BUNDLE|CONFIG|-..."],
    options: &[
        Opt {
            long: "format",
            short: None,
            value: Some("human|json"),
            help: "Form of the findings on stdout: one line each, or one JSON object. Default human.",
        },
        Opt {
            long: "fail-on",
            short: None,
            value: Some("error|warning|note"),
            help: "The least severity that makes the exit status 1. Default error.",
        },
    ],
    statuses: &[
        ("0", "No finding, or none as severe as --fail-on says."),
        ("1", "Findings at or above --fail-on; text that is not JSON is one. Or stdout cannot be written."),
        ("2", "The command line is wrong."),
        ("3", "An input cannot be read; what was found in the others is printed."),
    ],
};

#[derive(Debug, Clone, Copy)]
enum Format {
    Human,
    Json,
}

/// What was typed.
#[derive(Debug)]
struct Request {
    format: Format,
    fail_on: Severity,
    inputs: Vec<PathBuf>,
}

/// Validates what the command line names and prints the findings.
///
/// # Errors
/// A wrong command line, an input that cannot be read, or a stdout that cannot be written.
pub fn main(args: Args) -> Result<u8, Failure> {
    let request = parse(args)?;
    let mut report = Report::default();
    let mut unreadable = vec![];
    for input in &request.inputs {
        match check(input, &Options::default()) {
            Ok(found) => report.extend(found),
            Err(error) => unreadable.push(error),
        }
    }
    let text = match request.format {
        Format::Human => report.human(),
        Format::Json => report.json(),
    };
    let printed = print(text.as_bytes());
    if !unreadable.is_empty() {
        return Err(Unreadable(unreadable).into());
    }
    printed?;
    Ok(u8::from(report.reaches(request.fail_on)))
}

fn parse(mut args: Args) -> Result<Request, Failure> {
    let mut request = Request { format: Format::Human, fail_on: Severity::Error, inputs: vec![] };
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Option("format") => {
                let set = [("human", Format::Human), ("json", Format::Json)];
                request.format = args.choice("format", &set)?;
            }
            Arg::Option("fail-on") => {
                let set = [Severity::Error, Severity::Warning, Severity::Note];
                request.fail_on = args.choice("fail-on", &set.map(|severity| (severity.name(), severity)))?;
            }
            Arg::Option(other) => return Err(Failure::usage(format!("--{other} is not handled"))),
            Arg::Value(path) => request.inputs.push(path.into()),
        }
    }
    if request.inputs.is_empty() {
        return Err(Failure::usage("nothing to check: name a bundle, a config.json or -"));
    }
    if request.inputs.iter().filter(|input| input.as_os_str() == "-").count() > 1 {
        return Err(Failure::usage("stdin can be read only once"));
    }
    Ok(request)
}

/// All inputs that could not be read; never empty.
#[derive(Debug)]
struct Unreadable(Vec<OpenError>);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.0.iter().map(|error| causes(error)).collect();
        f.write_str(&all.join("; "))
    }
}

impl Error for Unreadable {}

impl Diagnose for Unreadable {
    fn code(&self) -> Code {
        Code::Input
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_of_the_table_is_handled() {
        for option in TOOL.options {
            let first = option.value.and_then(|value| value.split('|').next()).unwrap_or_default();
            let list = [format!("--{}", option.long), first.to_owned(), "x".to_owned()];
            let request = parse(Args::from_list(&TOOL, list.into_iter().filter(|arg| !arg.is_empty())));
            assert_eq!(request.expect("parses").inputs, [PathBuf::from("x")], "--{}", option.long);
        }
    }
}
