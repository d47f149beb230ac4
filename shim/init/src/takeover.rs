//! What happens after *go*: nexcage-init leaves, the process begins.

use crate::connection::Connection;
use crate::kernel::{self, Errno, Mapping, StringList};
use crate::place::Place;
use crate::{At, Role};
use core::convert::Infallible;
use core::ffi::CStr;
use core::mem::ManuallyDrop;
use linux_raw_sys::errno::{EACCES, EEXIST, ENAMETOOLONG, ENOENT};
use nexcage_handover::{Failed, NO_PERSONALITY, Process, Seccomp, Step, flags};
use nexcage_init::home::{Lookup, Slot, slot};
use nexcage_init::path::{PATH_MAX, join, search};

/// Becomes the process. Returns only if a step fails; the steps that were taken stay taken.
pub(crate) fn take_over(
    process: &Process<'_>,
    role: Role<'_>,
    connection: &Connection,
) -> Result<Infallible, Failed> {
    if let Role::Init(place) = role {
        leave_mount(place).at(Step::DetachMount)?;
    }
    let attempt = enter_directory(process.cwd, role)?;
    kernel::set_umask(process.umask);
    let slot = slot(process.env.iter());
    let mut lookup = Lookup::new(process.uid);
    if slot != Slot::None {
        // What can't be read has no line for the user.
        let _ = look_up(&mut lookup);
    }
    if process.personality != NO_PERSONALITY {
        kernel::set_personality(process.personality).at(Step::Personality)?;
    }
    // Everything that can be done before is: a filter may allow little more than exec.
    let lists = ManuallyDrop::new(lists(process, slot, lookup.finish()).at(Step::Exec)?);
    set_labels(process).at(Step::Label)?;
    kernel::clear_parent_death_signal().at(Step::Signals)?;
    kernel::set_signals(process.ignored_signals, process.blocked_signals).at(Step::Signals)?;
    set_groups(process).at(Step::Groups)?;
    become_user(process, attempt, connection)?;
    Err(execute(process, &lists.0, &lists.1))
}

/// Takes nexcage-init's mounts out of the container, and the mount point too unless that may
/// belong to the image: LXC makes it in the /dev that it mounts, never on the root file system.
fn leave_mount(place: &Place) -> kernel::Result {
    let directory = place.directory();
    kernel::detach_mount(directory)?;
    let is_ours = directory.to_bytes().ends_with(b"/.nexcage") && !kernel::on_same_device(directory, c"/")?;
    if is_ours {
        // Not empty, read-only: then it isn't ours after all.
        let _ = kernel::remove_directory(directory);
    }
    Ok(())
}

/// How root fared with the working directory.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Directory {
    Entered,
    /// Root may not, as on NFS; the process's own user may be allowed to.
    Refused,
}

/// Enters the working directory, which is made for a container's init if it is missing.
fn enter_directory(directory: &CStr, role: Role<'_>) -> Result<Directory, Failed> {
    let mut entered = kernel::change_directory(directory);
    if entered == Err(Errno(ENOENT)) && matches!(role, Role::Init(_)) {
        make_directories(directory).at(Step::MakeCwd)?;
        entered = kernel::change_directory(directory);
    }
    match entered {
        Err(Errno(EACCES)) => return Ok(Directory::Refused),
        entered => entered.at(Step::EnterCwd)?,
    }
    // A link to a descriptor could have led to the host's files (CVE-2024-21626).
    kernel::check_directory_inside_root().at(Step::EnterCwd)?;
    Ok(Directory::Entered)
}

/// Makes a directory and its missing parents, with mode 0755.
fn make_directories(directory: &CStr) -> kernel::Result {
    kernel::set_umask(0o022);
    let (bytes, mut buffer) = (directory.to_bytes(), [0; PATH_MAX]);
    let ends = bytes.iter().enumerate().skip(1).filter(|&(_, &byte)| byte == b'/').map(|(index, _)| index);
    for end in ends.chain([bytes.len()]) {
        let parent = join(b"", &bytes[..end], &mut buffer).ok_or(Errno(ENAMETOOLONG))?;
        match kernel::make_directory(parent, 0o777) {
            Err(Errno(EEXIST)) => {}
            result => result?,
        }
    }
    Ok(())
}

