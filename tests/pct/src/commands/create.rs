//! `pct create`

use super::{Role, Session, set, start};
use crate::command_line::Call;
use crate::conf::{Conf, MountPoint, Volume, check_storage};
use crate::failure::Failure;
use crate::fault::Fault;
use crate::lxc::{ROOT, UserNamespace};
use crate::vmid::Vmid;
use signal_hook::consts::SIGTERM;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Options that are no part of the conf.
const OWN: &[&str] = &[
    "force",
    "password",
    "pool",
    "restore",
    "ssh-public-keys",
    "start",
    "storage",
    "unprivileged",
    "rootfs",
];

const ARCHIVES: &[(&str, &str)] = &[
    (".tar", "--no-auto-compress"),
    (".tar.gz", "--gzip"),
    (".tar.xz", "--xz"),
    (".tar.zst", "--zstd"),
    (".tar.bz2", "--bzip2"),
    (".tar.lzo", "--lzop"),
];

/// Where vzdump puts a CT's conf in its archives.
const BACKED_UP_CONF: &str = "./etc/vzdump/pct.conf";

const OSTYPES: &[&str] =
    &["debian", "devuan", "ubuntu", "centos", "fedora", "opensuse", "archlinux", "alpine", "gentoo", "nixos"];

pub(super) fn run(session: &Session<'_>, call: &Call) -> Result<(), Failure> {
    let vmid = call.vmid()?;
    let template = call.text(1);
    check_files(call)?;
    let mut conf = Conf::default();
    conf.main.put("lock", "create".into());
    if session.role == Role::Caller {
        session.store().reserve(vmid, &conf)?;
    }
    let undo = |failure| match fs::remove_file(session.settings.conf_file(vmid)) {
        Ok(()) => failure,
        Err(error) => Failure::from(error),
    };
    let template = locate(session, call, &template).map_err(undo)?;
    session.task(|| {
        if is_restore(session, call) {
            let why = recover(session, &template);
            return Err(undo(Failure::died(format!("unable to restore CT {vmid} - {}", why.message))));
        }
        let lock = session.store().lock(vmid)?;
        let interrupted = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(SIGTERM, Arc::clone(&interrupted))?;
        let made = make(session, call, vmid, &template, &interrupted);
        let conf = made.map_err(|failure| {
            undo(Failure { message: format!("unable to create CT {vmid} - {}", failure.message), ..failure })
        })?;
        session.store().save(vmid, &conf)?;
        drop(lock);
        if call.is_set("start") { start::start(session, vmid, conf) } else { Ok(()) }
    })
}

fn is_restore(session: &Session<'_>, call: &Call) -> bool {
    call.is_set("restore") || session.words.first().is_some_and(|command| command == "restore")
}

/// Looks for the conf that a backup has and an archive of a root file system has not. Backups proper
/// are not covered.
fn recover(session: &Session<'_>, template: &Template) -> Failure {
    let shown = template.path.display();
    session.console.warn(&format!("recovering backed-up configuration from '{shown}'\n"));
    let found = Command::new("tar").arg("-tf").arg(&template.path).arg(BACKED_UP_CONF).output();
    match found {
        Ok(output) if output.status.success() => {
            Failure::died("pct stand-in: restoring a backup is not covered")
        }
        Ok(_) => Failure::died("ERROR: archive contains no configuration file"),
        Err(error) => error.into(),
    }
}

/// What is checked before anything is made.
fn check_files(call: &Call) -> Result<(), Failure> {
    if let Some(path) = call.option("ssh-public-keys") {
        File::open(path)
            .map_err(|_| Failure::missing(format!("can't open '{path}' - No such file or directory")))?;
    }
    if let Some(pool) = call.option("pool") {
        return Err(Failure::missing(format!("403 Permission check failed (pool '{pool}' does not exist)")));
    }
    Ok(())
}

