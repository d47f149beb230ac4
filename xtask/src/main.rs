//! The project's own commands. Each is a module; `cargo xtask --help` lists them.

mod apt;
mod architecture;
mod bench;
mod build;
mod completions;
mod cross;
mod demo;
mod emulation;
mod error;
mod fidelity;
mod fuzz;
mod man;
mod memory;
mod package;
mod packages;
mod replay;
mod soak;
mod step;
mod test;
mod test_containerd;
mod timing;
mod tools;

use architecture::Architecture;
use fidelity::Backends;
use nexcage_cli::{Arg, Args, Failure, Opt, Tool};
use package::Product;
use std::collections::{BTreeMap, VecDeque};
use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;
use test_containerd::{Length, Wanted};

static TOOL: Tool = Tool {
    name: "cargo xtask",
    summary: "demonstrate, test and measure nexcage",
    usage: &[
        "demo [BUNDLE]",
        "test [--installed | --arch ARCH] [NAME]",
        "bench [PART] [RUNS]",
        "fuzz TARGET [--seconds N]",
        "man [--check]",
        "completions [--check]",
        "dist [--arch ARCH] [--check]",
        "deb [--arch ARCH] [--check]",
        "apt-repo --key KEY",
        "release VERSION",
        "size [--arch ARCH]",
        "test-packages",
        "replay-pct [--from DIR]",
        "fidelity [--backend BACKEND] [NAME]",
        "soak [--minutes N]",
        "test-containerd [--version VERSION] [--soak] [NAME]",
    ],
    options: &[
        Opt {
            long: "arch",
            short: None,
            value: Some("ARCH"),
            help: "dist, deb, size: for this architecture, amd64 or arm64, and not the machine's own. test: the unit tests and the end-to-end tests that start no container, built for arm64 and emulated where the machine is none.",
        },
        Opt {
            long: "backend",
            short: None,
            value: Some("BACKEND"),
            help: "fidelity: compare runc with nexcage on lxc or on pct alone.",
        },
        Opt {
            long: "check",
            short: None,
            value: None,
            help: "man, completions: change nothing; fail if a file is not what the tables of the tools make of it. dist, deb: build in a copy of the last commit, too, and fail if the bytes differ.",
        },
        Opt {
            long: "installed",
            short: None,
            value: None,
            help: "test: only the end-to-end tests, of the tools in TOOLS_BIN_DIR, which is /usr/bin if it is not set.",
        },
        Opt {
            long: "from",
            short: None,
            value: Some("DIR"),
            help: "replay-pct: where the recordings of the real pct are. Default: ../shared/facts/pct-transcripts beside the checkout.",
        },
        Opt {
            long: "key",
            short: None,
            value: Some("KEY"),
            help: "apt-repo: the key of the caller's keyring that signs.",
        },
        Opt { long: "minutes", short: None, value: Some("N"), help: "soak: how long. Default 30." },
        Opt {
            long: "seconds",
            short: None,
            value: Some("N"),
            help: "fuzz: how long. Default 60. What it learns and what it finds is kept in target/fuzz.",
        },
        Opt {
            long: "soak",
            short: None,
            value: None,
            help: "test-containerd: run five hundred containers in a row instead of some dozens.",
        },
        Opt {
            long: "version",
            short: None,
            value: Some("VERSION"),
            help: "test-containerd: the beginning of containerd's version, as 2.1. Default: the machine's own and every other that Debian has.",
        },
    ],
    statuses: &[
        (
            "0",
            "demo: what it saw is what it expected; test: all is well; bench: done; man, completions: the files are written, or with --check are as they should be; fuzz: nothing was found; soak: the shim has not grown; replay-pct: all is as recorded or differs for a listed reason, or a line starting with NOT RUN says that there are no recordings; fidelity: every difference between runc and nexcage has a listed reason.",
        ),
        ("1", "It is not; the last line on stderr says what."),
        ("2", "Wrong command line."),
    ],
};

