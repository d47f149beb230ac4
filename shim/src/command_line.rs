//! The shim's command line.

use crate::error::Error;
use crate::lost::{self, Lost, Removal};
use crate::serve::{self, Afterwards, Options, Target};
use nexcage_cli::{Arg, Args, Failure, Opt, Tool};
use nexcage_configuration::{Backend, Configuration, ExitSource, Origin, Setting, seconds};
use nexcage_record::{ContainerId, Namespace, Root};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What `nexcage-shim --help` says.
pub static TOOL: Tool = Tool {
    name: "nexcage-shim",
    summary: "run an OCI bundle as an LXC container and supervise it",
    usage: &[
        "run --id ID [--bundle DIR] [OPTIONS]",
        "serve --id ID [OPTIONS]",
        "recover [--id ID] [OPTIONS]",
        "gc [--remove] [--root DIR]",
    ],
    options: &[
        Opt {
            long: "id",
            short: None,
            value: Some("ID"),
            help: "The container's id, unique in its namespace. recover takes all containers without it.",
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
            help: "The namespace of the id. Default: default; for recover without --id all of them.",
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
        Opt {
            long: "pid-file",
            short: None,
            value: Some("FILE"),
            help: "run: write the process's pid, as the host counts, to this file as soon as the process is there.",
        },
        Opt {
            long: "console-socket",
            short: None,
            value: Some("PATH"),
            help: "run: send the master of the process's terminal to this Unix socket, as runc does.",
        },
        Opt {
            long: "preserve-fds",
            short: None,
            value: Some("N"),
            help: "run: hand descriptors 3 to 2+N on to the process.",
        },
        Opt {
            long: "template",
            short: None,
            value: Some("TEMPLATE"),
            help: "run: on Proxmox VE, unpack this archive in the place of the bundle's root file system: STORAGE:vztmpl/NAME or an absolute path.",
        },
        Opt {
            long: "rootfs-storage",
            short: None,
            value: Some("STORAGE:SIZE"),
            help: "run: on Proxmox VE, put the root file system on a disk of so many GiB on this storage; 0 is a directory there.",
        },
        Opt {
            long: "keep",
            short: None,
            value: None,
            help: "run: keep the container when its process has ended.",
        },
        Opt {
            long: "remove",
            short: None,
            value: None,
            help: "gc: remove what is listed, but for CTs that run.",
        },
    ],
    statuses: &[
        ("0", "serve, recover, gc: the shim serves, or has done what was left to do."),
        ("N", "The process ended with status N."),
        (
            "128+N",
            "The process was ended by signal N; or signal N ended nexcage-shim before the process was started.",
        ),
        ("1", "serve, recover: it failed; stderr has one line with a code that says where and why."),
        ("2", "Wrong command line."),
        ("3", "serve, recover: a record or the configuration cannot be read."),
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
    match parse(args)? {
        Command::Run(options) => serve::run(*options).map_err(|error| {
            let status = error.run_status();
            Failure::from(error).with_status(status)
        }),
        Command::Serve(target) => {
            serve::serve(*target, serve::Engine::default()).map(|()| 0).map_err(Failure::from)
        }
        Command::Gc { root, configuration, deed } => {
            let lost = lost::find(&root, &configuration);
            let list: serde_json::Value = lost.iter().map(Lost::object).collect();
            nexcage_cli::print(format!("{list}\n").as_bytes())?;
            if deed == Deed::Remove {
                remove_all(&lost, &root, &configuration)?;
            }
            Ok(0)
        }
        Command::Recover { root, namespace, id, configuration } => {
            serve::recover(&root, namespace.as_ref(), id.as_ref(), &configuration)
                .map(|()| 0)
                .map_err(Failure::from)
        }
    }
}

/// What gc does with what it has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    List,
    Remove,
}

/// Removes everything, and fails if anything stays.
fn remove_all(lost: &[Lost], root: &Root, configuration: &Configuration) -> Result<(), Error> {
    let mut left = 0;
    for one in lost {
        match one.remove(root, configuration) {
            Ok(Removal::Done) => continue,
            Ok(Removal::Alive(pid)) => log::error!("{} runs: end its process {pid} first", one.name()),
            Err(error) => log::error!("{}", nexcage_cli::causes(&error)),
        }
        left += 1;
    }
    if left == 0 { Ok(()) } else { Err(Error::NotRemoved { left }) }
}

#[derive(Debug)]
enum Command {
    Run(Box<Options>),
    Serve(Box<Target>),
    /// Lists what has lost its container.
    Gc {
        root: Root,
        configuration: Box<Configuration>,
        deed: Deed,
    },
    Recover {
        root: Root,
        namespace: Option<Namespace>,
        id: Option<ContainerId>,
        configuration: Box<Configuration>,
    },
}

fn parse(mut args: Args) -> Result<Command, Failure> {
    let mut command = None;
    let mut typed = Typed::default();
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Option(name) => typed.option(name, &mut args)?,
            Arg::Value(value) if command.is_none() => command = Some(value),
            Arg::Value(value) => {
                return Err(Failure::usage(format!("unexpected argument {:?}", value.to_string_lossy())));
            }
        }
    }
    match command.as_deref().and_then(|command| command.to_str()) {
        Some("run") => typed.run(),
        Some("serve") => typed.serve(),
        Some("recover") => typed.recover(),
        Some("gc") => typed.gc(),
        Some(other) => Err(Failure::usage(format!("unknown command {other:?}"))),
        None if command.is_some() => Err(Failure::usage("unknown command")),
        None => Err(Failure::usage("no command given")),
    }
}