/// Reads the container's passwd file until the user is found.
fn look_up(lookup: &mut Lookup) -> kernel::Result {
    let passwd = kernel::open_regular(c"/etc/passwd")?;
    let mut buffer = [0; 4096];
    loop {
        let count = kernel::read(&passwd, &mut buffer)?;
        if count == 0 || lookup.feed(&buffer[..count]) {
            return Ok(());
        }
    }
}

/// Sets what mandatory access control holds the process to: root may, its user may not.
fn set_labels(process: &Process<'_>) -> kernel::Result {
    if !process.apparmor.is_empty() {
        kernel::set_apparmor_profile(process.apparmor)?;
    }
    if !process.selinux.is_empty() {
        kernel::set_selinux_label(process.selinux)?;
    }
    Ok(())
}

fn set_groups(process: &Process<'_>) -> kernel::Result {
    let mut groups = Mapping::zeroed(process.groups().len())?;
    for (to, from) in groups.iter_mut().zip(process.groups()) {
        *to = from;
    }
    kernel::set_groups(&groups)?;
    kernel::set_group(process.gid)
}

/// Takes the process's identity and privileges, in the order in which each still allows the next.
/// A filter is loaded with the privilege to do so, or last and without any.
fn become_user(process: &Process<'_>, attempt: Directory, connection: &Connection) -> Result<(), Failed> {
    let gives_up_privileges = process.flags & flags::NO_NEW_PRIVILEGES != 0;
    if !gives_up_privileges {
        load_filter(process, connection)?;
    }
    let sets = &process.capabilities;
    kernel::limit_bounding_set(sets.bounding).at(Step::Bounding)?;
    kernel::set_user(process.uid).at(Step::User)?;
    if attempt == Directory::Refused {
        kernel::change_directory(process.cwd).at(Step::EnterCwd)?;
        kernel::check_directory_inside_root().at(Step::EnterCwd)?;
    }
    kernel::set_capabilities(sets).at(Step::CapabilitySets)?;
    kernel::set_ambient(sets.ambient).at(Step::Ambient)?;
    if gives_up_privileges {
        kernel::set_no_new_privileges().at(Step::NoNewPrivileges)?;
        load_filter(process, connection)?;
    }
    Ok(())
}

/// Loads the seccomp filter, if there is one, and waits until its listener has been told.
fn load_filter(process: &Process<'_>, connection: &Connection) -> Result<(), Failed> {
    let Seccomp { flags, program } = process.seccomp;
    if program.is_empty() {
        return Ok(());
    }
    match kernel::load_filter(flags, program).at(Step::Seccomp)? {
        Some(listener) => connection.announce_listener(listener).at(Step::Seccomp),
        None => Ok(()),
    }
}

/// The arguments and the environment, with `home` in its slot.
fn lists<'a>(
    process: &Process<'a>,
    slot: Slot,
    home: &'a CStr,
) -> kernel::Result<(StringList<'a>, StringList<'a>)> {
    let replaced = |(index, entry)| if slot == Slot::Replace(index) { home } else { entry };
    let appended = (slot == Slot::Append).then_some(home);
    let entries = process.env.iter().enumerate().map(replaced).chain(appended);
    let args = StringList::new(process.args.len(), process.args.iter())?;
    Ok((args, StringList::new(process.env.len() + usize::from(appended.is_some()), entries)?))
}

/// Executes the program, found by the process's own PATH.
fn execute(process: &Process<'_>, args: &StringList<'_>, env: &StringList<'_>) -> Failed {
    let path = process.env.iter().find_map(|entry| entry.to_bytes().strip_prefix(b"PATH="));
    // There is at least one argument.
    let name = process.args.iter().next().unwrap_or_default();
    let errno = search(name, path, |program| kernel::execute(program, args, env).0);
    Failed::at(Step::Exec, errno)
}
