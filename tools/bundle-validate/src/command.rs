//! The command line of `bundle-validate`.

mod baseline_file;
mod catalogue;
mod check;
mod walk;

use crate::report::form::Format;
use crate::rules::{self, Rule};
use crate::{Options, Profile, Scope, Severity, SpecVersion, SpecVersionChoice};
use nexcage_cli::{Arg, Args, Failure, Opt, Tool, print};
use std::path::PathBuf;

/// What the tool says about itself.
pub static TOOL: Tool = Tool {
    name: "bundle-validate",
    summary: "check OCI bundles against the runtime specification",
    usage: &[
        "[OPTIONS] BUNDLE|CONFIG|-...",
        "--recursive [OPTIONS] DIRECTORY...",
        "--list-rules",
        "--explain RULE",
    ],
    options: &[
        Opt {
            long: "format",
            short: None,
            value: Some("human|json|jsonl|sarif|junit|github"),
            help: "Form of the findings on stdout. Default human: one line each.",
        },
        Opt {
            long: "fail-on",
            short: None,
            value: Some("error|warning|note"),
            help: "The least severity that makes the exit status 1. Default error.",
        },
        Opt {
            long: "spec-version",
            short: None,
            value: Some("auto|1.0.2|1.1.0|1.2.0|1.2.1|1.3.0"),
            help: "The version of the specification; auto takes the document's ociVersion. Default auto.",
        },
        Opt {
            long: "profile",
            short: None,
            value: Some("runc|crun|lxc|pve|strict"),
            help: "Tell what this runtime refuses, too; strict makes every advice of the specification a demand.",
        },
        Opt {
            long: "host",
            short: None,
            value: None,
            help: "Look as well at what the document names on this host.",
        },
        Opt {
            long: "document-only",
            short: None,
            value: None,
            help: "Look at config.json alone, not at the files of the bundle.",
        },
        Opt {
            long: "recursive",
            short: Some('r'),
            value: None,
            help: "Check every bundle below the directories named. Symbolic links are not followed.",
        },
        Opt {
            long: "deny",
            short: None,
            value: Some("RULE"),
            help: "The findings of this rule are errors. May be given several times.",
        },
        Opt {
            long: "allow",
            short: None,
            value: Some("RULE"),
            help: "The findings of this rule are dropped. May be given several times.",
        },
        Opt {
            long: "baseline",
            short: None,
            value: Some("FILE"),
            help: "Drop the findings that this file knows.",
        },
        Opt {
            long: "write-baseline",
            short: None,
            value: Some("FILE"),
            help: "Write all findings to this file instead of printing them.",
        },
        Opt {
            long: "max-findings",
            short: None,
            value: Some("N"),
            help: "Most findings of one rule in one document that are printed, 0 for all; the others are counted. Default 100.",
        },
        Opt {
            long: "source",
            short: None,
            value: Some("auto|always|never"),
            help: "Show the line of the document under a finding of --format human; auto does on a terminal. Default auto.",
        },
        Opt {
            long: "color",
            short: None,
            value: Some("auto|always|never"),
            help: "Colour --format human; auto does on a terminal unless NO_COLOR is set. Default auto.",
        },
        Opt {
            long: "list-rules",
            short: None,
            value: None,
            help: "Print all rules, as a table or with --format json.",
        },
        Opt {
            long: "explain",
            short: None,
            value: Some("RULE"),
            help: "Print what a rule demands and why, with examples; or with --format json.",
        },
    ],
    statuses: &[
        ("0", "No finding, or none as severe as --fail-on says."),
        (
            "1",
            "Findings at or above --fail-on; text that is not JSON is one. Or the output cannot be written.",
        ),
        ("2", "The command line is wrong."),
        ("3", "An input cannot be read; what was found in the others is printed."),
    ],
};

/// What is to be done.
#[derive(Debug, Clone, Copy)]
enum Action {
    Check,
    List,
    Explain(&'static Rule),
}

/// When something is done that suits a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Auto,
    Always,
    Never,
}

/// What was typed.
#[derive(Debug)]
struct Request {
    action: Action,
    format: Format,
    fail_on: Severity,
    options: Options,
    recursive: bool,
    denied: Vec<&'static str>,
    allowed: Vec<&'static str>,
    baseline: Option<PathBuf>,
    write_baseline: Option<PathBuf>,
    /// `None` prints all.
    max_findings: Option<usize>,
    source: When,
    color: When,
    inputs: Vec<PathBuf>,
}

impl Default for Request {
    fn default() -> Self {
        Request {
            action: Action::Check,
            format: Format::Human,
            fail_on: Severity::Error,
            options: Options::default(),
            recursive: false,
            denied: vec![],
            allowed: vec![],
            baseline: None,
            write_baseline: None,
            max_findings: Some(100),
            source: When::Auto,
            color: When::Auto,
            inputs: vec![],
        }
    }
}

/// Validates what the command line names and prints the findings, or tells about the rules.
///
/// # Errors
/// A wrong command line, an input that cannot be read, or an output that cannot be written.
pub fn main(args: Args) -> Result<u8, Failure> {
    let request = parse(args)?;
    match request.action {
        Action::Check => return check::run(&request),
        Action::List => print(catalogue::list(request.format).as_bytes())?,
        Action::Explain(rule) => print(catalogue::explain(rule, request.format).as_bytes())?,
    }
    Ok(0)
}

fn parse(mut args: Args) -> Result<Request, Failure> {
    let mut request = Request::default();
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Value(path) => request.inputs.push(path.into()),
            Arg::Option(name) => request.option(name, &mut args)?,
        }
    }
    request.agree()?;
    Ok(request)
}

