//! What the program does: as LXC's hook, as a holder of a user namespace, inside a container.

use crate::channel::Channel;
use crate::plan::{Action, Answer, Failure, Identity, Request, Step};
use crate::{VERSION, hook, kernel, mounts, namespaces, tree};
use nexcage_cli::version_text;
use rustix::fs::{CWD, Gid, Mode, OFlags, Uid, openat};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::thread::{CapabilitySet, CapabilitySets};
use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// The socket's name in the directory that LXC's configuration names.
const SOCKET: &str = "socket";
/// The word by which nexcage-setup joins a container.
pub const JOIN: &str = "@join";

/// Does what the arguments say; an error is for the terminal, as the shim has heard of it.
///
/// # Errors
/// It could not be done.
pub fn main(words: &[OsString]) -> io::Result<()> {
    kernel::close_inherited_at_exec()?;
    // Where processes of other containers see this one or its children, by a shared pid namespace,
    // they must not look into it: it still has the host's tree.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    // For mount points.
    rustix::process::umask(Mode::from_raw_mode(0o022));
    match words {
        [word] if word == "--version" => io::stdout().write_all(version_text("nexcage-setup").as_bytes()),
        [word] if word == tree::USERS => hold_user_namespace(),
        [word] if word == JOIN => join(),
        [directory, _name, _section, _hook] => as_hook(Path::new(directory)),
        _ => Err(io::Error::other("it is run by LXC and by nexcage-shim only")),
    }
}

fn hold_user_namespace() -> io::Result<()> {
    kernel::new_user_namespace()?;
    let mut stdout = io::stdout();
    stdout.write_all(b"\n")?;
    stdout.flush()?;
    io::stdin().read_to_end(&mut Vec::new()).map(drop)
}

/// LXC's mount hook: in the container's namespaces, in the host's tree.
fn as_hook(directory: &Path) -> io::Result<()> {
    let root = std::env::var_os("LXC_ROOTFS_MOUNT");
    let root = root.ok_or_else(|| io::Error::other("LXC_ROOTFS_MOUNT is not set"))?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = openat(CWD, &*root, flags, Mode::empty())?;
    let mut channel = Channel::new(connect(directory)?);
    channel.send(&Answer::Hello(VERSION))?;
    let Request::Mounts(steps) = channel.receive()? else { return Err(unexpected()) };
    let done = carry_out(&mut channel, &root, &steps)?;
    answer(&mut channel, done)?;
    let Request::Hooks(hooks, mut state) = channel.receive()? else { return Err(unexpected()) };
    state.pid = Some(parent());
    let done = hook::run_all(&hooks, &state, &root_path(), &mut channel);
    answer(&mut channel, done)
}

fn root_path() -> std::path::PathBuf {
    std::env::var_os("LXC_ROOTFS_MOUNT").unwrap_or_else(|| "/".into()).into()
}

/// LXC's child that becomes the container's init, by its number in the container.
fn parent() -> i32 {
    rustix::process::getppid().map_or(0, rustix::process::Pid::as_raw_pid)
}

/// The directory's own path may be too long for a socket's address.
fn connect(directory: &Path) -> io::Result<UnixStream> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = openat(CWD, directory, flags, Mode::empty())?;
    UnixStream::connect(format!("/proc/self/fd/{}/{SOCKET}", directory.as_raw_fd()))
}

fn carry_out(channel: &mut Channel, root: &OwnedFd, steps: &[Step]) -> io::Result<Result<(), Failure>> {
    for step in steps {
        let tree = match step.action {
            Action::Bind(_) => Some(channel.receive_descriptor()?),
            _ => None,
        };
        if let Err(failure) = mounts::carry_out(root.as_fd(), step, tree) {
            return Ok(Err(failure));
        }
    }
    Ok(Ok(()))
}

fn answer(channel: &mut Channel, done: Result<(), Failure>) -> io::Result<()> {
    let message = match &done {
        Ok(()) => Answer::Done,
        Err(failure) => Answer::Failed(failure.clone()),
    };
    channel.send(&message)?;
    done.map_err(|failure| io::Error::other(failure.what))
}

