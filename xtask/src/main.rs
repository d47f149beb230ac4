//! The project's own commands. Each is a module; `cargo xtask --help` lists them.

mod bench;
mod build;
mod demo;
mod error;
mod memory;
mod packages;
mod replay;
mod step;
mod test;
mod timing;

use nexcage_cli::{Arg, Args, Failure, Opt, Tool};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

static TOOL: Tool = Tool {
    name: "cargo xtask",
    summary: "demonstrate, test and measure nexcage",
    usage: &["demo [BUNDLE]", "test [NAME]", "bench [RUNS]", "replay-pct [--from DIR]"],
    options: &[Opt {
        long: "from",
        short: None,
        value: Some("DIR"),
        help: "replay-pct: where the recordings of the real pct are. Default: ../shared/facts/pct-transcripts beside the checkout.",
    }],
    statuses: &[
        (
            "0",
            "demo: what it saw is what it expected; test: all is well; bench: done; replay-pct: all is as recorded or differs for a listed reason, or a line starting with NOT RUN says that there are no recordings.",
        ),
        ("1", "It is not; the last line on stderr says what."),
        ("2", "Wrong command line."),
    ],
};

fn main() -> std::process::ExitCode {
    nexcage_cli::run(&TOOL, |args| {
        match parse(args)? {
            Command::Demo(bundle) => demo::demo(bundle)?,
            Command::Test(name) => test::test(name.as_deref())?,
            Command::Bench(runs) => bench::bench(runs)?,
            Command::ReplayPct(from) => replay::replay_pct(from)?,
        }
        Ok(0)
    })
}

enum Command {
    /// Shows the pipeline with this bundle, or one of its own.
    Demo(Option<PathBuf>),
    /// Runs every check, or only the end-to-end tests whose names contain a text.
    Test(Option<OsString>),
    /// Measures, with this many runs of each thing.
    Bench(usize),
    /// Holds the stand-in for `pct` to the recordings here, or in their usual place.
    ReplayPct(Option<PathBuf>),
}

fn parse(mut args: Args) -> Result<Command, Failure> {
    let (mut words, mut from) = (Vec::new(), None);
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Value(word) => words.push(word),
            Arg::Option("from") => from = Some(PathBuf::from(args.value()?)),
            Arg::Option(other) => return Err(Failure::usage(format!("--{other} has no meaning here"))),
        }
    }
    let mut words = words.into_iter();
    let (command, argument) = (words.next(), words.next());
    let command = match (command.as_deref().and_then(|command| command.to_str()), argument) {
        (Some("demo"), argument) => Command::Demo(argument.map(PathBuf::from)),
        (Some("test"), argument) => Command::Test(argument),
        (Some("bench"), argument) => Command::Bench(runs(argument)?),
        (Some("replay-pct"), None) => Command::ReplayPct(from.take()),
        (Some("replay-pct"), Some(extra)) => return Err(unexpected(&extra)),
        (Some(other), _) => return Err(Failure::usage(format!("unknown command {other}"))),
        (None, _) => return Err(Failure::usage("no command given")),
    };
    if let Some(extra) = words.next() {
        return Err(unexpected(&extra));
    }
    if from.is_some() {
        return Err(Failure::usage("--from has no meaning here"));
    }
    Ok(command)
}

fn unexpected(argument: &OsStr) -> Failure {
    Failure::usage(format!("unexpected argument {argument:?}"))
}

fn runs(argument: Option<OsString>) -> Result<usize, Failure> {
    let Some(argument) = argument else { return Ok(30) };
    let number = argument.to_str().and_then(|text| text.parse().ok()).filter(|runs| *runs >= 10);
    number.ok_or_else(|| Failure::usage(format!("{argument:?}: expected a number of runs, at least 10")))
}
