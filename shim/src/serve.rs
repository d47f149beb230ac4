//! How a shim begins: with an id that it takes or takes over, a socket, and a loop.

use crate::backend::Left;
use crate::error::Error;
use crate::fault::{self, Place};
use crate::fork::{self, Fork};
use crate::handover::bind;
use crate::signals::{Inherited, Signals};
use crate::stdio::{Stdin, Stdio};
use crate::supervisor::{Foreground, Mode, Supervisor};
use crate::wait::Deadline;
use crate::work::Site;
use crate::work::create::Creation;
use crate::work::tear_down::{TEARDOWN, remove};
use nexcage_configuration::Configuration;
use nexcage_record::{ContainerDir, ContainerId, Error as RecordError, Namespace, Record, Root, Step};
use nexcage_task_api::client::Terms;
use nexcage_task_api::shim::RemoveRequest;
use nexcage_task_api::{Client, method};
use rustix::fs::{FlockOperation, Mode as FileMode, flock};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long another successor may take to take over, and how often that is looked at.
const SUCCESSION: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_millis(2);

/// Which container is meant.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) root: Root,
    pub(crate) namespace: Namespace,
    pub(crate) id: ContainerId,
    pub(crate) configuration: Configuration,
}

/// What `run` was asked for.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) target: Target,
    pub(crate) bundle: PathBuf,
    /// A file, or `-`, whose text replaces the rendered LXC configuration.
    pub(crate) config: Option<PathBuf>,
    pub(crate) pid_file: Option<PathBuf>,
    pub(crate) console: Option<PathBuf>,
    pub(crate) preserve_fds: u32,
    pub(crate) afterwards: Afterwards,
    /// What is asked of a CT, by the names of options.
    pub(crate) ct: BTreeMap<String, String>,
}

/// What becomes of a container whose process has ended in the foreground.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Afterwards {
    Remove,
    Keep,
}

/// Runs a container in the foreground and gives the status of its process.
pub(crate) fn run(options: Options) -> Result<u8, Error> {
    let extra = nexcage_setup::keep_inherited(options.preserve_fds)
        .map_err(Error::system("take the descriptors to be preserved"))?;
    let inherited = Inherited::read()?;
    let (lxc_config, stdin) = given_config(options.config.as_deref())?;
    let signals = Signals::catch_all(inherited)?;
    let stdio = Stdio::take(stdin)?;
    let ends = stdio.ends()?;
    let backend = options.target.configuration.backend;
    let (site, lock) = take(options.target, inherited)?;
    let creation = Creation {
        bundle: options.bundle,
        rootfs: Vec::new(),
        lxc_config,
        backend,
        stdio,
        extra,
        listen_fds: listening().min(options.preserve_fds),
        console: options.console,
        diagnostics: None,
        logger: None,
        foreground: options.afterwards == Afterwards::Remove,
        typed: options.ct,
    };
    let listener = listen(&site.dir).inspect_err(|_| drop(site.dir.remove()))?;
    let foreground = Foreground::new(creation, ends, options.pid_file, options.afterwards);
    Supervisor::new(site, Mode::Foreground(Box::new(foreground)), lock, listener, signals)?.run()
}

/// How many descriptors are handed on as sd_listen_fds(3) has it, if they are meant for this process.
fn listening() -> u32 {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
    let is_meant = number("LISTEN_PID") == Some(std::process::id());
    number("LISTEN_FDS").filter(|_| is_meant).unwrap_or_default()
}

/// Nothing of the caller's stays open in a shim.
fn close_inherited() -> Result<(), Error> {
    nexcage_setup::keep_inherited(0).map(drop).map_err(Error::system("close inherited descriptors"))
}

/// The engine that a shim works for.
#[derive(Debug, Default)]
pub(crate) struct Engine {
    /// Its socket that takes events.
    pub(crate) events: Option<PathBuf>,
    /// The FIFO from which it takes what the shim has to say.
    pub(crate) log: Option<PathBuf>,
}

