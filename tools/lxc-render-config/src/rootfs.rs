//! Where a path of the container leads: symbolic links followed inside the root file system and the
//! mounts that the bundle puts over it, never outside.

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, openat, openat2, readlinkat, statat};
use rustix::io::Errno;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// As many symbolic links as the kernel follows in one path.
const MAX_LINKS: usize = 40;

/// The container's tree as far as it can be known before the start: a root file system and the
/// mounts over it so far.
#[derive(Debug)]
pub(crate) struct Tree {
    /// None if nobody can look into it.
    root: Option<OwnedFd>,
    mounts: Vec<Mounted>,
    /// The last mount at each target: documents may have very many.
    last: HashMap<String, usize>,
}

/// A mount of the bundle.
#[derive(Debug)]
pub(crate) struct Mounted {
    /// Its place, relative to the root of the container.
    pub(crate) target: String,
    /// What can be seen there.
    pub(crate) content: Content,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// What stands at a path of the host.
    Bind(PathBuf),
    /// A file system of this type that nobody can look into yet.
    Fresh(String),
}

/// A path without symbolic links, `.` and `..`, and what is there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Relative to the root of the container, without slashes at the ends; empty for the root.
    pub(crate) path: String,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Directory,
    /// Anything else than a directory.
    File,
    Missing,
    /// It lies in a file system that does not exist yet.
    Unknown,
}

/// Why a path leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Lost {
    /// Too many symbolic links; most likely a loop.
    Loop,
    /// A symbolic link does not hold UTF-8.
    Text,
    /// A component that should be a directory is none, or it cannot be looked at.
    System { path: String, errno: Errno },
}

impl Tree {
    pub(crate) fn open(root: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = Some(openat(CWD, root, flags, Mode::empty())?);
        Ok(Tree { root, ..Self::unseen() })
    }

    /// A root file system that nobody can look into yet: only mounts over it are known.
    pub(crate) fn unseen() -> Self {
        Tree { root: None, mounts: vec![], last: HashMap::new() }
    }

    /// Whether a place is in a root file system that nobody can look into yet.
    pub(crate) fn hides(&self, path: &str) -> bool {
        self.root.is_none() && self.over(path).is_none()
    }

    pub(crate) fn mount(&mut self, target: &str, content: Content) {
        self.last.insert(target.to_owned(), self.mounts.len());
        self.mounts.push(Mounted { target: target.to_owned(), content });
    }

    pub(crate) fn mounts(&self) -> &[Mounted] {
        &self.mounts
    }

    /// The mount that covers a place: the last one at it or above it.
    pub(crate) fn over(&self, path: &str) -> Option<&Mounted> {
        let above = path.match_indices('/').map(|(end, _)| &path[..end]).chain([path]);
        above.filter_map(|target| self.last.get(target)).max().map(|last| &self.mounts[*last])
    }

    /// Follows a path of the container from its root.
    pub(crate) fn resolve(&self, path: &str) -> Result<Place, Lost> {
        let mut pending: VecDeque<String> = components(path).collect();
        let mut place = Place { path: String::new(), kind: Kind::Directory };
        let mut links = 0;
        while let Some(component) = pending.pop_front() {
            if component == ".." {
                let parent = place.path.rsplit_once('/').map_or("", |(parent, _)| parent).to_owned();
                place = Place { path: parent, kind: Kind::Directory };
                continue;
            }
            let separator = if place.path.is_empty() { "" } else { "/" };
            let next = format!("{}{separator}{component}", place.path);
            match self.look(&next)? {
                Found::Kind(kind) => place = Place { path: next, kind },
                Found::Link(target) => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(Lost::Loop);
                    }
                    if target.starts_with('/') {
                        place = Place { path: String::new(), kind: Kind::Directory };
                    }
                    for component in components(&target).rev() {
                        pending.push_front(component);
                    }
                }
            }
        }
        Ok(place)
    }

    fn look(&self, path: &str) -> Result<Found, Lost> {
        let Some(mount) = self.over(path) else {
            return self.root.as_ref().map_or(Ok(Found::Kind(Kind::Unknown)), |root| found(root, path));
        };
        let rest = below(path, &mount.target).unwrap_or_default();
        match &mount.content {
            Content::Fresh(_) if rest.is_empty() => Ok(Found::Kind(Kind::Directory)),
            Content::Fresh(_) => Ok(Found::Kind(Kind::Unknown)),
            Content::Bind(source) if rest.is_empty() => {
                Ok(Found::Kind(if source.is_dir() { Kind::Directory } else { Kind::File }))
            }
            Content::Bind(source) => {
                let flags = OFlags::PATH | OFlags::CLOEXEC;
                let source = openat(CWD, source, flags, Mode::empty())
                    .map_err(|errno| Lost::System { path: path.to_owned(), errno })?;
                found(&source, rest)
            }
        }
    }
}

