//! The creation: from a bundle to a process that is held and waits for *go*.

use crate::backend::{self, Backend, Launch, Left, Origin};
use crate::error::{Error, Refusal};
use crate::fault::{self, Place};
use crate::handover::{Init, Meeting};
use crate::hooks::HookRunner;
use crate::limits;
use crate::rootfs;
use crate::seccomp;
use crate::setup::{self, Setup};
use crate::signals::Signals;
use crate::stdio::Stdio;
use crate::stdio::logger::{self, Logger, Patience};
use crate::terminal::{self, Master};
use crate::wait::{Deadline, Watch, wait};
use crate::work::later::Later;
use crate::work::tear_down::{TEARDOWN, end_process};
use crate::work::{Follows, Report, Reporter, Site, names, users};
use bundle_validate::{Bundle, Severity};
use lxc_render_config::{Image, LxcConfig, Options, Rendered, Wires, pve};
use nexcage_handover::flags;
use nexcage_record::{ProcessId, Record, Status};
use nexcage_setup::plan::Step;
use nexcage_task_api::task::Mount;
use rustix::termios::Winsize;
use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where packages put nexcage-init.
const INSTALLED_INIT: &str = "/usr/libexec/nexcage/nexcage-init";

/// What is to be created.
#[derive(Debug)]
pub(crate) struct Creation {
    pub(crate) bundle: PathBuf,
    /// What is to be mounted on its root file system.
    pub(crate) rootfs: Vec<Mount>,
    /// The text, and where it comes from, that replaces the rendered LXC configuration.
    pub(crate) lxc_config: Option<(PathBuf, String)>,
    pub(crate) backend: backend::Choice,
    pub(crate) stdio: Stdio,
    /// Descriptors 3 and up of the process.
    pub(crate) extra: Vec<OwnedFd>,
    /// How many of these the process finds by LISTEN_FDS (sd_listen_fds(3)).
    pub(crate) listen_fds: u32,
    /// Who gets the terminal's master.
    pub(crate) console: Option<PathBuf>,
    /// The caller's stderr, for what the worker has to say.
    pub(crate) diagnostics: Option<OwnedFd>,
    /// Who reads its output.
    pub(crate) logger: Option<Logger>,
    /// Whether it is removed when its process has ended.
    pub(crate) foreground: bool,
    /// What its command line asks of a CT, by the names of the options.
    pub(crate) typed: BTreeMap<String, String>,
}

/// Creates the container, or leaves nothing of it but its directory.
pub(crate) fn create(site: &Site, mut creation: Creation, reporter: &mut Reporter) -> Result<(), Error> {
    // What a killed pct leaves becomes a child of this process, and is ended.
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
        .map_err(|errno| Error::system("become a subreaper")(errno.into()))?;
    say_to(creation.diagnostics.as_ref());
    let logger = reporter.start_logger(site, creation.logger.take())?;
    let created = mount_and_create(site, creation, reporter);
    created.inspect_err(|_| {
        if let Err(error) = rootfs::unmount_all(&site.dir) {
            log::error!("{}", nexcage_cli::causes(&error));
        }
        logger::end(logger.as_slice(), Patience::SHORT);
    })
}

fn mount_and_create(site: &Site, creation: Creation, reporter: &mut Reporter) -> Result<(), Error> {
    let bundle = Bundle::open(&creation.bundle).map_err(Box::new)?;
    let wishes = wishes(site, &bundle, &creation)?;
    let image = match &wishes {
        Some(wishes) if wishes.template().is_some() => Image::Elsewhere,
        _ => Image::Bundle,
    };
    let pct = &site.configuration.pct;
    // What a given configuration says of ids is its writer's business.
    let is_ct = creation.lxc_config.is_none() && wishes.is_some();
    let map = is_ct.then(|| users::id_map(&bundle, pct)).flatten();
    let rootfs = creation.bundle.join("rootfs");
    rootfs::mount_all(&site.dir, &rootfs, &creation.rootfs, map.as_ref())?;
    fault::at(Place::RootfsMounted);
    validate(&bundle, image)?;
    let bundle = if is_ct {
        let bundle = users::settle(bundle, pct)?;
        names::provide(bundle, &pct.ct, (site.id.as_str(), &site.dir))?
    } else {
        bundle
    };
    create_from_bundle(site, (&bundle, image), wishes.as_ref(), creation, reporter)
}

