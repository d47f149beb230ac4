//! Stdio that is named by a path, as containerd does it: an engine's FIFO, or a file.
//!
//! The process gets the FIFO itself and nothing is copied. The shim holds the other end, so that the
//! engine may go and come back: a reading end of an output, for the process would die of a write
//! without a reader; a writing end of the input, for it would see the end of file between two writers.

use crate::error::{Error, Refusal};
use crate::wait::Deadline;
use rustix::fs::{FileType, Mode, OFlags, fcntl_setfl, fstat, open};
use rustix::pipe::{PipeFlags, pipe_with};
use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

/// A stream of a process.
#[derive(Debug)]
pub(crate) struct Stream {
    /// What the process gets.
    pub(crate) own: OwnedFd,
    /// The other end, for the shim to hold.
    pub(crate) other: Option<OwnedFd>,
}

/// What the name of a stream says.
enum Name<'n> {
    Fifo(&'n Path),
    File(&'n Path),
}

impl<'n> Name<'n> {
    fn parse(name: &'n str) -> Result<Self, Error> {
        let (path, make): (_, fn(&'n Path) -> Self) = match name.split_once("://") {
            Some(("file", path)) => (path, Name::File),
            Some(("fifo", path)) => (path, Name::Fifo),
            _ => (name, Name::Fifo),
        };
        if path.starts_with('/') {
            return Ok(make(Path::new(path)));
        }
        Err(Error::from(Refusal::UnsupportedStdio { name: name.to_owned() }))
    }
}

impl Stream {
    /// The stdin of this name.
    pub(crate) fn input(name: &str) -> Result<Self, Error> {
        match Name::parse(name)? {
            Name::Fifo(path) => input(path).map_err(Error::system(format!("open {}", path.display()))),
            Name::File(_) => Err(Error::from(Refusal::UnsupportedStdio { name: name.to_owned() })),
        }
    }

    /// The stdout or stderr of this name.
    pub(crate) fn output(name: &str) -> Result<Self, Error> {
        match Name::parse(name)? {
            Name::Fifo(path) => output(path).map_err(Error::system(format!("open {}", path.display()))),
            Name::File(path) => {
                let own = append(path).map_err(Error::system(format!("open {}", path.display())))?;
                Ok(Stream { own, other: None })
            }
        }
    }

    /// A stdin to which nobody writes, and that does not end.
    pub(crate) fn silent_input() -> Result<Self, Error> {
        let pipe = pipe_with(PipeFlags::CLOEXEC);
        let (own, other) = pipe.map_err(|errno| Error::system("make a pipe")(errno.into()))?;
        Ok(Stream { own, other: Some(other) })
    }
}

/// How long an engine's reader may take to come. It is on its way when the call is.
const COMING: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(1);

/// Opens the reading end of a FIFO for the process, and the writing one.
fn input(path: &Path) -> io::Result<Stream> {
    let own = end(path, OFlags::RDONLY)?;
    let other = end(path, OFlags::WRONLY)?;
    own_stream(own, other)
}

/// Opens the writing end of a FIFO for the process, and the reading one. First the engine has to have
/// opened its own: while it does it waits for a writer, and would wait for ever if the process had ended
/// by then. One that does not come is not needed.
fn output(path: &Path) -> io::Result<Stream> {
    let deadline = Deadline::after(COMING);
    loop {
        match end(path, OFlags::WRONLY) {
            // Nobody has it open for reading (fifo(7)).
            Err(error) if error.raw_os_error() == Some(libc::ENXIO) && !deadline.is_over() => sleep(LOOK),
            Err(error) if error.raw_os_error() == Some(libc::ENXIO) => {
                let other = end(path, OFlags::RDONLY)?;
                return own_stream(end(path, OFlags::WRONLY)?, other);
            }
            own => return own_stream(own?, end(path, OFlags::RDONLY)?),
        }
    }
}

fn end(path: &Path, access: OFlags) -> io::Result<OwnedFd> {
    let flags = access | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let fd = open(path, flags, Mode::empty())?;
    match FileType::from_raw_mode(fstat(&fd)?.st_mode) {
        FileType::Fifo => Ok(fd),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no FIFO")),
    }
}

fn own_stream(own: OwnedFd, other: OwnedFd) -> io::Result<Stream> {
    // The process has not asked for it.
    fcntl_setfl(&own, OFlags::empty())?;
    Ok(Stream { own, other: Some(other) })
}

fn append(path: &Path) -> io::Result<OwnedFd> {
    if let Some(parent) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o755).create(parent)?;
    }
    let file = File::options().append(true).create(true).mode(0o644).open(path)?;
    Ok(file.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::fs::{CWD, fcntl_getfl, mknodat};
    use std::io::{Read as _, Write as _};
    use std::path::PathBuf;

    fn with_fifo() -> (tempfile::TempDir, PathBuf, String) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("fifo");
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let name = path.to_str().unwrap().to_owned();
        (directory, path, name)
    }

    #[test]
    fn a_reader_that_comes_late_has_the_whole_of_a_short_output() {
        let (_directory, path, name) = with_fifo();
        let engine = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            std::fs::read_to_string(path).unwrap()
        });
        let stream = Stream::output(&name).unwrap();
        File::from(stream.own).write_all(b"brief").unwrap();
        assert_eq!(engine.join().unwrap(), "brief");
    }

    #[test]
    fn an_output_needs_no_reader_and_outlives_one() {
        let (_directory, path, name) = with_fifo();
        let Stream { own, other } = Stream::output(&format!("fifo://{name}")).unwrap();
        let mut process = File::from(own);
        process.write_all(b"a").unwrap();
        let mut byte = [0];
        let mut reader = File::open(&path).unwrap();
        reader.read_exact(&mut byte).unwrap();
        drop(reader);
        process.write_all(b"b").unwrap();
        // The engine is back.
        let mut reader = File::open(&path).unwrap();
        drop((process, other));
        let mut rest = String::new();
        reader.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "b", "and there is an end");
    }

    #[test]
    fn an_input_ends_when_its_other_end_does() {
        let (_directory, path, name) = with_fifo();
        let Stream { own, other } = Stream::input(&name).unwrap();
        assert!(!fcntl_getfl(&own).unwrap().contains(OFlags::NONBLOCK));
        File::options().write(true).open(&path).unwrap().write_all(b"a").unwrap();
        let mut process = File::from(own);
        let mut byte = [0];
        process.read_exact(&mut byte).unwrap();
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let came = poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&now)).unwrap();
        assert_eq!(came, 0, "the writer has gone, and this is no end");
        drop(other);
        assert_eq!(process.read(&mut byte).unwrap(), 0);
    }

    #[test]
    fn a_file_is_made_with_its_parents_and_appended_to() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b/log");
        for text in ["1", "2"] {
            let stream = Stream::output(&format!("file://{}", path.display())).unwrap();
            File::from(stream.own).write_all(text.as_bytes()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "12");
        assert!(Stream::output(path.to_str().unwrap()).is_err(), "a file is no FIFO");
    }

    #[test]
    fn what_is_not_served_is_refused() {
        for name in ["binary:///bin/log", "relative", "fifo://relative", "http://x/y"] {
            assert!(Stream::output(name).is_err(), "{name}");
        }
        assert!(Stream::input("file:///etc/passwd").is_err());
    }
}
