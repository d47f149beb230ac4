//! The command line: global options, then a verb with its own.

use crate::context::Global;
use crate::error::Error;
use crate::{
    arguments, attach, checkpoint, config, create, delete, events, exec, features, gc, health, help, kill,
    list, logs, pause, ps, run, spec, start, state, update, version,
};
use nexcage_cli::{Arg, Args, Failure, Opt, Tool, log_to, log_verbosely};
use nexcage_launch::Verbosity;
use nexcage_record::Namespace;
use std::ffi::OsStr;
use std::path::Path;

/// What `nexcage --help` says.
pub static TOOL: Tool = Tool {
    name: "nexcage",
    summary: "run OCI bundles as LXC containers",
    usage: &["[OPTIONS] COMMAND [OPTIONS] [ID] ...", "COMMAND --help"],
    options: &[
        Opt {
            long: "root",
            short: None,
            value: Some("DIR"),
            help: "Where containers keep their state. Default: as configured, else /run/nexcage.",
        },
        Opt {
            long: "namespace",
            short: None,
            value: Some("NAME"),
            help: "The namespace of the ids. Default: default.",
        },
        Opt {
            long: "config",
            short: None,
            value: Some("FILE"),
            help: "The configuration file. Default: the one that NEXCAGE_CONFIG names, else /etc/nexcage/config.json if there is one.",
        },
        Opt {
            long: "log",
            short: None,
            value: Some("FILE"),
            help: "Append diagnostics to FILE instead of writing them to stderr; an error that ends the command is written to both.",
        },
        Opt { long: "debug", short: None, value: None, help: "Say what is done, as NEXCAGE_LOG=debug does." },
        Opt {
            long: "systemd-cgroup",
            short: None,
            value: None,
            help: "Refused: cgroups are LXC's, and nothing asks systemd for them.",
        },
        Opt { long: "criu", short: None, value: Some("FILE"), help: "Refused: there are no checkpoints." },
        Opt {
            long: "rootless",
            short: None,
            value: Some("auto|false|true"),
            help: "true is refused: LXC is started by root.",
        },
        Opt {
            long: "version",
            short: Some('v'),
            value: None,
            help: "Print name and version; -V does it too.",
        },
    ],
    statuses: &[
        ("0", "Done."),
        ("1", "It failed; stderr has one line with a code that says where and why."),
        ("2", "Wrong command line."),
        ("3", "A record, the configuration or an input file cannot be read."),
        ("4", "Refused: it cannot be done, or it would be unsafe."),
        ("N", "run, exec and attach: the process's own status, 128+N if signal N ended it."),
    ],
};

/// Exit statuses of a verb that does not end with a process's own.
pub(crate) const STATUSES: &[(&str, &str)] = &[
    ("0", "Done."),
    ("1", "It failed; stderr has one line with a code that says where and why."),
    ("2", "Wrong command line."),
    ("3", "A record, the configuration or an input file cannot be read."),
    ("4", "Refused: it cannot be done, or it would be unsafe."),
];

/// A verb: its description, and what it does.
struct Verb {
    tool: &'static Tool,
    run: fn(Global, Args) -> Result<u8, Failure>,
}

const fn verb(tool: &'static Tool, run: fn(Global, Args) -> Result<u8, Failure>) -> Verb {
    Verb { tool, run }
}

const VERBS: [Verb; 24] = [
    verb(&create::TOOL, create::main),
    verb(&start::TOOL, start::main),
    verb(&run::TOOL, run::main),
    verb(&state::TOOL, state::main),
    verb(&list::TOOL, list::main),
    verb(&kill::TOOL, kill::main),
    verb(&delete::TOOL, delete::main),
    verb(&exec::TOOL, exec::main),
    verb(&attach::TOOL, attach::main),
    verb(&ps::TOOL, ps::main),
    verb(&pause::PAUSE, pause::pause),
    verb(&pause::RESUME, pause::resume),
    verb(&update::TOOL, update::main),
    verb(&events::TOOL, events::main),
    verb(&logs::TOOL, logs::main),
    verb(&spec::TOOL, spec::main),
    verb(&features::TOOL, features::main),
    verb(&config::TOOL, config::main),
    verb(&health::TOOL, health::main),
    verb(&gc::TOOL, gc::main),
    verb(&version::TOOL, version::main),
    verb(&help::TOOL, help::main),
    verb(&checkpoint::CHECKPOINT, checkpoint::main),
    verb(&checkpoint::RESTORE, checkpoint::main),
];

/// The descriptions of all verbs, in the order of the help.
pub static COMMANDS: &[&Tool] = &{
    let mut tools = [VERBS[0].tool; VERBS.len()];
    let mut next = 0;
    while next < VERBS.len() {
        tools[next] = VERBS[next].tool;
        next += 1;
    }
    tools
};

