//! The command line of `lxc-render-config`.

mod explain;
mod request;

use crate::{Fate, Hooks, LxcConfig, Refusal, RenderError, Rendered, pve, render, report};
use bundle_validate::{Bundle, Report, validate};
use nexcage_cli::{Args, Code, Diagnose, Failure, Opt, Tool, print};
use nexcage_handover::TaskBuf;
use nexcage_setup::plan::Step;
use request::{Form, Request, Target, Task};
use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// What the tool says about itself.
pub static TOOL: Tool = Tool {
    name: "lxc-render-config",
    summary: "render an OCI bundle as an LXC configuration",
    usage: &["[OPTIONS] [BUNDLE|CONFIG|-]", "--explain [--report text|json] [FIELD]"],
    options: &[
        Opt {
            long: "target",
            short: None,
            value: Some("lxc|pve"),
            help: "What is printed: a configuration for LXC, or that of a CT of Proxmox VE. Default lxc.",
        },
        Opt {
            long: "include",
            short: None,
            value: Some("FILE"),
            help: "With --target pve: the file that the CT's configuration includes; it is written too.",
        },
        Opt {
            long: "lxc-version",
            short: None,
            value: Some("5|6|7"),
            help: "The oldest LXC that has to understand the configuration. Default 5.",
        },
        Opt {
            long: "cgroup",
            short: None,
            value: Some("auto|v1|v2"),
            help: "The version of cgroups that limits are written for; auto looks at this host. Default auto.",
        },
        Opt {
            long: "allow-loss",
            short: None,
            value: Some("RULE"),
            help: "Render without a field that is refused, such as /linux/intelRdt. May be given more than once.",
        },
        Opt {
            long: "report",
            short: None,
            value: Some("text|json"),
            help: "Print, instead of the configuration, what each value of config.json becomes; json is one object a line.",
        },
        Opt {
            long: "explain",
            short: None,
            value: None,
            help: "Print what becomes of a field of the specification and those below it, or of all.",
        },
    ],
    statuses: &[
        ("0", "What was asked for is on stdout."),
        ("1", "The bundle breaks the specification, or the output cannot be written."),
        ("2", "The command line is wrong."),
        ("3", "The bundle or its root file system cannot be read."),
        ("4", "The bundle asks for something that cannot be expressed or is unsafe."),
    ],
};

/// Said before the names of fields.
const LEFT_OUT: &str = "not the whole container: nexcage-shim, nexcage-setup and nexcage-init carry out";

/// Validates a bundle, renders it and prints the configuration; or does what else was asked for.
///
/// # Errors
/// A wrong command line, a bundle that cannot be read, is invalid or is refused, or an output that
/// cannot be written. Nothing is printed then, but for the report on a refused bundle.
pub fn main(args: Args) -> Result<u8, Failure> {
    let request = request::parse(args)?;
    match &request.task {
        Task::Explain(field) => explain::explain(field.as_deref(), request.report)?,
        Task::Render(bundle) => run(&request, bundle)?,
    }
    Ok(0)
}

fn run(request: &Request, bundle: &Path) -> Result<(), Failure> {
    let bundle = Bundle::open(bundle)?;
    let findings = validate(&bundle, &bundle_validate::Options::default());
    if findings.has_errors() {
        return Err(Invalid(findings).into());
    }
    let rendered = render(&bundle, &request.options);
    if let Some(form) = request.report {
        let losses: &[Refusal] = match &rendered {
            Ok(rendered) => &rendered.losses,
            Err(RenderError::Refused(refusals)) => refusals,
            Err(_) => &[],
        };
        print_report(&report(&bundle, losses), form)?;
        rendered?;
        return Ok(());
    }
    let rendered = rendered?;
    rendered.losses.iter().for_each(|loss| log::warn!("lost: {loss}"));
    let fields = left_out(&rendered);
    // Not a warning: it is so of every bundle.
    log::info!("{LEFT_OUT} {fields}; --report tells more");
    print(text(&rendered, &request.target, &fields)?.as_bytes())
}

