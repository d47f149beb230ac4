//! `nexcage-shim run`: a container's whole life in the foreground.

use crate::backend::{self, Backend, Launch};
use crate::configuration::Configuration;
use crate::error::Error;
use crate::exit::{ExitSource, ExitWatch};
use crate::handover::{Init, Meeting, Started, setup_error};
use crate::hooks::HookRunner;
use crate::limits;
use crate::relay::{Ends, Relay, WATCHES};
use crate::seccomp::{self, notify};
use crate::setup::{self, Setup};
use crate::signals::{self, Inherited, Signals};
use crate::stdio::{Stdin, Stdio};
use crate::terminal::Master;
use crate::wait::{Deadline, Watch, wait};
use bundle_validate::{Bundle, Severity};
use lxc_render_config::{LxcConfig, Rendered, Wires};
use nexcage_handover::flags;
use nexcage_record::{
    ContainerDir, ContainerId, Exit, Namespace, ProcessId, Record, Root, Status, Timestamp,
};
use nexcage_setup::plan::Step;
use rustix::process::{Signal, pidfd_send_signal};
use rustix::termios::Winsize;
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long LXC may take to tear a container down before it is helped along.
const TEARDOWN: Duration = Duration::from_secs(10);
/// Where packages put nexcage-init.
const INSTALLED_INIT: &str = "/usr/libexec/nexcage/nexcage-init";

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) id: ContainerId,
    pub(crate) namespace: Namespace,
    pub(crate) root: Root,
    pub(crate) bundle: OsString,
    /// A file, or `-`, whose text replaces the rendered LXC configuration.
    pub(crate) config: Option<PathBuf>,
    pub(crate) backend: backend::Choice,
    pub(crate) exit_source: ExitSource,
    /// For each step of the creation: LXC's start, init's answers.
    pub(crate) limit: Duration,
    /// nexcage-init, if it is not in its usual places.
    pub(crate) init: Option<PathBuf>,
}

/// Runs the container and gives the status of its process.
pub(crate) fn run(options: &Options) -> Result<u8, Error> {
    let configuration = Configuration::read().map_err(Box::new)?;
    nexcage_setup::close_inherited_at_exec()
        .map_err(Error::system("keep open descriptors from the programs that it starts"))?;
    let inherited = Inherited::read()?;
    let (given, stdin) = given_config(options.config.as_deref())?;
    let bundle = Bundle::open(Path::new(&options.bundle)).map_err(Box::new)?;
    validate(&bundle)?;
    let mut rendered = lxc_render_config::render(&bundle, &Default::default()).map_err(Box::new)?;
    if let Some(config) = given {
        rendered.config = config;
    }
    rendered.process.ignored_signals = inherited.ignored;
    rendered.process.blocked_signals = inherited.blocked;
    if let Some(policy) = &rendered.seccomp {
        rendered.process.seccomp = seccomp::compile(policy).map_err(Box::new)?;
    }
    let tools = Tools { init: find_init(options.init.as_deref())?, setup: setup::find(&rendered)? };
    let mut signals = Signals::catch(inherited)?;
    let stdio = Stdio::take(stdin)?;
    // Should LXC's monitor be killed, its container's init becomes our child and can be reaped.
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
        .map_err(|errno| Error::system("become a subreaper")(errno.into()))?;

    let dir = options.root.container(&options.namespace, &options.id);
    let lock = take(&dir, options, &configuration)?;
    let mut container = match Container::make(options, &configuration, &dir, lock, &bundle, &rendered) {
        Ok(container) => container,
        Err(error) => {
            dir.remove()?;
            return Err(error);
        }
    };
    let hooks = HookRunner::new(&rendered, &container.record, tools.setup.as_deref());
    let ended = container.live(options, rendered, &tools, &hooks, &mut signals, stdio);
    let ended = ended.map_err(|error| error.with_words(container.backend.words()));
    if let Err(error) = container.remove() {
        // The status is the process's, or the error the first one; what is left behind is only told.
        log::error!("{}", nexcage_cli::causes(&error));
    }
    hooks.stopped(&mut signals);
    ended
}

/// The installed programs that work in the container.
struct Tools {
    init: PathBuf,
    /// If the bundle needs it.
    setup: Option<PathBuf>,
}

