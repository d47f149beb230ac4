//! Bundles: a directory with a config.json, or a config.json alone.

use crate::json::{self, Document, Fault, Limits};
use nexcage_cli::{Code, Diagnose};
use rustix::fs::{CWD, Mode, OFlags, openat};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The name that the specification gives the document (bundle.md#container-format).
pub(crate) const CONFIG: &str = "config.json";

/// An OCI bundle whose document was read.
#[derive(Debug)]
pub struct Bundle {
    directory: Option<Directory>,
    config: PathBuf,
    file: Arc<str>,
    document: Document,
}

#[derive(Debug)]
struct Directory {
    path: PathBuf,
    handle: OwnedFd,
}

impl Bundle {
    /// Opens what a user names: a bundle directory, a configuration file, or `-` for a
    /// configuration on standard input. A file called `config.json` stands in its bundle; a file of
    /// another name and standard input are documents without one.
    ///
    /// # Errors
    /// A directory or file that cannot be opened or read, or a document that is not JSON. Faults
    /// that can be stepped over are no error: they are in [`Document::faults`].
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        if path == Path::new("-") {
            return Self::read(&mut io::stdin().lock(), 0, path.to_owned(), None);
        }
        if path.is_dir() {
            return Self::in_directory(path, path.join(CONFIG));
        }
        if path.file_name().is_some_and(|name| name == CONFIG) {
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            return Self::in_directory(parent.unwrap_or(Path::new(".")), path.to_owned());
        }
        let mut file = File::open(path).map_err(|source| OpenError::cannot("open", path, source))?;
        let size = file.metadata().map_or(0, |metadata| metadata.len());
        Self::read(&mut file, size, path.to_owned(), None)
    }

    /// A document that comes from elsewhere, as a bundle without a directory.
    #[must_use]
    pub fn from_document(document: Document) -> Self {
        Bundle { directory: None, config: PathBuf::from("-"), file: "-".into(), document }
    }

    /// A document that stands for the `config.json` of a bundle's directory.
    ///
    /// # Errors
    /// The directory cannot be opened, or the document is not JSON.
    pub fn with_document(directory: &Path, document: &[u8]) -> Result<Self, OpenError> {
        let flags = OFlags::DIRECTORY | OFlags::PATH | OFlags::CLOEXEC;
        let handle = openat(CWD, directory, flags, Mode::empty())
            .map_err(|source| OpenError::cannot("open", directory, source.into()))?;
        let (path, size) = (directory.to_owned(), document.len() as u64);
        Self::read(&mut { document }, size, directory.join(CONFIG), Some(Directory { path, handle }))
    }

    fn in_directory(directory: &Path, config: PathBuf) -> Result<Self, OpenError> {
        let flags = OFlags::DIRECTORY | OFlags::PATH | OFlags::CLOEXEC;
        let handle = openat(CWD, directory, flags, Mode::empty())
            .map_err(|source| OpenError::cannot("open", directory, source.into()))?;
        let path = std::path::absolute(directory)
            .map_err(|source| OpenError::cannot("resolve", directory, source))?;
        // Without NONBLOCK a FIFO of that name would hold the caller up for ever.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let mut file = openat(&handle, CONFIG, flags, Mode::empty())
            .map(File::from)
            .map_err(|source| OpenError::cannot("open", &config, source.into()))?;
        let Some(metadata) = file.metadata().ok().filter(fs::Metadata::is_file) else {
            return Err(OpenError::NotAFile { path: config });
        };
        Self::read(&mut file, metadata.len(), config, Some(Directory { path, handle }))
    }

    /// Reads a document whose size is perhaps known.
    fn read(
        source: &mut dyn Read,
        size: u64,
        config: PathBuf,
        directory: Option<Directory>,
    ) -> Result<Self, OpenError> {
        let limits = Limits::default();
        // One byte more than may be read, so that the reader sees that there is more.
        let most = limits.size as u64 + 1;
        let mut bytes = Vec::with_capacity(usize::try_from(size.saturating_add(1).min(most)).unwrap_or(0));
        source
            .take(most)
            .read_to_end(&mut bytes)
            .map_err(|source| OpenError::cannot("read", &config, source))?;
        match json::parse(bytes, limits) {
            Ok(document) => {
                let file = config.to_string_lossy().into();
                Ok(Bundle { directory, config, file, document })
            }
            Err(fault) => Err(OpenError::Syntax { path: config, fault }),
        }
    }

    /// The bundle's directory as an absolute path, if it is known.
    #[must_use]
    pub fn directory(&self) -> Option<&Path> {
        self.directory.as_ref().map(|directory| directory.path.as_path())
    }

    /// The bundle's directory as it was opened: what is looked up from here is the same bundle even
    /// if its path means another by now.
    #[must_use]
    pub fn handle(&self) -> Option<&OwnedFd> {
        self.directory.as_ref().map(|directory| &directory.handle)
    }

    /// The path of the document, `-` for standard input.
    #[must_use]
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// The same for messages.
    pub(crate) fn file(&self) -> &Arc<str> {
        &self.file
    }

    /// The document.
    #[must_use]
    pub fn document(&self) -> &Document {
        &self.document
    }
}

