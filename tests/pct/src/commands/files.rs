//! `pct push` and `pct pull`: files of a running CT. What goes wrong is said, but no failure.

use super::Session;
use crate::command_line::Call;
use crate::failure::Failure;
use crate::lxc::ROOT;
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use std::fs::{File, Permissions};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::{PermissionsExt, fchown};

pub(super) fn push(session: &Session<'_>, call: &Call) -> Result<(), Failure> {
    let vmid = call.vmid()?;
    let container = session.container(vmid);
    let _lock = session.store().lock(vmid)?;
    if !container.is_running() {
        return Err(Failure::died("can only push files to a running CT"));
    }
    let base = if session.store().load(vmid)?.main.is_set("unprivileged") { ROOT } else { 0 };
    let root = Root::of(container.pid(session.console)?)?;
    let copied = Owner::wanted(call, &root, base).and_then(|owner| {
        let source = call.text(1);
        let from = File::open(&source).map_err(|_| format!("failed to open {source} for reading"))?;
        copy(from, &root.create(&call.text(2))?, &owner)
    });
    tell(session, copied);
    Ok(())
}

pub(super) fn pull(session: &Session<'_>, call: &Call) -> Result<(), Failure> {
    let vmid = call.vmid()?;
    let container = session.container(vmid);
    let _lock = session.store().lock(vmid)?;
    if !container.is_running() {
        return Err(Failure::died(
            "can only pull files from a running VM at /usr/share/perl5/PVE/CLI/pct.pm line 664.",
        ));
    }
    let root = Root::of(container.pid(session.console)?)?;
    let host = Root(File::open("/")?);
    let copied = Owner::wanted(call, &host, 0).and_then(|owner| {
        let source = call.text(1);
        let from = root.open(&source).map_err(|why| format!("failed to open {source}: {}", reason(&why)))?;
        copy(from, &host.create(&call.text(2))?, &owner)
    });
    tell(session, copied);
    Ok(())
}

fn tell(session: &Session<'_>, copied: Result<(), String>) {
    if let Err(why) = copied {
        session.console.fail(&format!("{why}\n"));
    }
}

/// The root of a CT, or the host's. Links in paths lead no further.
struct Root(File);

impl Root {
    fn of(pid: u32) -> io::Result<Root> {
        File::open(format!("/proc/{pid}/root")).map(Root)
    }

    fn open(&self, path: &str) -> io::Result<File> {
        self.at(path, OFlags::RDONLY)
    }

    fn create(&self, path: &str) -> Result<File, String> {
        let made = self.at(path, OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC);
        made.map_err(|why| format!("failed to create file: {path}: {}", reason(&why)))
    }

    fn at(&self, path: &str, flags: OFlags) -> io::Result<File> {
        let mode = if flags.contains(OFlags::CREATE) { Mode::from_raw_mode(0o644) } else { Mode::empty() };
        let file = openat2(self.0.as_fd(), path, flags | OFlags::CLOEXEC, mode, ResolveFlags::IN_ROOT)?;
        Ok(file.into())
    }

    /// A number, or the number of a name in a file like /etc/passwd.
    fn id(&self, file: &str, name: &str) -> Option<u32> {
        let mut text = String::new();
        self.open(file).and_then(|mut file| file.read_to_string(&mut text)).ok();
        let named =
            || text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.split(':').nth(1));
        name.parse().ok().or_else(|| named()?.parse().ok())
    }
}

/// Whose the new file is to be, and who may do what with it.
struct Owner {
    user: u32,
    group: u32,
    mode: Option<u32>,
}

impl Owner {
    fn wanted(call: &Call, root: &Root, base: u32) -> Result<Owner, String> {
        let id = |option: &str, kind: &str, file: &str| match call.option(option) {
            None => Ok::<_, String>(base),
            Some(name) => {
                let id = root.id(file, name).ok_or_else(|| format!("failed to get {kind} for: {name}"))?;
                Ok(base + id)
            }
        };
        let mode = call.option("perms").map(|text| match text.strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => u32::from_str_radix(text, 8),
        });
        let mode = mode.transpose().map_err(|_| "pct stand-in: these perms are not covered".to_owned())?;
        Ok(Owner { user: id("user", "uid", "/etc/passwd")?, group: id("group", "gid", "/etc/group")?, mode })
    }
}

/// Copies what can be read: a directory cannot, and leaves an empty file.
fn copy(mut from: File, to: &File, owner: &Owner) -> Result<(), String> {
    let done = || {
        fchown(to, Some(owner.user), Some(owner.group))?;
        owner.mode.map(|mode| to.set_permissions(Permissions::from_mode(mode))).transpose()
    };
    done().map_err(|why| reason(&why))?;
    let mut to = to;
    match io::copy(&mut from, &mut to) {
        Err(error) if error.kind() != io::ErrorKind::IsADirectory => Err(reason(&error)),
        _ => Ok(()),
    }
}

/// An error in strerror's words.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}