/// The tool's main.
///
/// # Errors
/// As the verb's description says.
pub fn main(args: Args) -> Result<u8, Failure> {
    let mut args = args.with_single_dash_names().with_commands(COMMANDS);
    let (global, verb) = parse(&mut args)?;
    args.enter(verb.tool);
    (verb.run)(global, args).map_err(|failure| failure.in_command(verb.tool))
}

/// Reads the global options and the verb.
fn parse(args: &mut Args) -> Result<(Global, &'static Verb), Failure> {
    let mut global = Global::default();
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Option(name) => option(&mut global, name, args)?,
            Arg::Value(value) => return Ok((global, find(&value)?)),
        }
    }
    Err(Failure::usage("no command given"))
}

fn option(global: &mut Global, name: &str, args: &mut Args) -> Result<(), Failure> {
    match name {
        "root" => global.root = Some(args.value()?.into()),
        "namespace" => global.namespace = Namespace::new(&args.string()?).map_err(Error::from)?,
        "config" => global.config = Some(args.value()?.into()),
        "log" => log_file(&args.value()?)?,
        "debug" if args.flag()? => {
            log_verbosely();
            global.verbosity = Verbosity::Debug;
        }
        "systemd-cgroup" if args.flag()? => {
            return Err(unsupported("--systemd-cgroup", "cgroups are LXC's, nothing asks systemd for them"));
        }
        "debug" | "systemd-cgroup" => {}
        "criu" => return Err(unsupported("--criu", "there are no checkpoints")),
        "rootless" => {
            let set = [("auto", false), ("false", false), ("0", false), ("true", true), ("1", true)];
            if args.choice("rootless", &set)? {
                return Err(unsupported("--rootless", "LXC is started by root"));
            }
        }
        other => arguments::unknown(other)?,
    }
    Ok(())
}

fn unsupported(what: &str, why: &'static str) -> Failure {
    Error::Unsupported { what: what.to_owned(), why }.into()
}

/// runc's default is the name of stderr, which is ours without a name.
fn log_file(path: &OsStr) -> Result<(), Failure> {
    if path.is_empty() || path == "/dev/stderr" { Ok(()) } else { log_to(Path::new(path)) }
}

fn find(name: &OsStr) -> Result<&'static Verb, Failure> {
    static VERBS_IN_PLACE: [Verb; VERBS.len()] = VERBS;
    let found = VERBS_IN_PLACE.iter().find(|verb| name == own_name(verb.tool));
    found.ok_or_else(|| Failure::usage(format!("unknown command {:?}", name.to_string_lossy())))
}

/// The name of a verb without the tool's.
pub(crate) fn own_name(tool: &Tool) -> &'static str {
    tool.name.split_once(' ').map_or(tool.name, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexcage_cli::Diagnose as _;

    fn read(list: &[&str]) -> Result<(Global, &'static str), Failure> {
        let mut args = Args::from_list(&TOOL, list).with_single_dash_names();
        parse(&mut args).map(|(global, verb)| (global, own_name(verb.tool)))
    }

    #[test]
    fn global_options_come_before_the_verb() {
        let (global, verb) =
            read(&["--root", "/r", "-namespace=k8s.io", "--config", "/c", "list", "-q"]).unwrap();
        assert_eq!((global.root, global.namespace.as_str(), verb), (Some("/r".into()), "k8s.io", "list"));
        assert_eq!(global.config, Some("/c".into()));
        for wrong in
            [&["frobnicate"][..], &[], &["-q", "list"], &["--rootless", "maybe", "list"], &["--root"]]
        {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
        assert!(read(&["--namespace", "a/b", "list"]).is_err());
    }

    #[test]
    fn what_runc_asks_for_and_is_not_there_is_refused_and_its_absence_accepted() {
        for refused in
            [&["--systemd-cgroup", "list"][..], &["--criu", "x", "list"], &["--rootless=true", "list"]]
        {
            assert!(read(refused).is_err(), "{refused:?}");
        }
        for accepted in [
            &["--systemd-cgroup=false", "--rootless", "auto", "list"][..],
            &["--rootless", "false", "--debug=false", "--log", "", "--log", "/dev/stderr", "list"],
        ] {
            assert!(read(accepted).is_ok(), "{accepted:?}");
        }
        let error = Error::Unsupported { what: "--criu".into(), why: "there are no checkpoints" };
        assert_eq!(error.code().status(), 4);
    }

    #[test]
    fn every_verb_is_found_by_its_name_and_described() {
        for tool in COMMANDS {
            assert!(tool.name.starts_with("nexcage ") && !tool.usage.is_empty(), "{}", tool.name);
            assert_eq!(own_name(find(OsStr::new(own_name(tool))).unwrap().tool), own_name(tool));
            let mut names: Vec<_> = tool.options.iter().map(|option| option.long).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), tool.options.len(), "{}: an option twice", tool.name);
        }
    }
}