fn given_config(source: Option<&Path>) -> Result<(Option<LxcConfig>, Stdin), Error> {
    let Some(path) = source else {
        return Ok((None, Stdin::Inherit));
    };
    let read = |file: &mut dyn std::io::Read| {
        let mut text = String::new();
        file.read_to_string(&mut text).map(|_| text)
    };
    let (text, stdin) = if path == Path::new("-") {
        (read(&mut std::io::stdin()), Stdin::Null)
    } else {
        (File::open(path).and_then(|mut file| read(&mut file)), Stdin::Inherit)
    };
    let text = text.map_err(|source| Error::Input { path: path.to_owned(), source })?;
    let config = LxcConfig::parse(&text).map_err(Box::new)?;
    if config.get("lxc.rootfs.path").is_none() {
        return Err(Error::NoRootfs { path: path.to_owned() });
    }
    Ok((Some(config), stdin))
}

fn validate(bundle: &Bundle) -> Result<(), Error> {
    let report = bundle_validate::validate(bundle, &Default::default());
    let errors = report.findings().filter(|finding| finding.severity == Severity::Error);
    let errors = errors.inspect(|finding| log::error!("{finding}")).count();
    if errors == 0 { Ok(()) } else { Err(Error::Invalid { errors }) }
}

fn find_init(given: Option<&Path>) -> Result<PathBuf, Error> {
    let beside = || std::env::current_exe().ok()?.parent().map(|directory| directory.join("nexcage-init"));
    let looked: Vec<PathBuf> = match given {
        Some(path) => vec![path.to_owned()],
        None => beside().into_iter().chain([PathBuf::from(INSTALLED_INIT)]).collect(),
    };
    let found = looked.iter().find_map(|path| fs::canonicalize(path).ok().filter(|path| path.is_file()));
    found.ok_or(Error::InitMissing { looked })
}

/// Takes the id. What a dead shim has left of an ended container of that id is removed first.
fn take(dir: &ContainerDir, options: &Options, configuration: &Configuration) -> Result<File, Error> {
    let exists = match dir.create() {
        Err(error @ nexcage_record::Error::Exists { .. }) => error,
        other => return Ok(other?),
    };
    let Some(lock) = dir.lock()? else {
        return Err(exists.into());
    };
    if let Ok(record) = dir.read() {
        if let Some(pid) = record.observe().pid {
            return Err(Error::Orphaned { id: options.id.to_string(), pid });
        }
        let names = (&options.namespace, &options.id);
        let mut left = backend::existing(&record.backend, configuration, dir, names);
        left.tear_down(Deadline::after(TEARDOWN))?;
    }
    log::info!("removing what an earlier shim left in {}", dir.path().display());
    dir.remove()?;
    drop(lock);
    Ok(dir.create()?)
}

/// A container with everything of it that is on the host.
struct Container {
    dir: ContainerDir,
    record: Record,
    backend: Box<dyn Backend>,
    /// Held as long as the shim lives.
    _lock: File,
}

impl Container {
    /// Takes the container's place on the host and writes its record.
    fn make(
        options: &Options,
        configuration: &Configuration,
        dir: &ContainerDir,
        lock: File,
        bundle: &Bundle,
        rendered: &Rendered,
    ) -> Result<Self, Error> {
        let shim = ProcessId::current().ok_or_else(|| Error::system("read /proc/self/stat")(no_proc()))?;
        let path = bundle.directory().and_then(Path::to_str).unwrap_or_default();
        let names = (&options.namespace, &options.id);
        let mut backend = backend::make(options.backend, configuration, dir, names, rendered)?;
        let mut record = Record::new(&options.id, &options.namespace, path, shim, backend.record());
        record.annotations.clone_from(&rendered.annotations);
        if let Err(error) = dir.write(&record) {
            backend.tear_down(Deadline::after(TEARDOWN))?;
            return Err(error.into());
        }
        Ok(Container { dir: dir.clone(), record, backend, _lock: lock })
    }