fn create_from_bundle(
    site: &Site,
    (bundle, image): (&Bundle, Image),
    wishes: Option<&pve::Wishes>,
    creation: Creation,
    reporter: &mut Reporter,
) -> Result<(), Error> {
    let signals = Signals::catch(site.inherited)?;
    fault::at(Place::BundleRead);
    let mut rendered = prepare(site, bundle, creation.lxc_config.as_ref(), image)?;
    if creation.listen_fds > 0 {
        let told = [format!("LISTEN_FDS={}", creation.listen_fds), "LISTEN_PID=1".to_owned()];
        rendered.process.env.extend(told.into_iter().filter_map(|entry| CString::new(entry).ok()));
    }
    let setup = setup::find(&rendered)?;
    let init = find_init(site.init.as_deref())?;
    site.dir
        .write_config(bundle.document().text())
        .map_err(Error::system(format!("copy {}", bundle.config().display())))?;
    let later = Later::of(site, &rendered, setup.as_deref(), &init, image)?;
    later.write(&site.dir)?;
    fault::at(Place::ConfigSaved);
    let origin = Origin {
        configuration: &site.configuration,
        place: site.place(),
        bundle: bundle.directory().unwrap_or(Path::new("")),
        rendered: &rendered,
        wishes,
    };
    let mut making = Making::begin(site, &origin, creation.foreground, signals)?;
    let hooks =
        HookRunner::new(rendered.hooks.clone(), &rendered.oci_version, &making.record, setup.as_deref());
    let parts = Parts { rendered, init, setup, hooks: &hooks };
    let made = making.go_on(creation, parts, reporter);
    made.map_err(|error| {
        let error = error.with_words(making.backend.words());
        making.undo(&later);
        error
    })
}

/// Has this worker's diagnostics go to the caller.
pub(crate) fn say_to(diagnostics: Option<&OwnedFd>) {
    if let Some(fd) = diagnostics {
        // Otherwise they go to the log.
        let _ = rustix::stdio::dup2_stderr(fd);
    }
}

/// What is asked of a CT; none on plain LXC.
fn wishes(site: &Site, bundle: &Bundle, creation: &Creation) -> Result<Option<pve::Wishes>, Error> {
    if !backend::is_pct(creation.backend, &site.configuration) {
        return match creation.typed.is_empty() {
            true => Ok(None),
            false => Err(Refusal::Unsupported {
                what: "--template and --rootfs-storage are for CTs of Proxmox VE, and this is plain LXC",
            }
            .into()),
        };
    }
    let configured = &site.configuration.pct.ct;
    let read = pve::Wishes::read(configured, &lxc_render_config::annotations(bundle));
    let wishes = read.and_then(|wishes| wishes.and_typed(&creation.typed)).map_err(Box::new)?;
    if wishes.template().is_some() && !creation.rootfs.is_empty() {
        let what = "an engine has mounted the root file system, and a template would take its place";
        return Err(Refusal::Unsupported { what }.into());
    }
    Ok(Some(wishes))
}

fn prepare(
    site: &Site,
    bundle: &Bundle,
    lxc_config: Option<&(PathBuf, String)>,
    image: Image,
) -> Result<Rendered, Error> {
    let options = Options { image, ..Options::default() };
    let mut rendered = lxc_render_config::render(bundle, &options).map_err(Box::new)?;
    if let Some((path, text)) = lxc_config {
        rendered.config = given_config(path, text)?;
    }
    finish_process(site, &mut rendered)?;
    Ok(rendered)
}

/// What only the shim can add to a process.
pub(crate) fn finish_process(site: &Site, rendered: &mut Rendered) -> Result<(), Error> {
    rendered.process.ignored_signals = site.inherited.ignored;
    rendered.process.blocked_signals = site.inherited.blocked;
    if let Some(policy) = &rendered.seccomp {
        rendered.process.seccomp = seccomp::compile(policy).map_err(Box::new)?;
    }
    Ok(())
}

fn given_config(path: &Path, text: &str) -> Result<LxcConfig, Error> {
    let config = LxcConfig::parse(text).map_err(Box::new)?;
    if config.get("lxc.rootfs.path").is_none() {
        return Err(Error::NoRootfs { path: path.to_owned() });
    }
    Ok(config)
}

/// Validates and renders a bundle whose image is there.
pub(crate) fn render(bundle: &Bundle, image: Image) -> Result<Rendered, Error> {
    validate(bundle, image)?;
    let options = Options { image, ..Options::default() };
    Ok(lxc_render_config::render(bundle, &options).map_err(Box::new)?)
}

/// Logs every finding that is an error; one is enough to stop.
fn validate(bundle: &Bundle, image: Image) -> Result<(), Error> {
    let mut options = bundle_validate::Options::default();
    if image == Image::Elsewhere {
        options.scope = bundle_validate::Scope::Document;
    }
    let report = bundle_validate::validate(bundle, &options);
    let errors = report.findings().filter(|finding| finding.severity == Severity::Error);
    let errors = errors.inspect(|finding| log::error!("{finding}")).count();
    if errors == 0 { Ok(()) } else { Err(Error::Invalid { errors }) }
}