/// Options as typed.
#[derive(Debug, Default)]
struct Typed {
    id: Option<ContainerId>,
    namespace: Option<Namespace>,
    root: Option<Root>,
    bundle: Option<OsString>,
    config: Option<PathBuf>,
    pid_file: Option<PathBuf>,
    console: Option<PathBuf>,
    preserve_fds: Option<u32>,
    afterwards: Option<Afterwards>,
    deed: Option<Deed>,
    ct: BTreeMap<String, String>,
    settings: Vec<(Setting, &'static str)>,
    /// The options of `run` that were given.
    of_run: Vec<&'static str>,
}

impl Typed {
    fn option(&mut self, name: &'static str, args: &mut Args) -> Result<(), Failure> {
        if !["id", "namespace", "root", "init", "remove"].contains(&name) {
            self.of_run.push(name);
        }
        match name {
            "id" => self.id = Some(ContainerId::new(&args.string()?)?),
            "bundle" => self.bundle = Some(args.value()?),
            "config" => self.config = Some(args.value()?.into()),
            "root" => self.root = Some(Root::new(Path::new(&args.value()?))?),
            "namespace" => self.namespace = Some(Namespace::new(&args.string()?)?),
            "timeout" => {
                let text = args.string()?;
                let limit = seconds(&text).ok_or_else(|| {
                    Failure::usage(format!("--timeout {text:?}: expected seconds, more than 0"))
                })?;
                self.settings.push((Setting::Timeout(limit), "--timeout"));
            }
            "backend" => {
                let backend = Setting::Backend(args.choice("backend", Backend::NAMES)?);
                self.settings.push((backend, "--backend"));
            }
            "exit-source" => {
                let source = Setting::ExitSource(args.choice("exit-source", ExitSource::NAMES)?);
                self.settings.push((source, "--exit-source"));
            }
            "init" => self.settings.push((Setting::Init(args.value()?.into()), "--init")),
            "pid-file" => self.pid_file = Some(args.value()?.into()),
            "console-socket" => self.console = Some(args.value()?.into()),
            "preserve-fds" => {
                let text = args.string()?;
                let count = text.parse().ok().filter(|count| *count <= nexcage_handover::MAX_EXTRA_FDS);
                let wrong = || {
                    let most = nexcage_handover::MAX_EXTRA_FDS;
                    Failure::usage(format!("--preserve-fds {text:?}: expected a number up to {most}"))
                };
                self.preserve_fds = Some(count.ok_or_else(wrong)?);
            }
            "template" | "rootfs-storage" => drop(self.ct.insert(name.to_owned(), args.string()?)),
            "keep" => self.afterwards = Some(Afterwards::Keep),
            "remove" => self.deed = Some(Deed::Remove),
            other => return Err(Failure::usage(format!("--{other} has no meaning here"))),
        }
        Ok(())
    }

