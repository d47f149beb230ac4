//! The walk below a directory, for files called config.json.

use crate::bundle::CONFIG;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Directories below the first one that are looked into.
const DEPTH: usize = 32;

/// What the walk met.
#[derive(Debug)]
pub(super) enum Met<'a> {
    /// A directory with a regular file called config.json.
    Candidate(&'a Path),
    /// A directory that cannot be looked into, or is too deep.
    Unreadable(&'a Path, io::Error),
}

/// How the walk goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// Into the directories of this one.
    GoOn,
    /// Not into them: below a bundle is its root filesystem.
    GoPast,
}

/// Walks over a directory and what is below it, in the order of names, a directory before what is
/// in it. Symbolic links are not followed, so the walk ends.
///
/// # Errors
/// What `visit` fails with; the walk is over then.
pub(super) fn walk<E>(directory: &Path, visit: &mut dyn FnMut(Met<'_>) -> Result<Then, E>) -> Result<(), E> {
    let mut waiting = vec![(directory.to_owned(), 0)];
    while let Some((directory, depth)) = waiting.pop() {
        let entries = match read(&directory, depth) {
            Ok(entries) => entries,
            Err(error) => {
                visit(Met::Unreadable(&directory, error))?;
                continue;
            }
        };
        if entries.has_config && visit(Met::Candidate(&directory))? == Then::GoPast {
            continue;
        }
        // The last one in is the first one out.
        let below = entries.directories.into_iter().rev().map(|name| (directory.join(name), depth + 1));
        waiting.extend(below);
    }
    Ok(())
}

struct Entries {
    directories: Vec<OsString>,
    has_config: bool,
}

fn read(directory: &PathBuf, depth: usize) -> io::Result<Entries> {
    if depth > DEPTH {
        return Err(io::Error::other(format!("it is more than {DEPTH} directories deep")));
    }
    let mut entries = Entries { directories: vec![], has_config: false };
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            entries.directories.push(entry.file_name());
        } else if kind.is_file() && entry.file_name() == CONFIG {
            entries.has_config = true;
        }
    }
    entries.directories.sort_unstable();
    Ok(entries)
}
