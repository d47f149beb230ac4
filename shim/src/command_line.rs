//! The shim's command line.

use crate::backend;
use crate::exit::ExitSource;
use crate::run::{self, Options};
use nexcage_cli::{Arg, Args, Failure, Opt, Tool};
use nexcage_record::{ContainerId, Namespace, Root};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What `nexcage-shim --help` says.
pub static TOOL: Tool = Tool {
    name: "nexcage-shim",
    summary: "run an OCI bundle as an LXC container and supervise it",
    usage: &["run --id ID [--bundle DIR] [OPTIONS]"],
    options: &[
        Opt {
            long: "id",
            short: None,
            value: Some("ID"),
            help: "The container's id, unique in its namespace.",
        },
        Opt {
            long: "bundle",
            short: Some('b'),
            value: Some("DIR"),
            help: "The bundle: a directory with config.json and the root file system. Default: the working directory.",
        },
        Opt {
            long: "config",
            short: None,
            value: Some("FILE"),
            help: "Use this LXC configuration, as lxc-render-config prints it, instead of rendering the bundle; - reads it from stdin, and the process's stdin is /dev/null then. The process itself still comes from the bundle.",
        },
        Opt {
            long: "root",
            short: None,
            value: Some("DIR"),
            help: "Where containers keep their state. Default: /run/nexcage.",
        },
        Opt {
            long: "namespace",
            short: None,
            value: Some("NAME"),
            help: "The namespace of the id. Default: default.",
        },
        Opt {
            long: "backend",
            short: None,
            value: Some("auto|lxc|pct"),
            help: "Who starts the container: plain LXC, or Proxmox VE's pct, as a CT. Default: auto, which is pct where /etc/pve is a mounted pmxcfs.",
        },
        Opt {
            long: "timeout",
            short: None,
            value: Some("SECONDS"),
            help: "The longest that LXC's start, or an answer of nexcage-init, may take. Default: 30.",
        },
        Opt {
            long: "exit-source",
            short: None,
            value: Some("auto|pidfd|proc-events"),
            help: "How the exit status is learned: from a pidfd (Linux 6.15 and later) or from the kernel's process events. Default: auto, the pidfd where the kernel can.",
        },
        Opt {
            long: "init",
            short: None,
            value: Some("FILE"),
            help: "The nexcage-init binary. Default: beside nexcage-shim, else in /usr/libexec/nexcage.",
        },
    ],
    statuses: &[
        ("N", "The process ended with status N."),
        (
            "128+N",
            "The process was ended by signal N; or signal N ended nexcage-shim before the process was started.",
        ),
        ("2", "Wrong command line."),
        ("125", "nexcage-shim failed itself; stderr has one line with a code that says where and why."),
        ("126", "The program of the process cannot be executed."),
        ("127", "The program of the process does not exist in the container."),
    ],
};

/// The tool's main.
///
/// # Errors
/// A wrong command line, or a container that could not be run.
pub fn main(args: Args) -> Result<u8, Failure> {
    let options = parse(args)?;
    run::run(&options).map_err(|error| {
        let status = error.run_status();
        Failure::from(error).with_status(status)
    })
}

fn parse(mut args: Args) -> Result<Options, Failure> {
    let (mut command, mut id) = (None, None);
    let mut options = Parsed::default();
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Option("id") => id = Some(ContainerId::new(&args.string()?)?),
            Arg::Option("bundle") => options.bundle = Some(args.value()?),
            Arg::Option("config") => options.config = Some(args.value()?.into()),
            Arg::Option("root") => options.root = Some(Root::new(Path::new(&args.value()?))?),
            Arg::Option("namespace") => options.namespace = Namespace::new(&args.string()?)?,
            Arg::Option("timeout") => options.limit = Some(seconds(&args.string()?)?),
            Arg::Option("backend") => {
                let set = [
                    ("auto", backend::Choice::Auto),
                    ("lxc", backend::Choice::Lxc),
                    ("pct", backend::Choice::Pct),
                ];
                options.backend = Some(args.choice("backend", &set)?);
            }
            Arg::Option("exit-source") => {
                let set = [
                    ("auto", ExitSource::Auto),
                    ("pidfd", ExitSource::Pidfd),
                    ("proc-events", ExitSource::ProcEvents),
                ];
                options.exit_source = Some(args.choice("exit-source", &set)?);
            }
            Arg::Option("init") => options.init = Some(args.value()?.into()),
            Arg::Option(other) => return Err(Failure::usage(format!("--{other} has no meaning here"))),
            Arg::Value(value) if command.is_none() => command = Some(value),
            Arg::Value(value) => {
                return Err(Failure::usage(format!("unexpected argument {:?}", value.to_string_lossy())));
            }
        }
    }
    match command {
        Some(command) if command == "run" => options.complete(id),
        Some(other) => Err(Failure::usage(format!("unknown command {:?}", other.to_string_lossy()))),
        None => Err(Failure::usage("no command given")),
    }
}

/// Options as typed.
#[derive(Default)]
struct Parsed {
    bundle: Option<OsString>,
    config: Option<PathBuf>,
    root: Option<Root>,
    namespace: Namespace,
    limit: Option<Duration>,
    backend: Option<backend::Choice>,
    exit_source: Option<ExitSource>,
    init: Option<PathBuf>,
}

impl Parsed {
    fn complete(self, id: Option<ContainerId>) -> Result<Options, Failure> {
        Ok(Options {
            id: id.ok_or_else(|| Failure::usage("run needs --id"))?,
            namespace: self.namespace,
            root: self.root.unwrap_or_default(),
            bundle: self.bundle.unwrap_or_else(|| ".".into()),
            config: self.config,
            backend: self.backend.unwrap_or(backend::Choice::Auto),
            exit_source: self.exit_source.unwrap_or(ExitSource::Auto),
            limit: self.limit.unwrap_or(Duration::from_secs(30)),
            init: self.init,
        })
    }
}

fn seconds(text: &str) -> Result<Duration, Failure> {
    let parsed = text.parse().ok().filter(|seconds: &f64| *seconds > 0.0);
    let duration = parsed.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration.ok_or_else(|| Failure::usage(format!("--timeout {text:?}: expected seconds, more than 0")))
}
