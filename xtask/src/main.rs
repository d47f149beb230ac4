//! The project's own commands. Each is a module; `cargo xtask --help` lists them.

mod bench;
mod build;
mod demo;
mod error;
mod memory;
mod packages;
mod step;
mod test;
mod timing;

use nexcage_cli::{Arg, Args, Failure, Tool};
use std::ffi::OsString;
use std::path::PathBuf;

static TOOL: Tool = Tool {
    name: "cargo xtask",
    summary: "demonstrate, test and measure nexcage",
    usage: &["demo [BUNDLE]", "test [NAME]", "bench [RUNS]"],
    options: &[],
    statuses: &[
        ("0", "demo: what it saw is what it expected; test: all is well; bench: done."),
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
}

fn parse(mut args: Args) -> Result<Command, Failure> {
    let mut words = Vec::new();
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Value(word) => words.push(word),
            Arg::Option(other) => return Err(Failure::usage(format!("--{other} has no meaning here"))),
        }
    }
    let mut words = words.into_iter();
    let (command, argument) = (words.next(), words.next());
    if let Some(extra) = words.next() {
        return Err(Failure::usage(format!("unexpected argument {extra:?}")));
    }
    match command.as_deref().and_then(|command| command.to_str()) {
        Some("demo") => Ok(Command::Demo(argument.map(PathBuf::from))),
        Some("test") => Ok(Command::Test(argument)),
        Some("bench") => runs(argument).map(Command::Bench),
        Some(other) => Err(Failure::usage(format!("unknown command {other}"))),
        None => Err(Failure::usage("no command given")),
    }
}

fn runs(argument: Option<OsString>) -> Result<usize, Failure> {
    let Some(argument) = argument else { return Ok(30) };
    let number = argument.to_str().and_then(|text| text.parse().ok()).filter(|runs| *runs >= 10);
    number.ok_or_else(|| Failure::usage(format!("{argument:?}: expected a number of runs, at least 10")))
}
