//! What was typed.

use crate::{CgroupChoice, CgroupVersion, LxcVersion, Options};
use nexcage_cli::{Arg, Args, Failure};
use nexcage_mapping::TABLE;
use std::path::PathBuf;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) task: Task,
    pub(super) target: Target,
    pub(super) options: Options,
    /// The form of what is printed instead of a configuration.
    pub(super) report: Option<Form>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// A bundle.
    Render(PathBuf),
    /// A field of the specification, or all.
    Explain(Option<String>),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    Lxc,
    /// Proxmox VE, with the file that the CT's configuration includes.
    Pve(PathBuf),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    Json,
}

pub(super) fn parse(mut args: Args) -> Result<Request, Failure> {
    let (mut value, mut include, mut report) = (None, None, None);
    let (mut pve, mut explain) = (false, false);
    let mut options = Options::default();
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Option("target") => pve = args.choice("target", &[("lxc", false), ("pve", true)])?,
            Arg::Option("include") => include = Some(PathBuf::from(args.value()?)),
            Arg::Option("lxc-version") => {
                let set = [("5", LxcVersion::V5), ("6", LxcVersion::V6), ("7", LxcVersion::V7)];
                options.lxc = args.choice("lxc-version", &set)?;
            }
            Arg::Option("cgroup") => {
                let set = [
                    ("auto", CgroupChoice::Auto),
                    ("v1", CgroupChoice::Fixed(CgroupVersion::V1)),
                    ("v2", CgroupChoice::Fixed(CgroupVersion::V2)),
                ];
                options.cgroup = args.choice("cgroup", &set)?;
            }
            Arg::Option("allow-loss") => options.allowed_losses.push(rule(&args.string()?)?),
            Arg::Option("report") => {
                report = Some(args.choice("report", &[("text", Form::Text), ("json", Form::Json)])?);
            }
            Arg::Option("explain") => explain = true,
            Arg::Option(other) => return Err(Failure::usage(format!("--{other} is not handled"))),
            Arg::Value(one) if value.is_none() => value = Some(one),
            Arg::Value(more) => {
                return Err(Failure::usage(format!("{}: one at a time", more.to_string_lossy())));
            }
        }
    }
    let target = match (pve, include) {
        (true, Some(include)) => Target::Pve(include),
        (false, None) => Target::Lxc,
        (true, None) => return Err(Failure::usage("--target pve needs --include FILE")),
        (false, Some(_)) => return Err(Failure::usage("--include needs --target pve")),
    };
    let task = if explain {
        Task::Explain(value.map(|field| field.to_string_lossy().into_owned()))
    } else {
        Task::Render(value.map_or_else(|| PathBuf::from("."), PathBuf::from))
    };
    Ok(Request { task, target, options, report })
}

/// The field of a row that may be lost, or that has such rows below it.
fn rule(text: &str) -> Result<&'static str, Failure> {
    let Some(row) = TABLE.iter().find(|row| row.field == text) else {
        let hint = "a field as --explain prints it, such as /linux/intelRdt";
        return Err(Failure::usage(format!("--allow-loss {text}: expected {hint}")));
    };
    if TABLE.iter().any(|one| crate::below(one.field, row.field) && one.may_be_lost()) {
        Ok(row.field)
    } else {
        Err(Failure::usage(format!("--allow-loss {text}: this field is never refused as a whole")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::TOOL;
    use super::*;

    fn parsed(list: &[&str]) -> Result<Request, Failure> {
        parse(Args::from_list(&TOOL, list.iter().copied()))
    }

    #[test]
    fn every_option_of_the_table_is_handled() {
        for option in TOOL.options {
            let name = format!("--{}", option.long);
            let list = match option.long {
                "include" => vec!["--target", "pve", &name, "/x"],
                "target" => vec![&name, "pve", "--include", "/x"],
                "allow-loss" => vec![&name, "/linux/intelRdt"],
                "explain" => vec![name.as_str()],
                _ => vec![&name, option.value.and_then(|value| value.split('|').next_back()).unwrap()],
            };
            assert!(parsed(&list).is_ok(), "{list:?}");
        }
    }

    #[test]
    fn without_a_name_the_bundle_is_the_working_directory() {
        let request = parsed(&[]).unwrap();
        let task = Task::Render(".".into());
        assert_eq!(request, Request { task, target: Target::Lxc, options: Options::default(), report: None });
    }

    #[test]
    fn what_makes_no_sense_together_is_refused() {
        for list in [
            &["a", "b"][..],
            &["--target", "pve"],
            &["--include", "/x"],
            &["--allow-loss", "/linux/intelRDT"],
            &["--allow-loss", "linux"],
            &["--allow-loss", "/process/args"],
            &["--lxc-version", "4"],
        ] {
            assert!(parsed(list).is_err(), "{list:?}");
        }
    }
}
