//! The command line of `lxc-render-config`.

use crate::{CgroupChoice, CgroupVersion, Options, render};
use bundle_validate::{Bundle, Report, validate};
use nexcage_cli::{Arg, Args, Code, Diagnose, Failure, Opt, Tool, print};
use std::fmt;
use std::path::PathBuf;

/// What the tool says about itself.
pub static TOOL: Tool = Tool {
    name: "lxc-render-config",
    summary: "render an OCI bundle as an LXC configuration",
    usage: &["[OPTIONS] [BUNDLE|CONFIG|-]"],
    options: &[Opt {
        long: "cgroup",
        short: None,
        value: Some("auto|v1|v2"),
        help: "The version of cgroups that limits are written for; auto looks at this host. Default auto.",
    }],
    statuses: &[
        ("0", "The configuration is on stdout."),
        ("1", "The bundle breaks the specification, or stdout cannot be written."),
        ("2", "The command line is wrong."),
        ("3", "The bundle or its root file system cannot be read."),
        ("4", "The bundle asks for something that cannot be expressed or is unsafe."),
    ],
};

/// What was typed.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    bundle: PathBuf,
    options: Options,
}

/// Validates a bundle, renders it and prints the configuration.
///
/// # Errors
/// A wrong command line, a bundle that cannot be read, is invalid or is refused, or a stdout that
/// cannot be written. Nothing is printed then.
pub fn main(args: Args) -> Result<u8, Failure> {
    let request = parse(args)?;
    let bundle = Bundle::open(&request.bundle)?;
    let report = validate(&bundle, &bundle_validate::Options::default());
    if report.has_errors() {
        return Err(Invalid(report).into());
    }
    let rendered = render(&bundle, &request.options)?;
    let text = format!("# Rendered by {}.\n{}", TOOL.name, rendered.config);
    print(text.as_bytes())?;
    Ok(0)
}

fn parse(mut args: Args) -> Result<Request, Failure> {
    let mut bundle = None;
    let mut options = Options::default();
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Option("cgroup") => {
                let set = [
                    ("auto", CgroupChoice::Auto),
                    ("v1", CgroupChoice::Fixed(CgroupVersion::V1)),
                    ("v2", CgroupChoice::Fixed(CgroupVersion::V2)),
                ];
                options.cgroup = args.choice("cgroup", &set)?;
            }
            Arg::Option(other) => return Err(Failure::usage(format!("--{other} is not handled"))),
            Arg::Value(path) if bundle.is_none() => bundle = Some(PathBuf::from(path)),
            Arg::Value(path) => {
                return Err(Failure::usage(format!("{}: one bundle at a time", path.to_string_lossy())));
            }
        }
    }
    Ok(Request { bundle: bundle.unwrap_or_else(|| PathBuf::from(".")), options })
}

/// The bundle breaks the specification.
#[derive(Debug)]
struct Invalid(Report);

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bundle breaks the runtime specification: ")?;
        let errors = self.0.findings().filter(|finding| finding.severity == bundle_validate::Severity::Error);
        let lines = errors.map(|finding| {
            format!("{}: {}: {} [{}]", finding.position, finding.pointer, finding.message, finding.rule.id)
        });
        f.write_str(&lines.collect::<Vec<_>>().join(" | "))
    }
}

impl std::error::Error for Invalid {}

impl Diagnose for Invalid {
    fn code(&self) -> Code {
        Code::Invalid
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_of_the_table_is_handled() {
        for option in TOOL.options {
            let value = option.value.and_then(|value| value.split('|').next_back()).unwrap_or_default();
            let request = parse(Args::from_list(&TOOL, [format!("--{}", option.long).as_str(), value, "x"]));
            assert_eq!(request.expect("parses").bundle, PathBuf::from("x"), "--{}", option.long);
        }
    }

    #[test]
    fn without_a_name_the_bundle_is_the_working_directory() {
        let request = parse(Args::from_list(&TOOL, [""; 0])).expect("parses");
        assert_eq!(request, Request { bundle: ".".into(), options: Options::default() });
        assert!(parse(Args::from_list(&TOOL, ["a", "b"])).is_err());
    }
}
