//! The commands, one file each.

mod checkpoint;
mod clone;
mod config;
mod console;
mod create;
mod destroy;
mod df;
mod exec;
mod file_system;
mod files;
mod list;
mod lock;
mod migrate;
mod mount;
mod parameters;
mod pending;
mod reboot;
mod rescan;
mod set;
mod shutdown;
mod snapshot;
mod start;
mod status;
mod stop;
mod template;
mod volumes;

pub(crate) use parameters::{Command, Takes};

use crate::command_line::Call;
use crate::conf::{Section, Store};
use crate::console::Console;
use crate::failure::Failure;
use crate::lxc::Container;
use crate::settings::Settings;
use crate::vmid::Vmid;
use crate::worker;
use std::ffi::OsString;

/// What every command works with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Session<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) console: &'a Console,
    /// The words of the call.
    pub(crate) words: &'a [OsString],
    pub(crate) role: Role,
}

/// Which part of a call this process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// What comes before a task, and commands that are none.
    Caller,
    /// The task. It goes through what comes before it again, in silence.
    Worker,
}

impl<'a> Session<'a> {
    fn store(&self) -> Store<'a> {
        Store { settings: self.settings, console: self.console }
    }

    fn container(&self, vmid: Vmid) -> Container<'a> {
        Container { settings: self.settings, vmid }
    }

    /// Runs the rest of a call as a task.
    fn task(&self, work: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
        match self.role {
            Role::Caller => worker::delegate(self.words),
            Role::Worker => {
                self.console.enter_task();
                work().map_err(Failure::of_task)
            }
        }
    }
}

/// Runs a command whose parameters are good.
pub(crate) fn run(session: &Session<'_>, command: &Command, call: &Call) -> Result<(), Failure> {
    match command.name {
        "list" => list::run(session),
        "status" => status::run(session, call),
        "config" => config::run(session, call),
        "set" => set::run(session, call),
        "create" | "restore" => create::run(session, call),
        "start" => start::run(session, call),
        "stop" => stop::run(session, call),
        "shutdown" => shutdown::run(session, call),
        "destroy" => destroy::run(session, call),
        "reboot" => reboot::run(session, call),
        "suspend" => checkpoint::suspend(session, call),
        "resume" => checkpoint::resume(session, call),
        "snapshot" => snapshot::take(session, call),
        "rollback" => snapshot::roll_back(session, call),
        "delsnapshot" => snapshot::delete(session, call),
        "listsnapshot" => snapshot::list(session, call),
        "clone" => clone::run(session, call),
        "migrate" => migrate::run(session, call),
        "mount" => mount::mount(session, call),
        "unmount" => mount::unmount(session, call),
        "unlock" => lock::unlock(session, call),
        "push" => files::push(session, call),
        "pull" => files::pull(session, call),
        "pending" => pending::run(session, call),
        "template" => template::run(session, call),
        "resize" => volumes::resize(session, call),
        "move-volume" => volumes::relocate(session, call),
        "fsck" => file_system::check(session, call),
        "fstrim" => file_system::trim(session, call),
        "df" => df::run(session, call),
        "rescan" => rescan::run(session, call),
        "cpusets" => rescan::cpusets(session),
        "enter" => console::enter(session, call),
        "console" => console::run(session, call),
        _ => exec::run(session, command, call),
    }
}

/// # Errors
/// The CT is locked by anything but what `but` names.
fn check_lock(conf: &Section, but: &[&str]) -> Result<(), Failure> {
    match conf.get("lock") {
        Some(lock) if !but.contains(&lock) => Err(Failure::died(format!("CT is locked ({lock})"))),
        _ => Ok(()),
    }
}

/// # Errors
/// The CT does not run, or does not exist: both look alike.
fn check_running(container: &Container<'_>) -> Result<(), Failure> {
    if container.is_running() {
        Ok(())
    } else {
        Err(Failure::died(format!("CT {} not running", container.vmid)))
    }
}
