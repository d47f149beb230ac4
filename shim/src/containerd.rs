//! The command line that containerd has for every shim: the same binary, by its other name.

use crate::error::{Error, Refusal};
use crate::rootfs;
use crate::serve::{self, Engine, Target};
use nexcage_cli::{Arg, Args, Failure, Opt, Tool};
use nexcage_configuration::Configuration;
use nexcage_record::{ContainerId, Namespace, Root};
use nexcage_task_api::bootstrap::{BootstrapParams, RuntimeInfo, RuntimeOptions, RuntimeVersion};
use nexcage_task_api::task::DeleteResponse;
use nexcage_task_api::{Any, Message as _, Timestamp};
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What `containerd-shim-nexcage-v2 --help` says.
pub static TOOL: Tool = Tool {
    name: "containerd-shim-nexcage-v2",
    summary: "containerd's way to nexcage-shim: one shim for a container",
    usage: &["[OPTIONS] start", "[OPTIONS] delete"],
    options: &[
        option("namespace", Some("NAME"), "containerd's namespace."),
        option("id", Some("ID"), "The container's id."),
        option("bundle", Some("DIR"), "delete: the bundle. Default: the working directory."),
        option("address", Some("PATH"), "containerd's own socket, which is not used."),
        option("publish-binary", Some("FILE"), "containerd's own binary, which is not used."),
        option("socket", Some("PATH"), "Not used."),
        option("debug", None, "Log what is done."),
        option("info", None, "Print what this runtime is, for containerd."),
        option("v", None, "Print name and version."),
    ],
    statuses: &[("0", "It is done."), ("1", "It failed; stderr has one line."), ("2", "Wrong command line.")],
};

const fn option(long: &'static str, value: Option<&'static str>, help: &'static str) -> Opt {
    Opt { long, short: None, value, help }
}

/// Most bytes that are read from stdin.
const MOST: u64 = 10 << 20;
/// Longest path that fits into a socket's address.
const LONGEST: usize = 107;
/// Where containerd of version 1 finds the shim again after a restart of its own.
const ADDRESS: &str = "address";
/// The FIFO from which containerd takes what a shim has to say, in the bundle.
const LOG: &str = "log";
/// How soon the kernel kills this process for lack of memory, 1000 at the most (proc(5)).
const SCORE: &str = "/proc/self/oom_score_adj";
/// Names the configuration file in the bundle, for a deletion, which is not told.
const CONFIGURATION: &str = "configuration";
/// The variable that says where containerd takes events.
const EVENTS: &str = "TTRPC_ADDRESS";
/// containerd's name for the type of a features document.
const FEATURES: &str = "types.containerd.io/opencontainers/runtime-spec/1/features/Features";
/// The status of a process that is killed because its shim is gone.
const KILLED: u32 = 128 + libc::SIGKILL.unsigned_abs();

/// Whether a program of this name is containerd's shim.
#[must_use]
pub fn is_meant(program: &OsStr) -> bool {
    Path::new(program).file_name().is_some_and(|name| name == TOOL.name)
}

/// The main of containerd's shim.
///
/// # Errors
/// A wrong command line, or what was asked for could not be done.
pub fn main(args: Args) -> Result<u8, Failure> {
    let typed = Typed::read(args.with_single_dash_names())?;
    match (typed.question, typed.action.as_deref()) {
        (Some(Question::Version), _) => nexcage_cli::print(TOOL.version().as_bytes())?,
        (Some(Question::Info), _) => nexcage_cli::print(&info(&stdin()).to_bytes())?,
        (None, Some("start")) => start(&typed)?,
        (None, Some("delete")) => delete(&typed)?,
        (None, Some(other)) => return Err(Failure::usage(format!("unknown action {other:?}"))),
        (None, None) => return Err(Failure::usage("no action given")),
    }
    Ok(0)
}

/// What is asked for without an action.
#[derive(Debug, Clone, Copy)]
enum Question {
    Version,
    Info,
}

/// The command line as typed.
#[derive(Debug, Default)]
struct Typed {
    id: String,
    namespace: String,
    bundle: Option<PathBuf>,
    question: Option<Question>,
    action: Option<String>,
}