enum Found {
    Kind(Kind),
    Link(String),
}

/// What stands at a path below a directory. The path has no symbolic links before its last
/// component; the kernel is told to stay inside whatever anybody changes meanwhile.
fn found(root: &OwnedFd, path: &str) -> Result<Found, Lost> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let lost = |errno| Lost::System { path: path.to_owned(), errno };
    let file = match openat2(root, path, flags, Mode::empty(), ResolveFlags::IN_ROOT) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(Found::Kind(Kind::Missing)),
        Err(errno) => return Err(lost(errno)),
    };
    let stat = statat(file.as_fd(), "", AtFlags::EMPTY_PATH).map_err(lost)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Ok(Found::Kind(Kind::Directory)),
        FileType::Symlink => {
            let target = readlinkat(file.as_fd(), "", vec![]).map_err(lost)?;
            target.into_string().map(Found::Link).map_err(|_| Lost::Text)
        }
        _ => Ok(Found::Kind(Kind::File)),
    }
}

fn components(path: &str) -> impl DoubleEndedIterator<Item = String> {
    path.split('/').filter(|part| !part.is_empty() && *part != ".").map(ToOwned::to_owned)
}

/// The rest of a path below an ancestor; empty for the ancestor itself, `None` if it is none.
pub(crate) fn below<'p>(path: &'p str, ancestor: &str) -> Option<&'p str> {
    let rest = path.strip_prefix(ancestor)?;
    if rest.is_empty() || ancestor.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lost::Loop => f.write_str("it leads through too many symbolic links"),
            Lost::Text => f.write_str("it leads through a symbolic link that is not UTF-8"),
            Lost::System { path, errno } => write!(f, "/{path} cannot be looked at: {errno}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn tree() -> (tempfile::TempDir, Tree) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        fs::create_dir_all(root.join("var/run")).unwrap();
        fs::create_dir_all(root.join("run")).unwrap();
        fs::create_dir_all(dir.path().join("outside/deep")).unwrap();
        fs::write(root.join("file"), "").unwrap();
        for (target, name) in [
            ("/run", "absolute"),
            ("../../../../outside", "var/escape"),
            ("/../../outside", "rooted"),
            ("loop", "loop"),
            ("var/../absolute/x", "chain"),
        ] {
            symlink(target, root.join(name)).unwrap();
        }
        let tree = Tree::open(&root).unwrap();
        (dir, tree)
    }

    #[test]
    fn links_and_dots_stay_inside() {
        let (_dir, tree) = tree();
        let check = |path: &str, expected: &str, kind| {
            assert_eq!(tree.resolve(path), Ok(Place { path: expected.into(), kind }), "{path}");
        };
        check("/", "", Kind::Directory);
        check("/file", "file", Kind::File);
        check("absolute/a/b", "run/a/b", Kind::Missing);
        check("/../../../outside", "outside", Kind::Missing);
        check("/var/escape/deep", "outside/deep", Kind::Missing);
        check("/rooted", "outside", Kind::Missing);
        check("/chain", "run/x", Kind::Missing);
        check("/var/run/../../absolute/.", "run", Kind::Directory);
        assert_eq!(tree.resolve("/loop/x"), Err(Lost::Loop));
        assert!(matches!(tree.resolve("/file/x"), Err(Lost::System { errno: Errno::NOTDIR, .. })));
    }

    #[test]
    fn mounts_cover_what_is_below_them() {
        let (dir, mut tree) = tree();
        let source = dir.path().join("outside");
        symlink("/absolute", source.join("link")).unwrap();
        tree.mount("run", Content::Fresh("tmpfs".into()));
        assert_eq!(tree.resolve("/absolute/x").unwrap().kind, Kind::Unknown);
        tree.mount("var", Content::Bind(source));
        let place = |path: &str, kind| Ok(Place { path: path.into(), kind });
        assert_eq!(tree.resolve("/var/deep"), place("var/deep", Kind::Directory));
        assert_eq!(tree.resolve("/var/run"), place("var/run", Kind::Missing));
        assert_eq!(tree.resolve("/var/link"), place("run", Kind::Directory));
        assert_eq!(tree.over("variable").map(|mount| mount.target.as_str()), None);
    }
}
