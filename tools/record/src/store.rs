//! Where records are: one directory per container below a root.

use crate::{ContainerId, Error, Namespace, Record};
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

const RECORD: &str = "record.json";
const LOCK: &str = "lock";
/// How long somebody may take to find out that he has a directory that is not a dead shim's.
const MISTAKEN: Duration = Duration::from_secs(5);
const SOCKET: &str = "shim.sock";
const CONFIG: &str = "config.json";
/// A mount point.
const IMAGE: &str = "image";
const LOG: &str = "log";

/// The root of all containers, `/run/nexcage` unless `--root` says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root(PathBuf);

/// One container's directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerDir(PathBuf);

fn io_error<'a>(doing: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Error + use<'a> {
    move |source| Error::Io { doing, path: path.to_owned(), source }
}

impl Default for Root {
    fn default() -> Self {
        Root(PathBuf::from("/run/nexcage"))
    }
}

impl Root {
    /// A root at `path`, which need not exist; a relative path is taken from the working directory.
    ///
    /// # Errors
    /// The working directory cannot be told.
    pub fn new(path: &Path) -> Result<Self, Error> {
        std::path::absolute(path).map(Root).map_err(io_error("resolve", path))
    }

    /// The directory of a container, whether it exists or not.
    #[must_use]
    pub fn container(&self, namespace: &Namespace, id: &ContainerId) -> ContainerDir {
        ContainerDir(self.0.join(namespace.as_str()).join(id.as_str()))
    }

    /// The directories of all containers of one namespace or of all, sorted. A root that does not
    /// exist has none.
    ///
    /// # Errors
    /// A directory cannot be read.
    pub fn containers(&self, namespace: Option<&Namespace>) -> Result<Vec<ContainerDir>, Error> {
        let namespaces = match namespace {
            Some(namespace) => vec![self.0.join(namespace.as_str())],
            None => directories(&self.0)?,
        };
        let mut found = Vec::new();
        for namespace in namespaces {
            found.extend(directories(&namespace)?.into_iter().map(ContainerDir));
        }
        Ok(found)
    }
}

fn directories(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(io_error("read", path))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(io_error("read", path))?;
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

impl ContainerDir {
    /// The path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Where the shim serves the Task API. The path may be longer than a socket's address can be.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.0.join(SOCKET)
    }

    /// The bundle's config.json as it was when the container was made.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.0.join(CONFIG)
    }

    /// Where the root file system is mounted with other owners than it has, if it is. [`ContainerDir::remove`]
    /// does nothing while it is.
    #[must_use]
    pub fn image(&self) -> PathBuf {
        self.0.join(IMAGE)
    }

    /// What LXC, pct and the shim say of the container.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.0.join(LOG)
    }

    /// Takes the id: creates the directory, which must not exist, and locks it for the life of the
    /// returned file.
    ///
    /// # Errors
    /// [`Error::Exists`], or the directory cannot be made.
    pub fn create(&self) -> Result<File, Error> {
        loop {
            self.make_directory()?;
            match self.lock_own() {
                Ok(Some(lock)) => return Ok(lock),
                Ok(None) => return Err(Error::Exists { path: self.0.clone() }),
                // Somebody has taken it for a dead shim's in the moment before it was locked, and removed it.
                Err(Error::NotFound { .. }) => {}
                Err(error) => {
                    // One that has a lock by now is somebody else's.
                    drop(fs::remove_dir(&self.0));
                    return Err(error);
                }
            }
        }
    }

    /// Locks a directory that was just made. Who has it for the moment takes it for a dead shim's, and goes.
    fn lock_own(&self) -> Result<Option<File>, Error> {
        let since = Instant::now();
        loop {
            match self.lock() {
                Ok(None) if since.elapsed() < MISTAKEN => thread::sleep(Duration::from_millis(1)),
                other => return other,
            }
        }
    }

    fn make_directory(&self) -> Result<(), Error> {
        let mut builder = DirBuilder::new();
        // The container's mapped root must reach the socket, and nothing else.
        builder.mode(0o711);
        loop {
            if let Some(parent) = self.0.parent() {
                builder.recursive(true).create(parent).map_err(io_error("make", parent))?;
            }
            match builder.recursive(false).create(&self.0) {
                Ok(()) => return Ok(()),
                // The last container of the namespace went just now and took the directory along.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    return Err(Error::Exists { path: self.0.clone() });
                }
                Err(error) => return Err(io_error("make", &self.0)(error)),
            }
        }
    }

    /// Writes the copy of the bundle's document.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write_config(&self, text: &str) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        options.open(self.config())?.write_all(text.as_bytes())
    }

    /// Locks the directory if no live shim has it; `None` if one has.
    ///
    /// # Errors
    /// The lock file cannot be opened: there is no such container, say.
    pub fn lock(&self) -> Result<Option<File>, Error> {
        let path = self.0.join(LOCK);
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = file.map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => Error::NotFound { path: self.0.clone() },
            _ => io_error("open", &path)(source),
        })?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            // The directory may have been removed since, and made anew with another lock.
            Ok(()) if is_at(&file, &path) => Ok(Some(file)),
            Ok(()) => Err(Error::NotFound { path: self.0.clone() }),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(errno) => Err(io_error("lock", &path)(errno.into())),
        }
    }

    /// Whether this lock is still that of the directory, which may have been removed and made anew.
    #[must_use]
    pub fn is_held_by(&self, lock: &File) -> bool {
        is_at(lock, &self.0.join(LOCK))
    }

    /// The records of the other containers of its namespace, as far as there are any.
    pub fn siblings(&self) -> impl Iterator<Item = Record> {
        let all = self.0.parent().and_then(|parent| directories(parent).ok()).unwrap_or_default();
        let own = self.0.clone();
        all.into_iter().filter(move |path| *path != own).filter_map(|path| ContainerDir(path).read().ok())
    }

    /// Reads the record.
    ///
    /// # Errors
    /// There is none, or it is not readable.
    pub fn read(&self) -> Result<Record, Error> {
        let path = self.0.join(RECORD);
        let text = fs::read(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => Error::NotFound { path: self.0.clone() },
            _ => io_error("read", &path)(source),
        })?;
        Record::parse(&text, &path)
    }

    /// Replaces the record; after this returns it is on disk.
    ///
    /// # Errors
    /// A file cannot be written; the old record stands.
    pub fn write(&self, record: &Record) -> Result<(), Error> {
        let path = self.0.join(RECORD);
        let temporary = self.0.join("record.json.new");
        let mut text =
            serde_json::to_vec(record).map_err(|source| Error::Format { path: path.clone(), source })?;
        text.push(b'\n');
        let write = || {
            let mut file =
                OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&temporary, &path)?;
            File::open(&self.0)?.sync_all()
        };
        write().map_err(io_error("write", &path))
    }

    /// Removes the directory with all that is in it, and the namespace's and the root's own
    /// directories when they are empty. Can be repeated.
    ///
    /// # Errors
    /// Something cannot be removed.
    pub fn remove(&self) -> Result<(), Error> {
        // A mount point cannot be removed; what is mounted would be.
        match fs::remove_dir(self.image()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io_error("remove", &self.image())(error));
            }
            _ => {}
        }
        match fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io_error("remove", &self.0)(error));
            }
            _ => {}
        }
        for parent in self.0.ancestors().skip(1).take(2) {
            if fs::remove_dir(parent).is_err() {
                break;
            }
        }
        Ok(())
    }
}