/// Where the archive is, by its name alone.
fn locate(session: &Session<'_>, call: &Call, template: &str) -> Result<Template, Failure> {
    if template == "-" {
        return Err(Failure::died(if is_restore(session, call) {
            "pct stand-in: backups from a pipe are not covered"
        } else {
            "pipe can only be used with restore tasks"
        }));
    }
    for storage in [call.option("storage"), call.option("rootfs").and_then(storage_of)].into_iter().flatten()
    {
        check_storage(storage)?;
    }
    if template.starts_with('/') {
        return Ok(Template { path: template.into(), missing: format!("can't find file '{template}'") });
    }
    let (storage, name) = template.split_once(':').unwrap_or((template, ""));
    check_storage(storage)?;
    let file = name.strip_prefix("vztmpl/");
    let file =
        file.ok_or_else(|| Failure::died(format!("unable to parse directory volume name '{name}'")))?;
    let path = session.settings.storage.join("template/cache").join(file);
    Ok(Template { path, missing: format!("volume '{template}' does not exist") })
}

fn storage_of(rootfs: &str) -> Option<&str> {
    let volume = rootfs.split(',').next()?;
    volume.split_once(':').map(|(storage, _)| storage).filter(|storage| !storage.starts_with('/'))
}

struct Template {
    path: PathBuf,
    /// What is said when it is not there.
    missing: String,
}

/// Makes the root file system and unpacks the archive into it.
fn make(
    session: &Session<'_>,
    call: &Call,
    vmid: Vmid,
    template: &Template,
    interrupted: &AtomicBool,
) -> Result<Conf, Failure> {
    let shown = template.path.display().to_string();
    let format = ARCHIVES.iter().find(|(suffix, _)| shown.ends_with(suffix));
    let (_, format) = format
        .ok_or_else(|| Failure::died(format!("file does not look like a template archive: {shown}")))?;
    let mut conf = Conf::default();
    let rootfs = Rootfs::make(session, call, vmid)?;
    conf.main.put("rootfs", rootfs.value.clone());
    let result = unpack(session, call, &rootfs.path, template, format)
        .and_then(|()| go_wrong(session, interrupted))
        .and_then(|()| describe(session, call, &rootfs.path, vmid, &mut conf));
    if result.is_err() && rootfs.owner == Owner::Proxmox {
        fs::remove_dir_all(&rootfs.path)?;
        remove_home(session, vmid);
    }
    result.map(|()| conf)
}