/// Takes the id and serves it in the background; returns when it does.
pub(crate) fn serve(target: Target, engine: Engine) -> Result<(), Error> {
    close_inherited()?;
    let inherited = Inherited::read()?;
    let (site, lock) = take(target, inherited)?;
    let listener = listen(&site.dir).inspect_err(|_| drop(site.dir.remove()))?;
    fault::at(Place::Serving);
    let log = engine.log.unwrap_or_else(|| site.dir.log());
    in_background(&log, move |ready| {
        let signals = Signals::catch_all(inherited)?;
        let mut supervisor = Supervisor::new(site, Mode::Served, lock, listener, signals)?;
        if let Some(events) = engine.events {
            supervisor.forward_events(events);
        }
        ready();
        supervisor.run().map(drop)
    })
}

/// How long a shim that lives, or LXC, may take to remove a container: containerd waits five seconds.
const REMOVAL: Duration = Duration::from_secs(4);

/// Removes a container, whatever its state and whether its shim lives, and gives its last record. There
/// may be none.
pub(crate) fn clean(target: &Target) -> Result<Option<Record>, Error> {
    close_inherited()?;
    let inherited = Inherited::read()?;
    let dir = target.root.container(&target.namespace, &target.id);
    let deadline = Deadline::after(REMOVAL);
    loop {
        let record = dir.read().ok();
        match dir.lock() {
            Ok(Some(_lock)) => {
                let half_made = record.as_ref().is_none_or(|record| record.step == Some(Step::Create));
                let what = if half_made { Left::HalfMade } else { Left::Whole };
                let site = site_of(&dir, target.configuration.clone(), inherited)?;
                return remove(&site, record.as_ref(), None, (what, REMOVAL)).map(|()| record);
            }
            Err(RecordError::NotFound { .. }) => return Ok(record),
            Err(error) => return Err(error.into()),
            Ok(None) if deadline.is_over() => {
                return Err(Error::Timeout { doing: "the shim's end", limit: REMOVAL, words: String::new() });
            }
            Ok(None) => {
                ask_for_removal(&dir, target.id.as_str());
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

/// Has a shim remove its container. Whether it did is seen by its lock.
fn ask_for_removal(dir: &ContainerDir, id: &str) {
    let removal = || {
        let mut client = Client::connect(&dir.socket())?;
        let terms = Terms { deadline: Some(Instant::now() + REMOVAL), ..Terms::default() };
        client.call_with::<method::Remove>(&RemoveRequest { id: id.to_owned() }, terms)
    };
    if let Err(error) = removal() {
        log::debug!("{}", nexcage_cli::causes(&error));
    }
}

/// Starts successors of dead shims: that of one container, or all below a root. Each serves when this
/// returns, or has done what was left to do.
pub(crate) fn recover(
    root: &Root,
    namespace: Option<&Namespace>,
    id: Option<&ContainerId>,
    configuration: &Configuration,
) -> Result<(), Error> {
    close_inherited()?;
    let inherited = Inherited::read()?;
    let dirs = match id {
        Some(id) => vec![root.container(&namespace.cloned().unwrap_or_default(), id)],
        None => root.containers(namespace)?,
    };
    let mut result = Ok(());
    for dir in dirs {
        let recovered = recover_one(&dir, configuration, inherited);
        match recovered {
            // It has gone since the directory was read.
            Err(RecoveryError::Gone(error)) if id.is_some() => return Err(error),
            Err(RecoveryError::Gone(_)) | Ok(()) => {}
            Err(RecoveryError::Other(error)) => {
                if let Err(earlier) = result {
                    log::error!("{}", nexcage_cli::causes(&earlier));
                }
                result = Err(error);
            }
        }
    }
    result
}

enum RecoveryError {
    /// There is no such container.
    Gone(Error),
    Other(Error),
}

fn recover_one(
    dir: &ContainerDir,
    configuration: &Configuration,
    inherited: Inherited,
) -> Result<(), RecoveryError> {
    let lock = match lock_of_dead(dir) {
        Ok(Some(lock)) => lock,
        // Its shim lives, or another successor was faster.
        Ok(None) => return Ok(()),
        Err(error @ RecordError::NotFound { .. }) => return Err(RecoveryError::Gone(error.into())),
        Err(error) => return Err(RecoveryError::Other(error.into())),
    };
    let begin = || {
        let site = site_of(dir, configuration.clone(), inherited)?;
        in_background(&dir.log(), move |ready| {
            let listener = listen(&site.dir)?;
            let signals = Signals::catch_all(inherited)?;
            let mut supervisor = Supervisor::new(site, Mode::Served, lock, listener, signals)?;
            supervisor.take_over()?;
            supervisor.work_off()?;
            ready();
            supervisor.run().map(drop)
        })
    };
    begin().map_err(RecoveryError::Other)
}

/// The lock of a container whose shim is dead; `None` if it lives. A worker dies a moment after its
/// shim, and another successor takes a moment to write itself down: both have the lock until then.
fn lock_of_dead(dir: &ContainerDir) -> Result<Option<File>, RecordError> {
    let deadline = Deadline::after(SUCCESSION);
    loop {
        let lock = dir.lock()?;
        let lives = dir.read().map_or(true, |record| record.shim.is_alive());
        if lock.is_some() || lives || deadline.is_over() {
            return Ok(lock);
        }
        std::thread::sleep(LOOK);
    }
}

/// The site of a container's directory, whose names it has.
fn site_of(dir: &ContainerDir, configuration: Configuration, inherited: Inherited) -> Result<Site, Error> {
    let name = |path: Option<&Path>| {
        let name = path.and_then(Path::file_name).unwrap_or_default();
        name.to_string_lossy().into_owned()
    };
    let id = ContainerId::new(&name(Some(dir.path())))?;
    let namespace = Namespace::new(&name(dir.path().parent()))?;
    site(dir.clone(), namespace, id, configuration, inherited)
}

fn site(
    dir: ContainerDir,
    namespace: Namespace,
    id: ContainerId,
    configuration: Configuration,
    inherited: Inherited,
) -> Result<Site, Error> {
    let parent = dir.path().parent().unwrap_or(dir.path());
    let in_use = File::open(parent).and_then(|file| {
        flock(&file, FlockOperation::LockShared)?;
        Ok(file)
    });
    Ok(Site {
        in_use: in_use.map_err(Error::system(format!("lock {}", parent.display())))?,
        init: configuration.init.clone(),
        limit: configuration.timeout,
        exit_source: configuration.exit_source,
        dir,
        namespace,
        id,
        configuration,
        inherited,
    })
}

/// Takes the id. What a dead shim has left of a container that was half-made, half-removed, or run in
/// the foreground and has ended, is removed first.
fn take(target: Target, inherited: Inherited) -> Result<(Site, File), Error> {
    let Target { root, namespace, id, configuration } = target;
    let dir = root.container(&namespace, &id);
    loop {
        match dir.create() {
            Ok(lock) => {
                fault::at(Place::IdTaken);
                let site = site(dir.clone(), namespace, id, configuration, inherited);
                return site.map(|site| (site, lock)).inspect_err(|_| drop(dir.remove()));
            }
            Err(exists @ RecordError::Exists { .. }) => {
                let lock = match dir.lock() {
                    Ok(Some(lock)) => lock,
                    // It has gone just now.
                    Err(RecordError::NotFound { .. }) => continue,
                    Ok(None) => return Err(exists.into()),
                    Err(error) => return Err(error.into()),
                };
                let record = dir.read().ok();
                let (what, is_left) = match &record {
                    None => (Left::HalfMade, true),
                    Some(record) if record.step == Some(Step::Create) => (Left::HalfMade, true),
                    Some(record) => {
                        let ended = record.foreground && record.observe().pid.is_none();
                        (Left::Whole, record.step == Some(Step::Delete) || ended)
                    }
                };
                if !is_left {
                    return Err(exists.into());
                }
                log::info!("removing what an earlier shim left in {}", dir.path().display());
                let site =
                    site(dir.clone(), namespace.clone(), id.clone(), configuration.clone(), inherited)?;
                remove(&site, record.as_ref(), None, (what, TEARDOWN))?;
                drop(lock);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Binds the shim's socket; a dead shim's is replaced.
fn listen(dir: &ContainerDir) -> Result<UnixListener, Error> {
    let (path, socket) = (dir.path(), dir.socket());
    let name = socket.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let listen = || {
        match fs::remove_file(&socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = bind(path, &name)?;
        rustix::fs::chmod(&socket, FileMode::RUSR | FileMode::WUSR)?;
        Ok(listener)
    };
    listen().map_err(Error::system(format!("bind {}", socket.display())))
}

/// Goes on in the background, and returns here when that calls `ready`, or has ended without an error.
fn in_background(log: &Path, work: impl FnOnce(&mut dyn FnMut()) -> Result<(), Error>) -> Result<(), Error> {
    let pair = UnixStream::pair().map_err(Error::system("make a socket pair"))?;
    let (mut ours, theirs) = pair;
    match fork::fork_detached().map_err(Error::system("go into the background"))? {
        Fork::Parent(_) => {
            drop(theirs);
            let mut told = Vec::new();
            ours.read_to_end(&mut told).map_err(Error::system("wait for the shim"))?;
            match told.split_first() {
                Some((&READY, _)) => Ok(()),
                _ => match serde_json::from_slice(&told) {
                    Ok(told) => Err(Error::Told(told)),
                    Err(_) => Err(Error::WorkerDied { doing: "serve the container" }),
                },
            }
        }
        Fork::Child => {
            drop(ours);
            let mut teller = Some(theirs);
            let result = leave_caller(log).and_then(|()| {
                work(&mut || {
                    if let Some(mut teller) = teller.take() {
                        drop(teller.write_all(&[READY]));
                    }
                })
            });
            if let Err(error) = &result {
                log::error!("{}", nexcage_cli::causes(error));
                if let (Some(mut teller), Ok(text)) =
                    (teller, serde_json::to_vec(&crate::error::Told::of(error)))
                {
                    drop(teller.write_all(&text));
                }
            }
            fork::exit(i32::from(result.is_err()))
        }
    }
}

/// What a shim says when it serves.
const READY: u8 = b'+';

/// Becomes independent of the caller: a session of its own, nothing of the caller's open.
fn leave_caller(log: &Path) -> Result<(), Error> {
    let leave = || {
        rustix::process::setsid()?;
        std::env::set_current_dir("/")?;
        let null = File::options().read(true).write(true).open("/dev/null")?;
        rustix::stdio::dup2_stdin(&null)?;
        rustix::stdio::dup2_stdout(&null)?;
        Ok(rustix::stdio::dup2_stderr(open_log(log)?)?)
    };
    leave().map_err(Error::system("go into the background"))
}

/// A file, or an engine's FIFO. That is opened both ways, so that nobody who writes to it dies while the
/// engine is gone, and nobody waits for it: what does not fit is lost.
fn open_log(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
    if fs::metadata(path).is_ok_and(|file| file.file_type().is_fifo()) {
        return File::options().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(path);
    }
    File::options().create(true).append(true).open(path)
}

fn given_config(source: Option<&Path>) -> Result<(Option<(PathBuf, String)>, Stdin), Error> {
    let Some(path) = source else {
        return Ok((None, Stdin::Inherit));
    };
    let (text, stdin) = if path == Path::new("-") {
        (io::read_to_string(io::stdin()), Stdin::Null)
    } else {
        (fs::read_to_string(path), Stdin::Inherit)
    };
    let text = text.map_err(|source| Error::Input { path: path.to_owned(), source })?;
    Ok((Some((path.to_owned(), text)), stdin))
}
