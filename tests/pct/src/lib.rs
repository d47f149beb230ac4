//! A stand-in for Proxmox's `pct` in tests: its commands, with its own words and statuses, on real LXC.
//! It is held to recordings of the real one by [`replay`]; what they do not hold is refused, not
//! guessed. Storage is directories only: what needs a disk, a snapshot, CRIU or a second node ends as it
//! does on a node that has none of them.
//!
//! # Settings
//! `PCT_STAND_IN` names a file of `key = value` lines; without it the paths are a node's own.
//! [`Node`] makes a scratch node with such a file and a `pct` that knows it.
//!
//! | key | stands for | default |
//! |---|---|---|
//! | `node` | the node's name in messages | the host name |
//! | `conf` | the directory of `<vmid>.conf` | `/etc/pve/lxc` |
//! | `qemu` | the directory of VMs' confs | `/etc/pve/qemu-server` |
//! | `lxc` | LXC's directory | `/var/lib/lxc` |
//! | `run` | run-time files: `ct-<vmid>.*`, locks, `calls`, `fault`, the manager's FIFO | `/run/pve` |
//! | `storage` | the storage `local`: `template/cache`, `images/<vmid>` | `/var/lib/vz` |
//! | `cgroup` | the cgroup above the containers'; the monitors' is `<cgroup>.monitor` | `lxc` |
//! | `bridges` | bridges that count as existing, besides the real ones | none |
//! | `monitor_timeout_ms` | how long a start waits for LXC to report | 10000 |
//! | `exit_timeout_ms` | how long a shutdown waits after lxc-stop | 5000 |
//! | `lock_timeout_ms` | how long a CT's lock is waited for | 10000 |
//!
//! # Run directory
//! `calls` gets one line of tab-separated words per call. `fault`, a [`Fault`] as JSON, makes the next
//! starts go wrong until it is removed.

mod command_line;
mod commands;
mod conf;
mod console;
mod failure;
mod fault;
mod lxc;
mod node;
mod render;
pub mod replay;

mod settings;
mod usage;
mod vmid;
mod worker;

pub use fault::Fault;
pub use node::Node;

use command_line::Call;
use commands::{Command, Role, Session};
use console::Console;
use failure::Failure;
use settings::Settings;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::process::ExitCode;

/// Runs `pct` with the words after its name.
#[must_use]
pub fn run(words: Vec<OsString>) -> ExitCode {
    let console = Console::new();
    let outcome = Settings::from_environment().and_then(|settings| dispatch(&settings, &console, words));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { message, status }) => {
            if !message.is_empty() {
                console.fail(&format!("{message}\n"));
            }
            status.into()
        }
    }
}

fn dispatch(settings: &Settings, console: &Console, mut words: Vec<OsString>) -> Result<(), Failure> {
    let name = words.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    let rest = || words.iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>();
    match name.as_str() {
        lxc::HOOK => lxc::run_hook(settings, &rest()),
        lxc::UNIT => lxc::supervise(settings, &rest()),
        lxc::MANAGER => lxc::manage(settings),
        worker::NAME => {
            words.remove(0);
            console.mute();
            call(&Session { settings, console, words: &words, role: Role::Worker })
        }
        _ => {
            log_call(settings, &words)?;
            call(&Session { settings, console, words: &words, role: Role::Caller })
        }
    }
}

fn call(session: &Session<'_>) -> Result<(), Failure> {
    let Some((name, words)) = session.words.split_first() else {
        return Err(Failure::died(format!("ERROR: no command specified\n{}", usage::overview())));
    };
    let name = name.to_string_lossy();
    let Some(command) = Command::named(&name) else {
        return Err(if usage::has(&name) {
            Failure::died(format!("pct stand-in: 'pct {name}' is not covered"))
        } else {
            Failure::died(format!("ERROR: unknown command 'pct {name}'\n{}", usage::overview()))
        });
    };
    let call = Call::parse(command, words.to_vec())?;
    commands::run(session, command, &call)
}

/// One line per call, so that tests can count them.
fn log_call(settings: &Settings, words: &[OsString]) -> io::Result<()> {
    let words: Vec<_> = words.iter().map(|word| word.to_string_lossy().replace('\n', "\\n")).collect();
    let mut log = File::options().create(true).append(true).open(settings.call_log())?;
    log.write_all(format!("{}\n", words.join("\t")).as_bytes())
}