/// Why a bundle cannot be opened.
#[derive(Debug)]
pub enum OpenError {
    /// A directory or file cannot be opened or read.
    Unreadable {
        /// What was done.
        operation: &'static str,
        /// With which path.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// `config.json` is something else than a file.
    NotAFile {
        /// Its path.
        path: PathBuf,
    },
    /// The document is not JSON.
    Syntax {
        /// Its path, `-` for standard input.
        path: PathBuf,
        /// What is wrong and where.
        fault: Fault,
    },
}

impl OpenError {
    fn cannot(operation: &'static str, path: &Path, source: io::Error) -> Self {
        OpenError::Unreadable { operation, path: path.to_owned(), source }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Unreadable { operation, path, .. } => {
                write!(f, "cannot {operation} {}", path.display())
            }
            OpenError::NotAFile { path } => write!(f, "{} is not a regular file", path.display()),
            OpenError::Syntax { path, .. } => write!(f, "{} is not JSON", path.display()),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            OpenError::Unreadable { source, .. } => Some(source),
            OpenError::NotAFile { .. } => None,
            OpenError::Syntax { fault, .. } => Some(fault),
        }
    }
}

impl Diagnose for OpenError {
    fn code(&self) -> Code {
        match self {
            OpenError::Syntax { .. } => Code::Syntax,
            _ => Code::Input,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_and_the_config_in_it_are_the_same_bundle() {
        let bundle = tempfile::tempdir().unwrap();
        fs::write(bundle.path().join(CONFIG), "{}").unwrap();
        fs::write(bundle.path().join("other.json"), "{}").unwrap();
        for path in [bundle.path().to_owned(), bundle.path().join(CONFIG)] {
            let opened = Bundle::open(&path).unwrap();
            assert_eq!(opened.directory(), Some(bundle.path()));
            assert_eq!(opened.config(), bundle.path().join(CONFIG));
        }
        assert_eq!(Bundle::open(&bundle.path().join("other.json")).unwrap().directory(), None);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let bundle = tempfile::tempdir().unwrap();
        let missing = Bundle::open(bundle.path()).unwrap_err();
        assert!(matches!(missing, OpenError::Unreadable { .. }) && missing.code() == Code::Input);
        assert!(missing.to_string().ends_with("/config.json"), "{missing}");
        fs::create_dir(bundle.path().join(CONFIG)).unwrap();
        assert!(matches!(Bundle::open(bundle.path()), Err(OpenError::NotAFile { .. })));
        let text = bundle.path().join("text");
        fs::write(&text, "{").unwrap();
        assert_eq!(Bundle::open(&text).unwrap_err().code(), Code::Syntax);
    }
}