/// Whether a path leads to this very file.
fn is_at(file: &File, path: &Path) -> bool {
    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(named)) => identity(open) == identity(named),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Backend, ProcessId, Status};

    fn fixture() -> (tempfile::TempDir, Root, ContainerDir, Record) {
        let temp = tempfile::tempdir().unwrap();
        let root = Root::new(&temp.path().join("root")).unwrap();
        let (namespace, id) = (Namespace::default(), ContainerId::new("c1").unwrap());
        let dir = root.container(&namespace, &id);
        let backend = Backend::Lxc { cgroup: "lxc.payload.c1".into(), new_parents: vec![] };
        let record = Record::new(&id, &namespace, "/b", ProcessId::current().unwrap(), backend);
        (temp, root, dir, record)
    }

    #[test]
    fn an_id_is_taken_once_and_free_again_after_removal() {
        let (_temp, root, dir, record) = fixture();
        let lock = dir.create().unwrap();
        assert!(matches!(dir.create(), Err(Error::Exists { .. })));
        assert!(dir.lock().unwrap().is_none(), "held");
        assert!(dir.is_held_by(&lock));
        dir.write(&record).unwrap();
        assert_eq!(dir.read().unwrap(), record);
        assert_eq!(root.containers(None).unwrap(), std::slice::from_ref(&dir));
        drop(lock);
        assert!(dir.lock().unwrap().is_some(), "its holder is gone");
        dir.remove().unwrap();
        dir.remove().unwrap();
        assert!(root.containers(None).unwrap().is_empty());
        assert!(matches!(dir.read(), Err(Error::NotFound { .. })));
        assert!(!root.0.exists(), "an empty root goes too");
        let again = dir.create().unwrap();
        assert!(dir.is_held_by(&again));
    }

    #[test]
    fn what_is_where_a_root_file_system_is_mounted_is_never_removed() {
        let (_temp, _root, dir, _record) = fixture();
        let _lock = dir.create().unwrap();
        fs::create_dir(dir.image()).unwrap();
        fs::write(dir.image().join("file"), "").unwrap();
        assert!(matches!(dir.remove(), Err(Error::Io { .. })));
        assert!(dir.image().join("file").exists() && dir.path().join(LOCK).exists());
        fs::remove_file(dir.image().join("file")).unwrap();
        dir.remove().unwrap();
        assert!(!dir.path().exists());
    }

    #[test]
    fn a_record_of_another_version_or_with_garbage_is_refused() {
        let (_temp, _root, dir, record) = fixture();
        let _lock = dir.create().unwrap();
        dir.write(&record).unwrap();
        let path = dir.path().join(RECORD);
        let text = fs::read_to_string(&path).unwrap();
        for bad in
            [text.replace("\"version\":2", "\"version\":3"), text.replace("\"id\"", "\"di\""), String::new()]
        {
            fs::write(&path, bad).unwrap();
            assert!(matches!(dir.read(), Err(Error::Format { .. })));
        }
    }

    #[test]
    fn a_running_record_whose_process_is_gone_is_seen_as_stopped() {
        let (_temp, _root, _dir, mut record) = fixture();
        let me = ProcessId::current().unwrap();
        let gone = ProcessId { start_time: me.start_time + 1, ..me };
        (record.status, record.process) = (Status::Running, Some(me));
        assert_eq!(record.observe().status, Status::Running);
        assert_eq!(record.observe().pid, Some(me.pid));
        record.process = Some(gone);
        assert_eq!((record.observe().status, record.observe().stale), (Status::Stopped, false));
        record.shim = gone;
        assert_eq!((record.observe().status, record.observe().stale), (Status::Stopped, true));
    }
}