/// nexcage-init's place.
pub(crate) fn find_init(given: Option<&Path>) -> Result<PathBuf, Error> {
    let beside = || std::env::current_exe().ok()?.parent().map(|directory| directory.join("nexcage-init"));
    let looked: Vec<PathBuf> = match given {
        Some(path) => vec![path.to_owned()],
        None => beside().into_iter().chain([PathBuf::from(INSTALLED_INIT)]).collect(),
    };
    let found = looked.iter().find_map(|path| fs::canonicalize(path).ok().filter(|path| path.is_file()));
    found.ok_or(Error::InitMissing { looked })
}

/// What a container is made of, besides its record.
struct Parts<'h> {
    rendered: Rendered,
    init: PathBuf,
    setup: Option<PathBuf>,
    hooks: &'h HookRunner,
}

/// A container in the making, with everything of it that is on the host.
struct Making<'s> {
    site: &'s Site,
    record: Record,
    backend: Box<dyn Backend>,
    signals: Signals,
}

impl<'s> Making<'s> {
    /// Takes the container's place on the host. Its record comes first.
    fn begin(
        site: &'s Site,
        origin: &Origin<'_>,
        foreground: bool,
        mut signals: Signals,
    ) -> Result<Self, Error> {
        let shim = rustix::process::getppid().and_then(|shim| ProcessId::of(shim.as_raw_pid()));
        let shim = shim.ok_or_else(|| Error::system("read /proc/PID/stat")(no_proc()))?;
        let path = origin.bundle.to_str().unwrap_or_default();
        let rendered = origin.rendered;
        let mut record = None;
        let backend = backend::make(origin, &mut signals, &mut |backend| {
            let mut new = Record::new(&site.id, &site.namespace, path, shim, backend);
            new.annotations.clone_from(&rendered.annotations);
            new.terminal = rendered.process.flags & flags::TERMINAL != 0;
            new.foreground = foreground;
            site.dir.write(&new)?;
            record = Some(new);
            Ok(())
        })?;
        fault::at(Place::BackendTaken);
        let record = record.ok_or_else(|| Error::system("write the record")(no_proc()))?;
        fault::at(Place::RecordWritten);
        Ok(Making { site, record, backend, signals })
    }

    /// From a record to a process that is held.
    fn go_on(&mut self, creation: Creation, parts: Parts<'_>, reporter: &mut Reporter) -> Result<(), Error> {
        let Parts { mut rendered, init, setup, hooks } = parts;
        let (root, limit) = (rendered.host_root, self.site.limit);
        lxc_render_config::prepare_mount_points(&rendered)
            .map_err(Error::system("make mount points in the rootfs"))?;
        fault::at(Place::MountPointsMade);
        let mut stdio = creation.stdio;
        if self.record.terminal {
            stdio.forget()?;
        }
        stdio.own(rendered.host_user.uid, root.gid)?;
        let directory = self.site.dir.path().join("init");
        let meeting = Meeting::prepare(&directory, root.uid, root.gid)?;
        fault::at(Place::SocketBound);
        let setup = setup.as_deref().filter(|_| setup::is_needed(&rendered));
        let wires = Wires { socket_dir: &directory, init: &init, setup };
        lxc_render_config::wire(&mut rendered.config, &mut rendered.steps, wires).map_err(Box::new)?;
        self.backend.launch(std::mem::take(&mut rendered.config))?;
        fault::at(Place::Launched);
        if let Some(program) = setup {
            let peer = self.meet(&meeting, root.uid)?;
            self.set_up(peer, &rendered.steps, program, hooks)?;
        }
        let mut init = self.meet(&meeting, root.uid)?;
        fault::at(Place::InitConnected);
        let extra: Vec<BorrowedFd<'_>> = creation.extra.iter().map(|fd| fd.as_fd()).collect();
        let master = init.hand_over(&rendered.process, &stdio, &extra)?;
        drop(stdio);
        fault::at(Place::InitReady);
        self.await_launch(Deadline::after(limit))?;
        fault::at(Place::LaunchEnded);
        limits::apply(init.pid(), &rendered)?;
        fault::at(Place::LimitsSet);
        if let Some(signal) = self.signals.ending() {
            return Err(Error::Interrupted { signal });
        }
        let master = show(master, rendered.console_size, creation.console.as_deref())?;
        self.report(&init, master.as_ref(), reporter)
    }

