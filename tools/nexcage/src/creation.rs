//! What `create` and `run` have in common: their options, and the making of a container.

use crate::arguments;
use crate::context::{Container, Context};
use crate::error::Error;
use crate::shim::Shim;
use crate::signals::Signals;
use crate::{pid_file, wait};
use nexcage_cli::{Args, Failure, Opt};
use nexcage_task_api::method::{Create, Remove};
use nexcage_task_api::shim::{CreateOptions, RemoveRequest};
use nexcage_task_api::task::{Any, CreateTaskRequest, CreateTaskResponse};
use nexcage_task_api::{Client, StreamId};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

pub(crate) const BUNDLE: Opt = Opt {
    long: "bundle",
    short: Some('b'),
    value: Some("DIR"),
    help: "The bundle: a directory with config.json and the root file system. Default: the working directory.",
};
pub(crate) const CONSOLE_SOCKET: Opt = Opt {
    long: "console-socket",
    short: None,
    value: Some("SOCKET"),
    help: "Send the master of the process's terminal to this Unix socket.",
};
pub(crate) const PID_FILE: Opt = Opt {
    long: "pid-file",
    short: None,
    value: Some("FILE"),
    help: "Write the pid of the process, as the host sees it, to FILE.",
};
pub(crate) const PRESERVE_FDS: Opt = Opt {
    long: "preserve-fds",
    short: None,
    value: Some("N"),
    help: "Pass N more descriptors from 3 on to the process, after those that LISTEN_FDS counts.",
};
pub(crate) const NO_PIVOT: Opt = Opt {
    long: "no-pivot",
    short: None,
    value: None,
    help: "Accepted with a warning: LXC changes the root as it has to.",
};
pub(crate) const NO_NEW_KEYRING: Opt = Opt {
    long: "no-new-keyring",
    short: None,
    value: None,
    help: "Accepted with a warning: the container has a session keyring of its own.",
};

pub(crate) const TEMPLATE: Opt = Opt {
    long: "template",
    short: None,
    value: Some("TEMPLATE"),
    help: "On Proxmox VE, unpack this archive in the place of the bundle's root file system: STORAGE:vztmpl/NAME or an absolute path.",
};
pub(crate) const ROOTFS_STORAGE: Opt = Opt {
    long: "rootfs-storage",
    short: None,
    value: Some("STORAGE:SIZE"),
    help: "On Proxmox VE, put the root file system on a disk of so many GiB on this storage; 0 is a directory there.",
};

/// The options as typed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Creation {
    pub(crate) bundle: Option<PathBuf>,
    pub(crate) console_socket: Option<PathBuf>,
    pub(crate) pid_file: Option<PathBuf>,
    pub(crate) preserve_fds: u32,
    /// What is asked of a CT, by the names of options.
    pub(crate) ct: BTreeMap<String, String>,
}

impl Creation {
    /// Takes an option that both verbs have.
    pub(crate) fn option(&mut self, name: &str, args: &mut Args) -> Result<(), Failure> {
        match name {
            "bundle" => self.bundle = Some(args.value()?.into()),
            "console-socket" => self.console_socket = Some(args.value()?.into()),
            "pid-file" => self.pid_file = Some(args.value()?.into()),
            "template" | "rootfs-storage" => drop(self.ct.insert(name.to_owned(), args.string()?)),
            "preserve-fds" => self.preserve_fds = arguments::preserved(args, name)?,
            "no-pivot" | "no-new-keyring" => {
                if args.flag()? {
                    log::warn!("--{name} changes nothing");
                }
            }
            other => arguments::unknown(other)?,
        }
        Ok(())
    }

    /// The bundle's directory, absolute.
    pub(crate) fn bundle(&self) -> Result<PathBuf, Error> {
        absolute(self.bundle.as_deref().unwrap_or(Path::new(".")))
    }

    /// Makes the container and writes the pid file. When this fails, nothing is left.
    pub(crate) fn make(&self, context: &Context, container: &Container) -> Result<Shim, Error> {
        let bundle = self.bundle()?;
        let request = self.request(container, &bundle)?;
        let mut signals = Signals::ending()?;
        context.launcher.serve(&container.dir)?;
        let mut shim = Shim::of(context, container)?;
        match create(&mut shim, &request, &mut signals) {
            Ok(Outcome::Created(pid)) => match self.write_pid(pid) {
                Ok(()) => Ok(shim),
                Err(error) => {
                    shim.remove()?;
                    Err(error)
                }
            },
            Ok(Outcome::Removed(signal)) => {
                shim.see_off();
                Err(Error::Interrupted(signal))
            }
            Err(error) => {
                shim.shut_down();
                Err(error)
            }
        }
    }

    fn write_pid(&self, pid: u32) -> Result<(), Error> {
        self.pid_file.as_deref().map_or(Ok(()), |file| pid_file::write(file, pid))
    }

