//! `nexcage run`: creates a container and runs its process; with `--detach` in the background.

use crate::arguments;
use crate::context::{Container, Context, Global};
use crate::creation::preserved;
use crate::creation::{
    BUNDLE, CONSOLE_SOCKET, Creation, NO_NEW_KEYRING, NO_PIVOT, PID_FILE, PRESERVE_FDS, ROOTFS_STORAGE,
    TEMPLATE,
};
use crate::error::Error;
use nexcage_cli::{Args, Failure, LogFormat, Opt, Tool, log_format};
use nexcage_record::ContainerId;
use std::os::unix::process::CommandExt as _;

/// What `nexcage run --help` says.
pub(crate) static TOOL: Tool = Tool {
    name: "nexcage run",
    summary: "create a container, run its process, and remove it when that has ended",
    usage: &["[OPTIONS] ID"],
    options: &[
        BUNDLE,
        TEMPLATE,
        ROOTFS_STORAGE,
        Opt {
            long: "detach",
            short: Some('d'),
            value: None,
            help: "Return once the process runs; the container stays until delete. Without it nexcage becomes nexcage-shim run, which ends with the process.",
        },
        CONSOLE_SOCKET,
        PID_FILE,
        PRESERVE_FDS,
        Opt {
            long: "keep",
            short: None,
            value: None,
            help: "Keep the container when its process has ended, until it is deleted.",
        },
        Opt {
            long: "no-subreaper",
            short: None,
            value: None,
            help: "Accepted with a warning: nexcage itself adopts no process.",
        },
        NO_PIVOT,
        NO_NEW_KEYRING,
    ],
    statuses: RUN_STATUSES,
};

/// Exit statuses beside those of a process.
pub(crate) const RUN_STATUSES: &[(&str, &str)] = &[
    ("N", "The process ended with status N; with --detach, 0 once it runs."),
    ("128+N", "Signal N ended the process, or nexcage before there was one."),
    ("2", "Wrong command line."),
    ("125", "nexcage failed itself; stderr has one line with a code that says where and why."),
    ("126", "The program of the process cannot be executed."),
    ("127", "The program of the process does not exist in the container."),
    ("255", "The status is the process's own, or nobody could learn it."),
];

/// What was typed.
#[derive(Debug, Default)]
struct Options {
    creation: Creation,
    detach: bool,
    keep: bool,
}

pub(crate) fn main(global: Global, args: Args) -> Result<u8, Failure> {
    let (id, options) = parse(args)?;
    run(global, id, &options).map_err(|error| {
        let status = error.status_beside_a_process();
        Failure::from(error).with_status(status)
    })
}

fn parse(mut args: Args) -> Result<(ContainerId, Options), Failure> {
    let mut options = Options::default();
    let values = arguments::read(&mut args, |name, args| {
        match name {
            "detach" => options.detach = args.flag()?,
            "keep" => options.keep = args.flag()?,
            "no-subreaper" if args.flag()? => log::warn!("--no-subreaper changes nothing"),
            "no-subreaper" => {}
            other => options.creation.option(other, args)?,
        }
        Ok(())
    })?;
    Ok((arguments::one_id(values)?, options))
}

fn run(global: Global, id: ContainerId, options: &Options) -> Result<u8, Error> {
    let context = global.context()?;
    let container = context.container(id);
    if options.detach {
        detached(&context, &container, &options.creation).map(|()| 0)
    } else {
        Err(in_the_foreground(&context, &container, options)?)
    }
}

fn detached(context: &Context, container: &Container, creation: &Creation) -> Result<(), Error> {
    let mut shim = creation.make(context, container)?;
    let started = shim.start("");
    if started.is_err() {
        // The error that matters is the start's.
        drop(shim.remove());
    }
    started.map(drop)
}

/// Becomes nexcage-shim: there is no second process to keep, and signals and stdio stay the caller's.
/// Returns only why that failed.
fn in_the_foreground(context: &Context, container: &Container, options: &Options) -> Result<Error, Error> {
    let creation = &options.creation;
    let mut command = context.launcher.run(&container.dir)?;
    command.arg("--bundle").arg(creation.bundle()?);
    if let Some(file) = &creation.pid_file {
        command.arg("--pid-file").arg(file);
    }
    if let Some(socket) = &creation.console_socket {
        command.arg("--console-socket").arg(socket);
    }
    match preserved(creation.preserve_fds) {
        0 => {}
        number => {
            command.arg("--preserve-fds").arg(number.to_string());
        }
    }
    for (name, value) in &creation.ct {
        command.arg(format!("--{name}")).arg(value);
    }
    if options.keep {
        command.arg("--keep");
    }
    if log_format() == LogFormat::Json {
        command.args(["--log-format", "json"]);
    }
    Ok(Error::system("become nexcage-shim")(command.exec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_runcs() {
        let values = [("preserve-fds", "0")];
        arguments::tests::every_option_is_handled(&TOOL, parse, &["c1"], &values);
        let (_, options) = parse(Args::from_list(&TOOL, ["-d", "--no-pivot", "c1", "-b", "/b"])).unwrap();
        assert!(options.detach && options.creation.bundle == Some("/b".into()));
        assert!(parse(Args::from_list(&TOOL, ["--keep", "c1"])).unwrap().1.keep);
        assert!(!parse(Args::from_list(&TOOL, ["--detach=false", "c1"])).unwrap().1.detach);
    }
}