fn print_report(fates: &[Fate], form: Form) -> Result<(), Failure> {
    let line = |fate: &Fate| match form {
        Form::Text => format!("{fate}\n"),
        Form::Json => format!("{}\n", fate.json()),
    };
    print(fates.iter().map(line).collect::<String>().as_bytes())
}

/// The fields that need more than LXC: none of their values is complete in the text alone.
fn left_out(rendered: &Rendered) -> String {
    let mut fields = BTreeSet::from(["/process".to_owned()]);
    for Step { pointer, .. } in &rendered.steps {
        let list = pointer.rsplit_once('/').map_or("", |(list, _)| list);
        // What the bundle does not ask for itself belongs to its mounts.
        fields.insert(if list.is_empty() { "/mounts" } else { list }.to_owned());
    }
    let tasks = &rendered.process.tasks;
    for (field, is_left) in [
        ("/mounts", !rendered.prepare.is_empty()),
        ("/hooks", rendered.hooks != Hooks::default()),
        ("/linux/seccomp", rendered.seccomp.is_some()),
        ("/linux/devices", tasks.iter().any(|task| matches!(task, TaskBuf::Node { .. }))),
        ("/linux/rootfsPropagation", tasks.iter().any(|task| matches!(task, TaskBuf::Propagation { .. }))),
    ] {
        fields.extend(is_left.then(|| field.to_owned()));
    }
    fields.into_iter().collect::<Vec<_>>().join(", ")
}

/// What is printed; the included file of a CT is written before.
fn text(rendered: &Rendered, target: &Target, left_out: &str) -> Result<String, Failure> {
    let head = format!("# Rendered by {}.\n# {LEFT_OUT}\n# {left_out}\n", TOOL.name);
    let marked = |config: &LxcConfig| format!("{head}{config}");
    let include = match target {
        Target::Lxc => return Ok(marked(&rendered.config)),
        Target::Pve(include) => include,
    };
    let full = std::path::absolute(include).map_err(|source| WriteError(include.clone(), source))?;
    let wishes = pve::Wishes::read(&Default::default(), &rendered.annotations)?;
    let about = pve::About {
        id: "",
        namespace: "",
        bundle: rendered.rootfs.parent().unwrap_or(&rendered.rootfs),
        rootfs: pve::Rootfs::ContainerRoot(&rendered.rootfs),
        include: &full,
        annotations: &rendered.annotations,
        wishes: &wishes,
    };
    let ct = pve::conf(&rendered.config, &about, pve::Host::this())?;
    write(&full, &marked(&ct.include(&rendered.config)?))?;
    Ok(ct.conf)
}

/// Writes a file in one step: beside it first, then over it. A symbolic link is replaced, not
/// followed.
fn write(path: &Path, text: &str) -> Result<(), WriteError> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    let beside = PathBuf::from(name);
    let written =
        fs::OpenOptions::new().write(true).create_new(true).mode(0o644).open(&beside).and_then(|mut file| {
            file.write_all(text.as_bytes()).and_then(|()| fs::rename(&beside, path)).inspect_err(|_| {
                drop(fs::remove_file(&beside));
            })
        });
    written.map_err(|source| WriteError(path.to_owned(), source))
}

/// The bundle breaks the specification.
#[derive(Debug)]
struct Invalid(Report);

/// The included file cannot be written.
#[derive(Debug)]
struct WriteError(PathBuf, io::Error);

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

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot write {}", self.0.display())
    }
}

impl std::error::Error for Invalid {}

impl std::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.1)
    }
}

impl Diagnose for Invalid {
    fn code(&self) -> Code {
        Code::Invalid
    }
}

impl Diagnose for WriteError {
    fn code(&self) -> Code {
        Code::Output
    }
}