    fn request(&self, container: &Container, bundle: &Path) -> Result<CreateTaskRequest, Error> {
        let options = CreateOptions {
            preserve_fds: preserved(self.preserve_fds),
            listen_fds: listening(),
            ct: self.ct.clone(),
            ..CreateOptions::default()
        };
        let terminal = has_terminal(bundle);
        let [stdin, stdout, stderr] = if terminal {
            [String::new(), console(self.console_socket.as_deref())?, String::new()]
        } else {
            ["fd:0", "fd:1", "fd:2"].map(str::to_owned)
        };
        if self.console_socket.is_some() && !terminal {
            return Err(Error::WrongState {
                id: container.id.to_string(),
                problem: "would have no terminal to send to --console-socket",
                hint: Some("process.terminal of the bundle has to be true for that"),
            });
        }
        Ok(CreateTaskRequest {
            id: container.id.to_string(),
            bundle: text(bundle)?,
            terminal,
            stdin,
            stdout,
            stderr,
            options: Some(Any::pack(&options)),
            ..CreateTaskRequest::default()
        })
    }
}

/// The failure of a verb that ended by a signal has the status of one.
pub(crate) fn failure(error: Error) -> Failure {
    match error {
        Error::Interrupted(_) => {
            let status = error.status_beside_a_process();
            Failure::from(error).with_status(status)
        }
        error => error.into(),
    }
}

/// What became of a creation.
enum Outcome {
    Created(u32),
    /// By this signal.
    Removed(i32),
}

/// Creates, and removes what was made so far when a signal asks for it.
fn create(shim: &mut Shim, request: &CreateTaskRequest, signals: &mut Signals) -> Result<Outcome, Error> {
    let creation = shim.send::<Create>(request)?;
    let mut removal: Option<(StreamId, i32)> = None;
    loop {
        while let Some((stream, answer)) = shim.answer()? {
            match removal {
                Some((remove, signal)) if stream == remove => {
                    Client::decode::<Remove>(answer)?;
                    return Ok(Outcome::Removed(signal));
                }
                None if stream == creation => {
                    let CreateTaskResponse { pid } = Client::decode::<Create>(answer)?;
                    return Ok(Outcome::Created(pid));
                }
                // The creation that is being removed has failed for that.
                _ => {}
            }
        }
        wait::wait(&[shim.as_fd(), signals.as_fd()], None)?;
        if let (None, Some(signal)) = (removal, signals.pending().next()) {
            let request = RemoveRequest { id: request.id.clone() };
            removal = Some((shim.send::<Remove>(&request)?, signal));
        }
    }
}

/// The name by which a terminal's master goes to a socket; empty without one.
pub(crate) fn console(socket: Option<&Path>) -> Result<String, Error> {
    let Some(socket) = socket else { return Ok(String::new()) };
    Ok(format!("console://{}", text(&absolute(socket)?)?))
}

/// How many descriptors go to the process: those of socket activation (sd_listen_fds(3)) come first.
pub(crate) fn preserved(asked: u32) -> u32 {
    asked.saturating_add(listening())
}

/// How many descriptors are handed on as sd_listen_fds(3) has it, if they are meant for this process.
pub(crate) fn listening() -> u32 {
    let number = |name| env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
    let is_meant = number("LISTEN_PID") == Some(std::process::id());
    number("LISTEN_FDS").filter(|_| is_meant).unwrap_or_default()
}

/// Whether the bundle asks for a terminal. What is wrong with a bundle is the shim's to say.
fn has_terminal(bundle: &Path) -> bool {
    #[derive(Deserialize)]
    struct Config {
        process: Process,
    }
    #[derive(Deserialize)]
    struct Process {
        #[serde(default)]
        terminal: bool,
    }
    let config = fs::read(bundle.join("config.json")).ok();
    let config: Option<Config> = config.and_then(|text| serde_json::from_slice(&text).ok());
    config.is_some_and(|config| config.process.terminal)
}

fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(Error::io("resolve", path))
}

/// A path as the Task API has it, which is UTF-8.
fn text(path: &Path) -> Result<String, Error> {
    let text = path.to_str().map(ToOwned::to_owned);
    text.ok_or_else(|| Error::io("use", path)(io::Error::new(io::ErrorKind::InvalidInput, "it is not UTF-8")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bundle_that_asks_for_a_terminal_has_one() {
        let bundle = tempfile::tempdir().unwrap();
        for (config, expected) in [
            (r#"{"process": {"terminal": true}}"#, true),
            (r#"{"process": {}}"#, false),
            ("{}", false),
            ("not JSON", false),
        ] {
            fs::write(bundle.path().join("config.json"), config).unwrap();
            assert_eq!(has_terminal(bundle.path()), expected, "{config}");
        }
        assert!(!has_terminal(Path::new("/nowhere")));
    }

    #[test]
    fn a_console_socket_is_named_by_its_absolute_path() {
        assert_eq!(console(None).unwrap(), "");
        assert_eq!(console(Some(Path::new("/run/x.sock"))).unwrap(), "console:///run/x.sock");
        assert!(console(Some(Path::new("x.sock"))).unwrap().starts_with("console:///"));
    }
}