    fn report(
        &mut self,
        init: &Init,
        master: Option<&OwnedFd>,
        reporter: &mut Reporter,
    ) -> Result<(), Error> {
        let pid = init.pid().as_raw_pid();
        self.record.process = ProcessId::of(pid);
        self.record.backend = self.backend.record();
        self.record.status = Status::Created;
        self.record.step = None;
        let monitor = self.backend.monitor();
        let report = Report::Created {
            record: Box::new(self.record.clone()),
            pid,
            monitor: Follows::of(monitor.as_ref()),
            terminal: Follows::of(master),
        };
        let mut descriptors = vec![init.connection(), init.pidfd()];
        descriptors.extend(monitor.as_ref().map(|fd| fd.as_fd()));
        descriptors.extend(master.map(|fd| fd.as_fd()));
        reporter.tell(&report, &descriptors)?;
        fault::at(Place::CreatedReported);
        Ok(())
    }

    /// Has nexcage-setup do its part, with the hooks that come before pivot_root(2).
    fn set_up(
        &mut self,
        peer: Init,
        steps: &[Step],
        program: &Path,
        hooks: &HookRunner,
    ) -> Result<(), Error> {
        let (mut setup, init) = Setup::begin(peer, |pid| self.backend.contains(pid))?;
        fault::at(Place::SetupConnected);
        setup.ask_for_mounts(steps, program)?;
        self.await_answer(&mut setup)?;
        fault::at(Place::SetupMounted);
        hooks.create(init, &mut self.signals)?;
        fault::at(Place::CreateHooksRun);
        setup.ask(&hooks.create_container())?;
        self.await_answer(&mut setup)
    }

    /// Mounts and hooks take as long as they take.
    fn await_answer(&mut self, setup: &mut Setup) -> Result<(), Error> {
        while let Event::Starter = self.wait_or_fail(Some(setup.as_fd()), Deadline::NEVER)? {
            self.backend.launched()?;
        }
        setup.answer()
    }

    /// Waits for nexcage-setup or nexcage-init to connect from inside the container.
    fn meet(&mut self, meeting: &Meeting, root_uid: u32) -> Result<Init, Error> {
        let limit = self.site.limit;
        let deadline = Deadline::after(limit);
        loop {
            match self.wait_or_fail(Some(meeting.as_fd()), deadline)? {
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
    fn await_launch(&mut self, deadline: Deadline) -> Result<(), Error> {
        while self.backend.launched()? == Launch::Pending {
            if let Event::Nothing = self.wait_or_fail(None, deadline)? {
                return Err(timeout("the start of the container", self.site.limit));
            }
        }
        Ok(())
    }

    fn wait_or_fail(&mut self, awaited: Option<BorrowedFd<'_>>, deadline: Deadline) -> Result<Event, Error> {
        loop {
            let signal_fd = self.signals.as_fd();
            // Signals are looked at first, so they can stand in for what is not awaited.
            let fds = [Some(signal_fd), awaited, self.backend.starter()];
            let watches = fds.map(|fd| Watch::Readable(fd.unwrap_or(signal_fd)));
            let [signal, came, starter] = wait(watches, deadline)?;
            if signal {
                if let Some(signal) = self.signals.ending() {
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

    /// Removes what there is of the container; what cannot be removed is only told, for the first
    /// error matters more.
    fn undo(&mut self, later: &Later) {
        end_process(&self.record);
        if let Err(error) = self.backend.tear_down(Left::HalfMade, Deadline::after(TEARDOWN)) {
            log::error!("{}", nexcage_cli::causes(&error));
        }
        later.hooks(&self.record).stopped(&mut self.signals);
    }
}

/// Gives the terminal the size that the bundle wants and hands it to who asked for it; else it is
/// the supervisor's.
pub(crate) fn show(
    master: Option<Master>,
    size: Option<(u16, u16)>,
    console: Option<&Path>,
) -> Result<Option<OwnedFd>, Error> {
    let Some(master) = master else { return Ok(None) };
    if let Some((rows, columns)) = size {
        master.set_size(Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 })?;
    }
    match console {
        Some(socket) => terminal::send(&master, socket).map(|()| None),
        // Before the process begins, which may show something at once.
        None => master.prepare().map(|master| Some(master.into_descriptor())),
    }
}

/// What [`Making::wait_or_fail`] saw.
enum Event {
    Awaited,
    Starter,
    Nothing,
}

pub(crate) fn timeout(doing: &'static str, limit: Duration) -> Error {
    Error::Timeout { doing, limit, words: String::new() }
}

fn no_proc() -> std::io::Error {
    std::io::Error::from(std::io::ErrorKind::NotFound)
}