impl Typed {
    fn read(mut args: Args) -> Result<Self, Failure> {
        let mut typed = Typed::default();
        while let Some(arg) = args.next()? {
            match arg {
                Arg::Option("id") => typed.id = args.string()?,
                Arg::Option("namespace") => typed.namespace = args.string()?,
                Arg::Option("bundle") => typed.bundle = Some(args.value()?.into()),
                Arg::Option("debug") => {
                    if args.flag()? {
                        nexcage_cli::log_verbosely();
                    }
                }
                Arg::Option("info") => typed.question = args.flag()?.then_some(Question::Info),
                Arg::Option("v") => typed.question = args.flag()?.then_some(Question::Version),
                Arg::Option(_) => drop(args.value()?),
                Arg::Value(action) => typed.action = Some(action.to_string_lossy().into_owned()),
            }
        }
        Ok(typed)
    }

    fn target(&self, configuration: Option<&Path>) -> Result<Target, Failure> {
        let configuration =
            Configuration::read(configuration).map_err(|error| Error::from(Box::new(error)))?;
        let root = Root::new(&configuration.root)?;
        let (id, namespace) = (ContainerId::new(&self.id)?, Namespace::new(&self.namespace)?);
        Ok(Target { root, namespace, id, configuration })
    }
}

/// Starts the shim of a container, and says where it serves. Nothing else may be printed, and the shim
/// must not have stdout or stderr open: containerd waits for their end.
fn start(typed: &Typed) -> Result<(), Failure> {
    let told = Told::read(&stdin(), typed);
    let target = typed.target(told.configuration.as_deref())?;
    if let Some(path) = &told.configuration {
        let kept = write(CONFIGURATION, path.as_os_str().as_bytes());
        kept.map_err(Error::system("write the configuration's name into the bundle"))?;
    }
    let socket = target.root.container(&target.namespace, &target.id).socket();
    if socket.as_os_str().len() > LONGEST {
        return Err(Error::from(Refusal::LongSocket { path: socket }).into());
    }
    be_killed_sooner().map_err(Error::system("write /proc/self/oom_score_adj"))?;
    let log =
        fs::canonicalize(LOG).ok().filter(|log| log.metadata().is_ok_and(|file| file.file_type().is_fifo()));
    serve::serve(target, Engine { events: told.events, log })?;
    let address = format!("unix://{}", socket.display());
    write(ADDRESS, address.as_bytes()).map_err(Error::system("write the shim's address into the bundle"))?;
    nexcage_cli::print(address.as_bytes())
}

/// Should memory lack, the kernel ends a shim before it ends containerd, whose score this process has.
fn be_killed_sooner() -> io::Result<()> {
    let score = fs::read_to_string(SCORE)?.trim().parse().unwrap_or(0_i32);
    fs::write(SCORE, (score + 1).min(1000).to_string())
}

/// Writes a file of the bundle, whole.
fn write(name: &str, text: &[u8]) -> io::Result<()> {
    let new = format!(".{name}");
    fs::write(&new, text)?;
    fs::rename(&new, name)
}

/// Removes what there is of a container whose shim is gone, or ought to be, and tells how its process
/// ended.
fn delete(typed: &Typed) -> Result<(), Failure> {
    let bundle = typed.bundle.clone().unwrap_or_else(|| PathBuf::from("."));
    let configuration = fs::read(bundle.join(CONFIGURATION)).ok();
    let configuration = configuration.as_ref().map(|path| Path::new(OsStr::from_bytes(path)));
    let target = typed.target(configuration)?;
    let record = serve::clean(&target)?;
    rootfs::unmount_from(&bundle.join("rootfs"))?;
    let exit = record.as_ref().and_then(|record| record.exit).filter(|exit| !exit.lost);
    let pid = record.and_then(|record| record.process).map_or(0, |process| process.pid.unsigned_abs());
    let response = DeleteResponse {
        pid,
        exit_status: exit.map_or(KILLED, |exit| exit.status.into()),
        exited_at: Some(Timestamp::from(exit.map_or_else(SystemTime::now, |exit| exit.at.time()))),
    };
    nexcage_cli::print(&response.to_bytes())
}

fn info(stdin: &[u8]) -> RuntimeInfo {
    RuntimeInfo {
        name: "io.containerd.nexcage.v2".to_owned(),
        version: Some(RuntimeVersion {
            version: nexcage_cli::VERSION.to_owned(),
            revision: nexcage_cli::COMMIT.to_owned(),
        }),
        options: Any::decode(stdin).ok().filter(|options| !options.type_url.is_empty()),
        features: Some(Any::json(FEATURES, nexcage_mapping::features().to_string().into_bytes())),
    }
}

/// What comes by stdin. Whatever cannot be read is as good as nothing.
fn stdin() -> Vec<u8> {
    let mut bytes = Vec::new();
    drop(io::stdin().lock().take(MOST).read_to_end(&mut bytes));
    bytes
}