impl Request {
    fn option(&mut self, name: &'static str, args: &mut Args) -> Result<(), Failure> {
        match name {
            "format" => self.format = args.choice(name, &Format::ALL)?,
            "fail-on" => {
                let set = [Severity::Error, Severity::Warning, Severity::Note];
                self.fail_on = args.choice(name, &set.map(|severity| (severity.name(), severity)))?;
            }
            "spec-version" => {
                let fixed = SpecVersion::ALL.iter().map(|&v| (v.name(), SpecVersionChoice::Fixed(v)));
                let set: Vec<_> = [("auto", SpecVersionChoice::Auto)].into_iter().chain(fixed).collect();
                self.options.spec_version = args.choice(name, &set)?;
            }
            "profile" => {
                let set: Vec<_> = Profile::ALL.iter().map(|&profile| (profile.name(), profile)).collect();
                self.options.profile = Some(args.choice(name, &set)?);
            }
            "host" => self.scope(Scope::Host)?,
            "document-only" => self.scope(Scope::Document)?,
            "recursive" => self.recursive = true,
            "deny" => self.denied.push(rule(name, &args.string()?)?.id),
            "allow" => self.allowed.push(rule(name, &args.string()?)?.id),
            "baseline" => self.baseline = Some(args.value()?.into()),
            "write-baseline" => self.write_baseline = Some(args.value()?.into()),
            "max-findings" => {
                let text = args.string()?;
                let most: usize = text.parse().map_err(|_| {
                    Failure::usage(format!("--max-findings {text}: expected a number, 0 for all"))
                })?;
                self.max_findings = (most > 0).then_some(most);
            }
            "source" => self.source = when(name, args)?,
            "color" => self.color = when(name, args)?,
            "list-rules" => self.action = Action::List,
            "explain" => self.action = Action::Explain(rule(name, &args.string()?)?),
            other => return Err(Failure::usage(format!("--{other} is not handled"))),
        }
        Ok(())
    }

    fn scope(&mut self, scope: Scope) -> Result<(), Failure> {
        if self.options.scope != Scope::Bundle && self.options.scope != scope {
            return Err(Failure::usage("--host and --document-only contradict each other"));
        }
        self.options.scope = scope;
        Ok(())
    }

    /// Whether all that was typed goes together.
    fn agree(&self) -> Result<(), Failure> {
        let checks = matches!(self.action, Action::Check);
        let catalogue = matches!(self.format, Format::Human | Format::Json);
        let stdins = self.inputs.iter().filter(|input| input.as_os_str() == "-").count();
        let both = self.denied.iter().find(|id| self.allowed.contains(id));
        let wrong = match both {
            Some(id) => format!("{id} is both denied and allowed"),
            None if !checks && !self.inputs.is_empty() => {
                "--list-rules and --explain take no input".to_owned()
            }
            None if !checks && !catalogue => "the rules are printed as human or json".to_owned(),
            None if checks && self.inputs.is_empty() => {
                "nothing to check: name a bundle, a config.json or -".to_owned()
            }
            None if stdins > 1 => "stdin can be read only once".to_owned(),
            None if self.baseline.is_some() && self.write_baseline.is_some() => {
                "--baseline and --write-baseline contradict each other".to_owned()
            }
            None => return Ok(()),
        };
        Err(Failure::usage(wrong))
    }
}

fn when(option: &str, args: &mut Args) -> Result<When, Failure> {
    args.choice(option, &[("auto", When::Auto), ("always", When::Always), ("never", When::Never)])
}

/// The rule of an id. A wrong one is answered with the id that begins most like it.
fn rule(option: &str, id: &str) -> Result<&'static Rule, Failure> {
    if let Some(rule) = rules::all().find(|rule| rule.id == id) {
        return Ok(rule);
    }
    let upper = id.to_ascii_uppercase();
    let upper = if upper.starts_with("OCI-") { upper } else { format!("OCI-{upper}") };
    let alike = |rule: &&Rule| {
        let same = rule.id.bytes().zip(upper.bytes()).take_while(|(a, b)| a == b).count();
        (same, std::cmp::Reverse(rule.id.len()))
    };
    let hint = match rules::all().max_by_key(alike) {
        Some(near) if alike(&near).0 > "OCI-X".len() => format!("; did you mean {}?", near.id),
        _ => "; --list-rules prints all".to_owned(),
    };
    Err(Failure::usage(format!("--{option} {id}: there is no such rule{hint}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_of_the_table_is_handled() {
        for option in TOOL.options {
            let value = match option.value {
                Some("RULE") => "OCI-P2",
                Some("FILE") => "file",
                Some("N") => "7",
                Some(words) => words.split('|').next().unwrap_or_default(),
                None => "",
            };
            let list = [format!("--{}", option.long), value.to_owned()];
            let input = (!["list-rules", "explain"].contains(&option.long)).then(|| "x".to_owned());
            let list = list.into_iter().filter(|arg| !arg.is_empty()).chain(input);
            assert!(parse(Args::from_list(&TOOL, list)).is_ok(), "--{}", option.long);
        }
    }

    #[test]
    fn the_table_names_every_choice() {
        let of =
            |long| TOOL.options.iter().find(|option| option.long == long).and_then(|option| option.value);
        let joined = |names: Vec<&str>| names.join("|");
        assert_eq!(of("format"), Some(joined(Format::ALL.map(|(name, _)| name).to_vec()).as_str()));
        let profiles = Profile::ALL.iter().map(|profile| profile.name()).collect();
        assert_eq!(of("profile"), Some(joined(profiles).as_str()));
        let versions = ["auto"].into_iter().chain(SpecVersion::ALL.iter().map(|version| version.name()));
        assert_eq!(of("spec-version"), Some(joined(versions.collect()).as_str()));
    }
}
