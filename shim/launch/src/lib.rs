//! The way from a command to a container's shim: a new one, the one that lives, or the successor of
//! one that died.
//!
//! Invariant: nothing here knows what is done with a container; that is said over the connection.

mod error;
mod program;
mod words;

pub use error::Error;
pub use program::find as program;

use nexcage_record::{ContainerDir, Error as RecordError};
use nexcage_task_api::{Client, ClientError};
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// The name of a shim's socket in its container's directory.
const SOCKET: &str = "shim.sock";

/// How long a living shim may take until its socket is there, and how often that is tried.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(10);

/// What the shims that are started here are told by their environment.
#[derive(Debug, Clone, Default)]
pub struct Launcher {
    /// The administrator's configuration file, if it is not the usual one.
    pub configuration: Option<PathBuf>,
    /// Whether they say what they do.
    pub verbosity: Verbosity,
}

/// How much a shim says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verbosity {
    /// As its environment says.
    #[default]
    Inherited,
    /// Up to the level *debug*.
    Debug,
}

impl Launcher {
    /// Takes a container's id and starts its shim, which serves when this returns.
    ///
    /// # Errors
    /// [`Error::Refused`] with the shim's own words, for instance that the id is taken.
    pub fn serve(&self, dir: &ContainerDir) -> Result<(), Error> {
        words::run(self.command("serve", dir)?)
    }

    /// The command that runs a container in the foreground; its options are the caller's to add.
    ///
    /// # Errors
    /// nexcage-shim is not installed.
    pub fn run(&self, dir: &ContainerDir) -> Result<Command, Error> {
        self.command("run", dir)
    }

    /// Connects to the shim of a container, or to a successor if it has died.
    ///
    /// # Errors
    /// There is no container, which may also be the end of recovering one; or no shim can be reached.
    pub fn connect(&self, dir: &ContainerDir) -> Result<Client, Error> {
        match Self::call(dir)? {
            Err(error) if is_nobody(&error) => self.recover(dir)?,
            result => return result.map_err(Error::Unreachable),
        }
        let since = Instant::now();
        loop {
            match Self::call(dir)? {
                // Another command has just taken the id, say, or the shim is still about to die.
                Err(error) if is_nobody(&error) && since.elapsed() < PATIENCE => {
                    thread::sleep(PAUSE);
                    self.recover(dir)?;
                }
                result => return result.map_err(Error::Unreachable),
            }
        }
    }

    /// One try to connect to a container's shim.
    fn call(dir: &ContainerDir) -> Result<Result<Client, ClientError>, Error> {
        let client = Client::connect(&dir.path().join(SOCKET));
        if client.is_err() && !dir.path().is_dir() {
            return Err(missing(dir));
        }
        Ok(client)
    }

    /// Makes sure that what the record of a container says is being kept up: if its shim has died, a
    /// successor serves when this returns, or has finished an interrupted creation or deletion.
    ///
    /// # Errors
    /// There is no container, or no successor could be started.
    pub fn settle(&self, dir: &ContainerDir) -> Result<(), Error> {
        match dir.read() {
            Ok(record) if record.shim.is_alive() => Ok(()),
            // So new that it has no record yet, or killed before it wrote one.
            Err(RecordError::NotFound { .. }) if !dir.path().is_dir() => Err(missing(dir)),
            _ => self.recover(dir),
        }
    }

    /// Starts a successor if the shim has died.
    ///
    /// # Errors
    /// As [`Launcher::settle`].
    pub fn recover(&self, dir: &ContainerDir) -> Result<(), Error> {
        log::debug!("the shim of {} does not answer, starting another", dir.path().display());
        words::run(self.command("recover", dir)?)
    }

    /// The command that looks for what has lost its container below a root.
    ///
    /// # Errors
    /// nexcage-shim is not installed.
    pub fn gc(&self, root: &Path) -> Result<Command, Error> {
        let mut command = self.program()?;
        command.arg("gc").arg("--root").arg(root);
        Ok(command)
    }

    fn command(&self, verb: &str, dir: &ContainerDir) -> Result<Command, Error> {
        let mut command = self.program()?;
        let (root, namespace, id) = parts(dir);
        command.arg(verb).arg("--id").arg(id).arg("--namespace").arg(namespace).arg("--root").arg(root);
        Ok(command)
    }

    fn program(&self) -> Result<Command, Error> {
        let mut command = Command::new(program::find()?);
        if let Some(file) = &self.configuration {
            command.env("NEXCAGE_CONFIG", file);
        }
        if self.verbosity == Verbosity::Debug {
            command.env("NEXCAGE_LOG", "debug");
        }
        Ok(command)
    }
}

/// Whether nobody is behind the socket.
fn is_nobody(error: &ClientError) -> bool {
    let ClientError::Connect { source, .. } = error else { return false };
    matches!(source.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused)
}

fn missing(dir: &ContainerDir) -> Error {
    Error::Record(RecordError::NotFound { path: dir.path().to_owned() })
}

/// The root, the namespace and the id that make up a directory.
fn parts(dir: &ContainerDir) -> (&OsStr, &OsStr, &OsStr) {
    let id = dir.path().file_name().unwrap_or_default();
    let namespace = dir.path().parent();
    let root = namespace.and_then(|path| path.parent()).map_or(OsStr::new("/"), |path| path.as_os_str());
    (root, namespace.and_then(|path| path.file_name()).unwrap_or_default(), id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexcage_record::{ContainerId, Namespace, Root};

    fn directory(root: &Path) -> ContainerDir {
        let (namespace, id) = (Namespace::new("ns").unwrap(), ContainerId::new("c1").unwrap());
        Root::new(root).unwrap().container(&namespace, &id)
    }

    #[test]
    fn a_directory_says_what_the_shim_is_told() {
        let dir = directory(Path::new("/some/where"));
        assert_eq!(parts(&dir), (OsStr::new("/some/where"), OsStr::new("ns"), OsStr::new("c1")));
        assert_eq!(parts(&directory(Path::new("/"))).0, OsStr::new("/"));
    }

    #[test]
    fn a_container_that_is_not_there_needs_no_shim() {
        let temp = tempfile::tempdir().unwrap();
        let dir = directory(temp.path());
        let results = [Launcher::default().settle(&dir), Launcher::default().connect(&dir).map(drop)];
        for result in results {
            assert!(matches!(result, Err(Error::Record(RecordError::NotFound { .. }))), "{result:?}");
        }
    }

    #[test]
    fn a_shim_that_serves_is_reached() {
        let temp = tempfile::tempdir().unwrap();
        let dir = directory(temp.path());
        std::fs::create_dir_all(dir.path()).unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(dir.path().join(SOCKET)).unwrap();
        Launcher::default().connect(&dir).unwrap();
    }
}