/// What containerd tells a shim that is to start.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    configuration: Option<PathBuf>,
    /// The socket that takes events.
    events: Option<PathBuf>,
}

/// The configuration file that options name.
fn configuration(options: &Any) -> Option<PathBuf> {
    let path = options.unpack::<RuntimeOptions>().ok()??.config_path;
    Some(path).filter(|path| !path.is_empty()).map(PathBuf::from)
}

impl Told {
    fn read(stdin: &[u8], typed: &Typed) -> Self {
        let environment = std::env::var_os(EVENTS).map(|address| address.as_bytes().to_owned());
        let (mut told, mut events) = (Told::default(), environment.unwrap_or_default());
        // The first two fields of both messages are strings; these can only be the one's.
        match BootstrapParams::decode(stdin) {
            Ok(params) if params.instance_id == typed.id && params.namespace == typed.namespace => {
                if !params.containerd_ttrpc_address.is_empty() {
                    events = params.containerd_ttrpc_address.into_bytes();
                }
                let extensions = params.extensions.into_iter().filter_map(|extension| extension.value);
                told.configuration = extensions.filter_map(|any| configuration(&any)).next();
            }
            _ => told.configuration = Any::decode(stdin).ok().and_then(|any| configuration(&any)),
        }
        let events = events.strip_prefix(b"unix://").unwrap_or(&events);
        told.events = Some(PathBuf::from(OsStr::from_bytes(events))).filter(|path| path.is_absolute());
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexcage_task_api::bootstrap::Extension;

    fn typed(args: &[&str]) -> Typed {
        Typed::read(Args::from_list(&TOOL, args).with_single_dash_names()).unwrap()
    }

    #[test]
    fn a_command_line_of_containerd_is_read() {
        let typed = typed(&[
            "-namespace",
            "k8s.io",
            "-address",
            "/run/containerd/containerd.sock",
            "-publish-binary",
            "/usr/bin/containerd",
            "-id=c1",
            "-debug",
            "start",
        ]);
        assert_eq!((typed.namespace.as_str(), typed.id.as_str()), ("k8s.io", "c1"));
        assert_eq!(typed.action.as_deref(), Some("start"));
        let typed = self::typed(&["-namespace", "n", "-id", "c", "-bundle", "/b", "delete"]);
        assert_eq!(
            (typed.bundle.as_deref(), typed.action.as_deref()),
            (Some(Path::new("/b")), Some("delete"))
        );
        assert!(matches!(self::typed(&["-info"]).question, Some(Question::Info)));
        assert!(matches!(self::typed(&["-v"]).question, Some(Question::Version)));
    }

    #[test]
    fn parameters_and_options_are_told_apart() {
        let typed = typed(&["-namespace", "n", "-id", "c"]);
        let params = BootstrapParams {
            instance_id: "c".into(),
            namespace: "n".into(),
            containerd_ttrpc_address: "unix:///run/t".into(),
            ..BootstrapParams::default()
        };
        let told = Told::read(&params.to_bytes(), &typed);
        assert_eq!((told.configuration, told.events), (None, Some("/run/t".into())));
        let options = RuntimeOptions { config_path: "/etc/x".into(), ..RuntimeOptions::default() };
        let other = Extension { value: Some(Any { type_url: "other".into(), value: vec![1] }) };
        let extensions = vec![other, Extension { value: Some(Any::pack(&options)) }];
        let told = Told::read(&BootstrapParams { extensions, ..params }.to_bytes(), &typed);
        assert_eq!((told.configuration, told.events), (Some("/etc/x".into()), Some("/run/t".into())));
        let told = Told::read(&Any::pack(&options).to_bytes(), &typed);
        assert_eq!(told.configuration, Some("/etc/x".into()));
        assert_eq!(Told::read(b"\xff\xff", &typed).configuration, None);
    }

    #[test]
    fn containerd_learns_that_owners_can_be_mapped() {
        let features = info(&[]).features.unwrap();
        let document: serde_json::Value = serde_json::from_slice(&features.value).unwrap();
        assert_eq!(document.pointer("/linux/mountExtensions/idmap/enabled"), Some(&true.into()));
    }

    #[test]
    fn the_name_decides() {
        assert!(is_meant(OsStr::new("/usr/bin/containerd-shim-nexcage-v2")));
        assert!(!is_meant(OsStr::new("nexcage-shim")));
    }
}