    /// From nothing to the status of the ended process.
    fn live(
        &mut self,
        options: &Options,
        mut rendered: Rendered,
        tools: &Tools,
        hooks: &HookRunner,
        signals: &mut Signals,
        mut stdio: Stdio,
    ) -> Result<u8, Error> {
        let host_root = rendered.host_root;
        lxc_render_config::prepare_mount_points(&rendered)
            .map_err(Error::system("make mount points in the rootfs"))?;
        let wants_terminal = rendered.process.flags & flags::TERMINAL != 0;
        let ends = wants_terminal.then(|| stdio.take_ends()).transpose()?;
        stdio.own(rendered.host_user.uid, host_root.gid)?;
        let directory = self.dir.path().join("init");
        let meeting = Meeting::prepare(&directory, host_root.uid, host_root.gid)?;
        let setup = tools.setup.as_deref().filter(|_| setup::is_needed(&rendered));
        let wires = Wires { socket_dir: &directory, init: &tools.init, setup };
        lxc_render_config::wire(&mut rendered.config, &mut rendered.steps, wires).map_err(Box::new)?;
        self.backend.launch(std::mem::take(&mut rendered.config))?;

        let deadline = Deadline::after(options.limit);
        if let Some(program) = setup {
            let peer = self.meet(&meeting, host_root.uid, options.limit, signals, deadline)?;
            self.set_up(peer, &rendered.steps, program, hooks, signals)?;
        }
        let deadline = Deadline::after(options.limit);
        let mut init = self.meet(&meeting, host_root.uid, options.limit, signals, deadline)?;
        let master = init.hand_over(&rendered.process, &stdio)?;
        drop(stdio);
        self.await_launch(options.limit, signals, deadline)?;
        limits::apply(init.pid(), &rendered)?;
        let exit = ExitWatch::new(init.pid(), init.pidfd(), options.exit_source)?;
        self.advance(Status::Created, ProcessId::of(init.pid().as_raw_pid()))?;

        meeting.end()?;
        if let Some(signal) = signals.ending() {
            return Err(Error::Interrupted { signal });
        }
        if let Some(mut joiner) = hooks.start((init.pid().as_raw_pid(), init.pidfd()), &rendered.process)? {
            self.await_answer(&mut joiner.setup, signals)?;
        }
        let relay = begin_relay(master, ends, rendered.console_size)?;
        let pid = init.pid().as_raw_pid();
        let pass_on =
            |fd: BorrowedFd<'_>| match rendered.seccomp.as_ref().and_then(|one| one.listener.as_ref()) {
                Some(listener) => {
                    notify::pass_on(fd, &hooks.state("created", Some(pid)), listener, options.limit)
                }
                None => Ok(()),
            };
        match init.go(pass_on)? {
            Started::Failed(failed) => Err(setup_error(failed, &rendered.process)),
            Started::Executed => {
                self.advance(Status::Running, self.record.process)?;
                let came = hooks.started(pid, signals);
                self.supervise(&exit, signals, came, relay)
            }
        }
    }

    /// Has nexcage-setup do its part, with the hooks that come before pivot_root(2).
    fn set_up(
        &mut self,
        peer: Init,
        steps: &[Step],
        program: &Path,
        hooks: &HookRunner,
        signals: &mut Signals,
    ) -> Result<(), Error> {
        let (mut setup, init) = Setup::begin(peer, |pid| self.backend.contains(pid))?;
        setup.ask_for_mounts(steps, program)?;
        self.await_answer(&mut setup, signals)?;
        hooks.create(init, signals)?;
        setup.ask(&hooks.create_container())?;
        self.await_answer(&mut setup, signals)
    }

    /// Mounts and hooks take as long as they take.
    fn await_answer(&mut self, setup: &mut Setup, signals: &mut Signals) -> Result<(), Error> {
        while let Event::Starter = self.wait_or_fail(Some(setup.as_fd()), signals, Deadline::NEVER)? {
            self.backend.launched()?;
        }
        setup.answer()
    }

    /// Waits for nexcage-setup or nexcage-init to connect from inside the container.
    fn meet(
        &mut self,
        meeting: &Meeting,
        root_uid: u32,
        limit: Duration,
        signals: &mut Signals,
        deadline: Deadline,
    ) -> Result<Init, Error> {
        loop {
            let came = self.wait_or_fail(Some(meeting.as_fd()), signals, deadline)?;
            match came {
                Event::Awaited => {
                    let in_container = |pid| self.backend.contains(pid);
                    return Init::identify(meeting.accept()?, root_uid, in_container, limit);
                }
                Event::Starter => {
                    self.backend.launched()?;
                }
                Event::Nothing => return Err(timeout("a connection from inside the container", limit)),
            }
        }
    }

    /// Waits until the host counts the container as started.
    fn await_launch(
        &mut self,
        limit: Duration,
        signals: &mut Signals,
        deadline: Deadline,
    ) -> Result<(), Error> {
        while self.backend.launched()? == Launch::Pending {
            if let Event::Nothing = self.wait_or_fail(None, signals, deadline)? {
                return Err(timeout("the start of the container", limit));
            }
        }
        Ok(())
    }

    fn wait_or_fail(
        &self,
        awaited: Option<BorrowedFd<'_>>,
        signals: &mut Signals,
        deadline: Deadline,
    ) -> Result<Event, Error> {
        loop {
            let signal_fd = signals.as_fd();
            // Signals are looked at first, so they can stand in for what is not awaited.
            let fds = [Some(signal_fd), awaited, self.backend.starter()];
            let watches = fds.map(|fd| Watch::Readable(fd.unwrap_or(signal_fd)));
            let [signal, came, starter] = wait(watches, deadline)?;
            if signal {
                if let Some(signal) = signals.ending() {
                    return Err(Error::Interrupted { signal });
                }
                continue;
            }
            return Ok(if came {
                Event::Awaited
            } else if starter {
                Event::Starter
            } else {
                Event::Nothing
            });
        }
    }

    fn advance(&mut self, status: Status, process: Option<ProcessId>) -> Result<(), Error> {
        self.record.status = status;
        self.record.process = process;
        Ok(self.dir.write(&self.record)?)
    }

    /// Passes signals on until the process ends, and writes its end down.
    fn supervise(
        &mut self,
        exit: &ExitWatch,
        signals: &mut Signals,
        came: Vec<i32>,
        mut relay: Option<Relay>,
    ) -> Result<u8, Error> {
        let pass_on = |relay: Option<&Relay>, signal| match relay {
            // The kernel tells the processes at the terminal of its new size.
            Some(relay) if signal == signals::RESIZED => relay.resize(),
            _ => {
                signals::forward(exit.pidfd(), signal);
                Ok(())
            }
        };
        came.into_iter().try_for_each(|signal| pass_on(relay.as_ref(), signal))?;
        loop {
            let monitor = self.backend.monitor().map_or(exit.watch(), Watch::Readable);
            let [a, b, c, d] = relay.as_ref().map_or([Watch::Nothing; WATCHES], Relay::watches);
            let watches = [exit.watch(), Watch::Readable(signals.as_fd()), monitor, a, b, c, d];
            let [ended, signal, alone, relayed @ ..] = wait(watches, Deadline::NEVER)?;
            if alone && !ended {
                log::warn!("LXC's monitor has ended before its container, which is killed");
                let _ = pidfd_send_signal(exit.pidfd(), Signal::KILL);
                break;
            }
            if signal {
                signals.pending().try_for_each(|signal| pass_on(relay.as_ref(), signal))?;
            }
            if let Some(relay) = &mut relay {
                relay.serve(relayed);
            }
            if ended {
                break;
            }
        }
        let status = exit.status()?.shell_status();
        self.record.exit = Some(Exit { status, at: Timestamp::now() });
        self.advance(Status::Stopped, self.record.process)?;
        relay.map_or(Ok(()), |relay| relay.finish(signals))?;
        Ok(status)
    }

    /// Removes the container from the host, whatever there is of it.
    fn remove(&mut self) -> Result<(), Error> {
        if let Some(pidfd) = self.record.process.and_then(ProcessId::open) {
            let _ = pidfd_send_signal(pidfd, Signal::KILL);
        }
        let torn_down = self.backend.tear_down(Deadline::after(TEARDOWN));
        self.dir.remove()?;
        torn_down
    }
}

/// Connects the process's terminal, if it has one, with the caller's ends. Its size is the bundle's,
/// else the caller's.
fn begin_relay(
    master: Option<Master>,
    ends: Option<Ends>,
    size: Option<(u16, u16)>,
) -> Result<Option<Relay>, Error> {
    let (Some(master), Some(ends)) = (master, ends) else { return Ok(None) };
    let fixed =
        size.map(|(rows, columns)| Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 });
    fixed.map_or(Ok(()), |size| master.set_size(size))?;
    let relay = Relay::begin(master, ends)?;
    if fixed.is_none() {
        relay.resize()?;
    }
    Ok(Some(relay))
}

/// What [`Container::wait_or_fail`] saw.
enum Event {
    Awaited,
    Starter,
    Nothing,
}

fn timeout(doing: &'static str, limit: Duration) -> Error {
    Error::Timeout { doing, limit, words: String::new() }
}

fn no_proc() -> std::io::Error {
    std::io::Error::from(std::io::ErrorKind::NotFound)
}