fn main() -> std::process::ExitCode {
    nexcage_cli::run(&TOOL, |args| {
        match parse(args)? {
            Command::Demo(bundle) => demo::demo(bundle)?,
            Command::Test(Tested::Checkout, name) => test::test(name.as_deref())?,
            Command::Test(Tested::Installation, name) => test::test_installed(name.as_deref())?,
            Command::Test(Tested::Arm64, name) => emulation::test(name.as_deref())?,
            Command::Bench(part, runs) => bench::bench(part, runs)?,
            Command::Fuzz(target, seconds) => fuzz::fuzz(&target, seconds)?,
            Command::Man(Action::Write) => man::write()?,
            Command::Man(Action::Check) => man::check()?,
            Command::Completions(Action::Write) => completions::write()?,
            Command::Completions(Action::Check) => completions::check()?,
            Command::Make(product, Action::Write, architecture) => {
                package::make(product, architecture)?;
            }
            Command::Make(product, Action::Check, architecture) => package::check(product, architecture)?,
            Command::AptRepo(key) => package::apt_repository(&key)?,
            Command::Release(version) => package::release(&version)?,
            Command::Size(architecture) => package::size(architecture)?,
            Command::TestPackages => package::test_packages()?,
            Command::ReplayPct(from) => replay::replay_pct(from)?,
            Command::Fidelity(backends, name) => fidelity::fidelity(backends, name.as_deref())?,
            Command::Soak(minutes) => soak::soak(minutes)?,
            Command::TestContainerd { version, name, length } => {
                let (version, name) = (version.as_deref(), name.as_deref());
                test_containerd::test_containerd(&Wanted { version, name, length })?;
            }
        }
        Ok(0)
    })
}

/// Which tools are tested.
enum Tested {
    Checkout,
    Installation,
    Arm64,
}

/// What is done with what is made.
enum Action {
    Write,
    Check,
}

enum Command {
    /// Shows the pipeline with this bundle, or one of its own.
    Demo(Option<PathBuf>),
    /// Runs every check, or only the end-to-end tests whose names contain a text.
    Test(Tested, Option<OsString>),
    /// Measures one part or all, with this many runs of each thing.
    Bench(Option<&'static bench::Part>, usize),
    /// Fuzzes this target for some seconds.
    Fuzz(String, u32),
    /// Manual pages that are made of tables.
    Man(Action),
    /// Completions of the shells.
    Completions(Action),
    /// A tarball of static binaries, or Debian's package.
    Make(Product, Action, Architecture),
    /// A signed archive of the packages that were made, by this key.
    AptRepo(String),
    /// The version and the changelog of a release.
    Release(String),
    /// Sizes of what is shipped, against the budget.
    Size(Architecture),
    /// The package in fresh systems.
    TestPackages,
    /// Holds the stand-in for `pct` to the recordings here, or in their usual place.
    ReplayPct(Option<PathBuf>),
    /// Compares runc and nexcage on these backends, or only on the bundles whose names contain a text.
    Fidelity(Backends, Option<OsString>),
    /// Has one shim live through execs and other containers for some minutes.
    Soak(u32),
    /// Runs containerd's tests against a version, or all, or only the tests whose names contain a text.
    TestContainerd { version: Option<OsString>, name: Option<OsString>, length: Length },
}

fn parse(mut args: Args) -> Result<Command, Failure> {
    let mut typed = Typed::read(&mut args)?;
    let command = typed.word();
    let command = match command.as_deref().and_then(|command| command.to_str()) {
        Some("demo") => Command::Demo(typed.word().map(PathBuf::from)),
        Some("test") => Command::Test(typed.tested()?, typed.word()),
        Some("bench") => bench_command(typed.word(), typed.word())?,
        Some("fuzz") => {
            let target = typed.word().ok_or_else(|| no_target("no target given"))?;
            let target =
                target.into_string().map_err(|target| no_target(&format!("no target {target:?}")))?;
            Command::Fuzz(target, typed.number("seconds", 60)?)
        }
        Some("man") => Command::Man(typed.action()),
        Some("dist") => Command::Make(Product::Tarball, typed.action(), typed.architecture()?),
        Some("deb") => Command::Make(Product::Package, typed.action(), typed.architecture()?),
        Some("apt-repo") => {
            let key = typed.option("key").and_then(|key| key.into_string().ok());
            Command::AptRepo(key.ok_or_else(|| Failure::usage("apt-repo needs --key"))?)
        }
        Some("release") => {
            let version = typed.word().and_then(|version| version.into_string().ok());
            Command::Release(version.ok_or_else(|| Failure::usage("release needs a version"))?)
        }
        Some("size") => Command::Size(typed.architecture()?),
        Some("test-packages") => Command::TestPackages,
        Some("completions") => Command::Completions(typed.action()),
        Some("replay-pct") => Command::ReplayPct(typed.option("from").map(PathBuf::from)),
        Some("soak") => Command::Soak(typed.number("minutes", 30)?),
        Some("test-containerd") => Command::TestContainerd {
            version: typed.option("version"),
            name: typed.word(),
            length: typed.option("soak").map_or(Length::Short, |_| Length::Long),
        },
        Some("fidelity") => {
            let backends = typed.option("backend").map(|name| backend(&name)).transpose()?;
            Command::Fidelity(backends.unwrap_or_default(), typed.word())
        }
        Some(other) => return Err(Failure::usage(format!("unknown command {other}"))),
        None => return Err(Failure::usage("no command given")),
    };
    typed.nothing_left().map(|()| command)
}

/// What was typed: a command takes what it knows, and nothing may be left.
struct Typed {
    words: VecDeque<OsString>,
    options: BTreeMap<&'static str, OsString>,
}

impl Typed {
    fn read(args: &mut Args) -> Result<Self, Failure> {
        let mut typed = Typed { words: VecDeque::new(), options: BTreeMap::new() };
        while let Some(arg) = args.next()? {
            match arg {
                Arg::Value(word) => typed.words.push_back(word),
                Arg::Option(name) => {
                    let takes_value = TOOL.options.iter().any(|own| own.long == name && own.value.is_some());
                    let value = if takes_value { args.value()? } else { OsString::new() };
                    typed.options.insert(name, value);
                }
            }
        }
        Ok(typed)
    }