/// Joins a container by its init's pidfd and runs hooks there.
fn join() -> io::Result<()> {
    let stdin = io::stdin().as_fd().try_clone_to_owned()?;
    let mut channel = Channel::new(UnixStream::from(stdin));
    let Request::Join(hooks, state, identity) = channel.receive()? else { return Err(unexpected()) };
    let init = channel.receive_descriptor()?;
    let done = enter(&init, &identity).map_err(|(what, error)| Failure {
        pointer: hooks.first().map(|hook| hook.pointer.clone()).unwrap_or_default(),
        what: what.to_owned(),
        errno: error.raw_os_error(),
        is_hook: true,
    });
    let directory = std::env::current_dir().unwrap_or_else(|_| "/".into());
    let done = done.and_then(|()| hook::run_all(&hooks, &state, &directory, &mut channel));
    answer(&mut channel, done)
}

/// Takes the container's namespaces and the process's identity, in the order in which each still
/// allows the next.
fn enter(init: &OwnedFd, identity: &Identity) -> Result<(), (&'static str, io::Error)> {
    let at = |what: &'static str| move |errno: rustix::io::Errno| (what, io::Error::from(errno));
    let namespaces =
        namespaces::differing(init.as_fd()).map_err(|error| ("look at the namespaces", error))?;
    rustix::thread::move_into_thread_name_spaces(init.as_fd(), namespaces)
        .map_err(at("join the container's namespaces"))?;
    let as_root = || {
        rustix::thread::set_thread_groups(&[])?;
        rustix::thread::set_thread_res_gid(Gid::ROOT, Gid::ROOT, Gid::ROOT)?;
        rustix::thread::set_thread_res_uid(Uid::ROOT, Uid::ROOT, Uid::ROOT)
    };
    as_root().map_err(at("become the container's root"))?;
    rustix::process::umask(Mode::from_raw_mode(identity.umask));
    // It is made only when the process begins.
    let _ = rustix::process::chdir(&identity.cwd);
    if !identity.no_new_privileges {
        filter(identity)?;
    }
    become_user(identity).map_err(at("become the process's user"))?;
    if identity.no_new_privileges {
        rustix::thread::set_no_new_privs(true).map_err(at("set no_new_privs"))?;
        filter(identity)?;
    }
    Ok(())
}

fn filter(identity: &Identity) -> Result<(), (&'static str, io::Error)> {
    /// Nobody would answer a hook's notifications.
    const NEW_LISTENER: u32 = 1 << 3;
    if identity.seccomp.is_empty() || identity.seccomp_flags & NEW_LISTENER != 0 {
        return Ok(());
    }
    kernel::load_filter(identity.seccomp_flags, &identity.seccomp)
        .map_err(|error| ("load the seccomp filter", error))
}

fn become_user(identity: &Identity) -> rustix::io::Result<()> {
    use rustix::thread as t;
    let groups: Vec<Gid> = identity.groups.iter().map(|gid| Gid::from_raw(*gid)).collect();
    let (uid, gid) = (Uid::from_raw(identity.uid), Gid::from_raw(identity.gid));
    t::set_thread_groups(&groups)?;
    t::set_thread_res_gid(gid, gid, gid)?;
    for number in 0..u64::BITS {
        let one = CapabilitySet::from_bits_retain(1 << number);
        if identity.bounding & (1 << number) == 0 && t::capability_is_in_bounding_set(one).unwrap_or(false) {
            t::remove_capability_from_bounding_set(one)?;
        }
    }
    t::set_keep_capabilities(true)?;
    t::set_thread_res_uid(uid, uid, uid)?;
    let set = CapabilitySet::from_bits_retain;
    t::set_capabilities(
        None,
        CapabilitySets {
            effective: set(identity.effective),
            permitted: set(identity.permitted),
            inheritable: set(identity.inheritable),
        },
    )?;
    t::clear_ambient_capability_set()?;
    for number in (0..u64::BITS).filter(|number| identity.ambient & (1 << number) != 0) {
        t::configure_capability_in_ambient_set(set(1 << number), true)?;
    }
    t::set_keep_capabilities(false)
}

fn unexpected() -> io::Error {
    io::Error::other("the shim asked for something unexpected")
}