/// What a test asks for, and the signal that ends a worker: it undoes what it has done.
fn go_wrong(session: &Session<'_>, interrupted: &AtomicBool) -> Result<(), Failure> {
    let mut patience = Duration::ZERO;
    match Fault::wanted(session.settings)? {
        Some(Fault::Hang { milliseconds }) => patience = Duration::from_millis(milliseconds),
        Some(Fault::Fail { stdout, stderr, .. }) => {
            session.console.warn(&stdout);
            return Err(Failure::died(stderr.trim_end()));
        }
        _ => {}
    }
    let begun = Instant::now();
    loop {
        if interrupted.load(Ordering::Relaxed) {
            return Err(Failure::died("received interrupt"));
        }
        if begun.elapsed() >= patience {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// The directory of a storage's volumes of one CT is not needed any more.
fn remove_home(session: &Session<'_>, vmid: Vmid) {
    // Somebody else's volume may be in it.
    drop(fs::remove_dir(session.settings.storage.join("images").join(vmid.to_string())));
}

/// A new root file system.
struct Rootfs {
    path: PathBuf,
    /// What the conf says of it.
    value: String,
    owner: Owner,
}

#[derive(PartialEq, Eq)]
enum Owner {
    Proxmox,
    Host,
}

impl Rootfs {
    /// Allocates a directory on the storage, or takes one of the host's.
    fn make(session: &Session<'_>, call: &Call, vmid: Vmid) -> Result<Rootfs, Failure> {
        let value = call.option("rootfs").unwrap_or("local:4");
        let point = MountPoint::parse("rootfs", value).map_err(Failure::died)?;
        match &point.volume {
            Volume::Bind(path) if path.is_dir() => {
                let value = set::normalise("rootfs", value)?;
                Ok(Rootfs { path: path.clone(), value, owner: Owner::Host })
            }
            Volume::Bind(path) => {
                session.console.warn("mounting container failed\n");
                Err(Failure::died(format!("directory '{}' does not exist", path.display())))
            }
            Volume::Stored { storage, name } => {
                let (name, size) = match (storage.as_str(), name.as_str()) {
                    ("local", "0") => (format!("{vmid}/subvol-{vmid}-disk-0.subvol"), "0T".to_owned()),
                    ("local", size) => (format!("{vmid}/vm-{vmid}-disk-0.raw"), format!("{size}G")),
                    (_, size) => (format!("vm-{vmid}-disk-0"), format!("{size}G")),
                };
                // On a node the last two are file systems of their own.
                let path = session.settings.storage.join("images").join(&name);
                fs::create_dir_all(&path)?;
                if is_unprivileged(call) {
                    chown(&path, Some(ROOT), Some(ROOT))?;
                }
                Ok(Rootfs { path, value: format!("{storage}:{name},size={size}"), owner: Owner::Proxmox })
            }
            Volume::Device(_) => Err(Failure::died("pct stand-in: a device as rootfs is not covered")),
        }
    }
}

fn is_unprivileged(call: &Call) -> bool {
    call.option("unprivileged") != Some("0")
}

/// Unpacks the archive, under the id map of the CT.
fn unpack(
    session: &Session<'_>,
    call: &Call,
    root: &Path,
    template: &Template,
    format: &str,
) -> Result<(), Failure> {
    let archive = File::open(&template.path).map_err(|error| {
        if error.kind() != io::ErrorKind::NotFound {
            return error.into();
        }
        session.console.warn(&format!("{}\n", template.missing));
        Failure::died(template.missing.clone())
    })?;
    session.console.warn(&format!("extracting archive '{}'\n", template.path.display()));
    let users = if is_unprivileged(call) { Some(UserNamespace::new()?) } else { None };
    let mut tar = users.as_ref().map_or_else(|| Command::new("tar"), |users| users.command("tar"));
    tar.args(["xpf", "-", format, "--totals", "--numeric-owner", "--skip-old-files"]);
    tar.args(["--anchored", "--exclude", "./dev/*"]);
    // The directory is entered before the namespace is: the way there may be closed to the CT's root.
    let output = tar.current_dir(root).stdin(archive).output()?;
    session.console.warn(&String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(()) } else { Err(Failure::died("command 'tar' failed")) }
}

/// Fills in the conf: what the archive says, what the call says, Proxmox's defaults.
fn describe(
    session: &Session<'_>,
    call: &Call,
    root: &Path,
    vmid: Vmid,
    conf: &mut Conf,
) -> Result<(), Failure> {
    for (key, value) in [("hostname", format!("CT{vmid}")), ("memory", "512".into()), ("swap", "512".into())]
    {
        conf.main.put(key, value);
    }
    for (name, value) in call.options().filter(|(name, _)| !OWN.contains(name)) {
        conf.main.put(name, set::normalise(name, value)?);
    }
    if conf.main.get("ostype").is_none() {
        conf.main.put("ostype", detect_ostype(session, root)?);
    }
    if conf.main.get("arch").is_none() {
        // On a node the shell's ELF header may tell; the recordings hold only this.
        session.console.warn("Falling back to amd64.\nUse `pct set VMID --arch ARCH` to change.\n");
        conf.main.put("arch", "amd64".into());
    }
    if is_unprivileged(call) {
        conf.main.put("unprivileged", "1".into());
    }
    Ok(())
}

fn detect_ostype(session: &Session<'_>, root: &Path) -> Result<String, Failure> {
    let Ok(text) = fs::read_to_string(root.join("etc/os-release")) else {
        session
            .console
            .warn("/etc/os-release file not found and autodetection failed, falling back to 'unmanaged'\n");
        return Ok("unmanaged".into());
    };
    let id = text.lines().find_map(|line| line.strip_prefix("ID=")).unwrap_or_default().trim_matches('"');
    if OSTYPES.contains(&id) {
        return Ok(id.to_owned());
    }
    session.console.warn(&format!("unknown ID '{id}' in /etc/os-release file, trying fallback detection\n"));
    Err(Failure::died("unable to detect OS distribution"))
}