    fn run(mut self) -> Result<Command, Failure> {
        self.without_those_of_gc()?;
        let bundle = self.bundle.take().unwrap_or_else(|| ".".into()).into();
        let (config, pid_file, console) = (self.config.take(), self.pid_file.take(), self.console.take());
        let preserve_fds = self.preserve_fds.unwrap_or(0);
        let afterwards = self.afterwards.unwrap_or(Afterwards::Remove);
        let ct = std::mem::take(&mut self.ct);
        let target = self.target("run")?;
        Ok(Command::Run(Box::new(Options {
            target,
            bundle,
            config,
            pid_file,
            console,
            preserve_fds,
            afterwards,
            ct,
        })))
    }

    fn gc(self) -> Result<Command, Failure> {
        self.without_those_of_run()?;
        if self.id.is_some() || self.namespace.is_some() {
            return Err(Failure::usage("gc looks at all containers of a root"));
        }
        let configuration = self.configuration("gc")?;
        let root = root(self.root, &configuration)?;
        Ok(Command::Gc {
            root,
            configuration: Box::new(configuration),
            deed: self.deed.unwrap_or(Deed::List),
        })
    }

    fn serve(self) -> Result<Command, Failure> {
        self.without_those_of_run()?;
        self.without_those_of_gc()?;
        self.target("serve").map(Box::new).map(Command::Serve)
    }

    fn recover(self) -> Result<Command, Failure> {
        self.without_those_of_run()?;
        self.without_those_of_gc()?;
        let configuration = self.configuration("recover")?;
        let root = root(self.root, &configuration)?;
        Ok(Command::Recover {
            root,
            namespace: self.namespace,
            id: self.id,
            configuration: Box::new(configuration),
        })
    }

    fn without_those_of_run(&self) -> Result<(), Failure> {
        match self.of_run.first() {
            Some(name) => Err(Failure::usage(format!("--{name} is an option of run"))),
            None => Ok(()),
        }
    }

    fn without_those_of_gc(&self) -> Result<(), Failure> {
        match self.deed {
            Some(_) => Err(Failure::usage("--remove is an option of gc")),
            None => Ok(()),
        }
    }

    fn configuration(&self, command: &str) -> Result<Configuration, Failure> {
        // The errors of a configuration are those of a run as well.
        let mut configuration = Configuration::read(None).map_err(|error| {
            let error = Error::from(Box::new(error));
            let status = error.run_status();
            if command == "run" { Failure::from(error).with_status(status) } else { error.into() }
        })?;
        for (setting, option) in &self.settings {
            configuration.set(setting.clone(), Origin::Option(option));
        }
        Ok(configuration)
    }

    fn target(self, command: &str) -> Result<Target, Failure> {
        let configuration = self.configuration(command)?;
        let root = root(self.root, &configuration)?;
        let id = self.id.ok_or_else(|| Failure::usage(format!("{command} needs --id")))?;
        Ok(Target { root, namespace: self.namespace.unwrap_or_default(), id, configuration })
    }
}

fn root(given: Option<Root>, configuration: &Configuration) -> Result<Root, Failure> {
    given.map_or_else(|| Root::new(&configuration.root).map_err(Failure::from), Ok)
}