    fn word(&mut self) -> Option<OsString> {
        self.words.pop_front()
    }

    fn option(&mut self, name: &str) -> Option<OsString> {
        self.options.remove(name)
    }

    /// The number, at least 1, that an option gives.
    fn number(&mut self, name: &str, default: u32) -> Result<u32, Failure> {
        self.option(name).map_or(Ok(default), |value| number(&value, 1))
    }

    /// What is done with what is made.
    fn action(&mut self) -> Action {
        if self.option("check").is_some() { Action::Check } else { Action::Write }
    }

    /// The architecture that is built for: the machine's own unless another is named.
    fn architecture(&mut self) -> Result<Architecture, Failure> {
        self.option("arch").map_or(Ok(Architecture::own()), |name| {
            let named = Architecture::parse(&name);
            named.ok_or_else(|| Failure::usage(format!("{name:?}: expected amd64 or arm64")))
        })
    }

    /// Which tools are tested.
    fn tested(&mut self) -> Result<Tested, Failure> {
        if self.options.contains_key("arch") {
            return match self.architecture()? {
                Architecture::Arm64 => Ok(Tested::Arm64),
                Architecture::Amd64 => Err(Failure::usage("test --arch is for arm64")),
            };
        }
        Ok(self.option("installed").map_or(Tested::Checkout, |_| Tested::Installation))
    }

    fn nothing_left(self) -> Result<(), Failure> {
        if let Some(extra) = self.words.front() {
            return Err(Failure::usage(format!("unexpected argument {extra:?}")));
        }
        match self.options.keys().next() {
            Some(option) => Err(Failure::usage(format!("--{option} has no meaning here"))),
            None => Ok(()),
        }
    }
}

/// `bench [PART] [RUNS]`: what is no part is a number of runs.
fn bench_command(first: Option<OsString>, second: Option<OsString>) -> Result<Command, Failure> {
    let part = first.as_deref().and_then(|word| word.to_str()).and_then(bench::Part::named);
    let runs = match (part, first, second) {
        (_, None, _) | (Some(_), _, None) => 30,
        (Some(_), _, Some(runs)) => number(&runs, 10)?,
        (None, Some(runs), None) => number(&runs, 10).map_err(|_| no_part(&runs))?,
        (None, Some(word), Some(_)) => return Err(no_part(&word)),
    };
    Ok(Command::Bench(part, runs))
}

fn number<N: FromStr + PartialOrd + Display + Copy>(word: &OsStr, least: N) -> Result<N, Failure> {
    let number = word.to_str().and_then(|text| text.parse().ok()).filter(|number| *number >= least);
    number.ok_or_else(|| Failure::usage(format!("{word:?}: expected a number, at least {least}")))
}

fn backend(name: &OsStr) -> Result<Backends, Failure> {
    Backends::parse(name).ok_or_else(|| Failure::usage(format!("{name:?}: expected lxc or pct")))
}

fn no_part(word: &OsStr) -> Failure {
    Failure::usage(format!(
        "{word:?} is no number of runs, at least 10, and no part: there are {}",
        bench::names()
    ))
}

fn no_target(what: &str) -> Failure {
    Failure::usage(format!("{what}: there are {}", fuzz::names()))
}
