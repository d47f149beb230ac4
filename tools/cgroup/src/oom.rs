//! Knowing when a cgroup has run out of memory.

use crate::{Cgroup, Error, Version};
use rustix::event::{EventfdFlags, eventfd};
use rustix::fs::inotify;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

/// Cgroup v1 tells before it kills: how often to look for the kill, and how long to wait in between.
const LOOKS: u32 = 50;
const TICK: Duration = Duration::from_millis(1);
/// More than any of the files has.
const LONGEST: usize = 4096;

/// Watches a cgroup for running out of memory. Its descriptor is readable when there may be news.
#[derive(Debug)]
pub struct OomWatch {
    source: Source,
    /// What the kernel's counter said last.
    seen: u64,
}

#[derive(Debug)]
enum Source {
    /// `memory.oom_control` of cgroup v1. The kernel signals the event each time memory runs out, and once
    /// more when the cgroup is removed.
    Control { event: File, control: File, removed: Option<Removed> },
    /// `memory.events` of cgroup v2.
    Events { inotify: OwnedFd, events: File },
}

/// Signals since the cgroup is gone, the one for the removal among them.
#[derive(Debug, Default)]
struct Removed {
    signals: u64,
}

impl OomWatch {
    /// Watches from now on.
    ///
    /// # Errors
    /// The cgroup is in no hierarchy with the memory controller, or the system refuses.
    pub fn new(cgroup: &Cgroup) -> Result<Self, Error> {
        let failed = |error| {
            Error::system(format!("watch the cgroup {} for lack of memory", cgroup.name.display()))(error)
        };
        let source = if let Some(directory) = cgroup.of_controller(Version::V1, "memory") {
            control(directory).map_err(failed)?
        } else if let Some(directory) = cgroup.of_controller(Version::V2, "memory") {
            events(directory).map_err(failed)?
        } else {
            return Err(Error::NoFile { name: cgroup.name.clone(), file: "memory.events".to_owned() });
        };
        let seen = source.kills().map_err(failed)?.unwrap_or_default();
        Ok(OomWatch { source, seen })
    }

    /// How many processes the kernel has killed since the last call because memory ran out. Where it
    /// does not count them, or kills none (`disableOOMKiller`): how often memory ran out.
    pub fn take(&mut self) -> u64 {
        match &mut self.source {
            Source::Events { inotify, events } => {
                drain(inotify);
                // Once the cgroup is gone nothing new is to be learned.
                let now = read_key(events, "oom_kill").ok().flatten();
                advance(&mut self.seen, now.unwrap_or_default())
            }
            Source::Control { event, control, removed } => {
                let signals = drain_event(event);
                if let Some(removed) = removed {
                    return removed.more(signals);
                }
                match kills_after(signals, self.seen, control) {
                    Ok(Kills::Counted(now)) => advance(&mut self.seen, now),
                    Ok(Kills::Uncounted) => {
                        // A kill that is counted later is told of by now.
                        self.seen = self.seen.saturating_add(signals);
                        signals
                    }
                    Err(_) => removed.insert(Removed::default()).more(signals),
                }
            }
        }
    }
}

impl AsFd for OomWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.source {
            Source::Control { event, .. } => event.as_fd(),
            Source::Events { inotify, .. } => inotify.as_fd(),
        }
    }
}

impl Source {
    fn kills(&self) -> io::Result<Option<u64>> {
        match self {
            Source::Control { control: file, .. } | Source::Events { events: file, .. } => {
                read_key(file, "oom_kill")
            }
        }
    }
}

impl Removed {
    /// Which of two signals is the removal's cannot be told, so the first counts for nothing.
    fn more(&mut self, signals: u64) -> u64 {
        let before = self.signals.saturating_sub(1);
        self.signals = self.signals.saturating_add(signals);
        self.signals.saturating_sub(1) - before
    }
}

/// What is known of kills after some signals.
enum Kills {
    Counted(u64),
    Uncounted,
}

fn kills_after(signals: u64, seen: u64, control: &File) -> io::Result<Kills> {
    for look in 0.. {
        let kills = match read_key(control, "oom_kill") {
            // Only since Linux 4.13.
            Ok(None) => break,
            Ok(Some(kills)) => kills,
            // It was there after the signals, so none of them is for its removal.
            Err(_) if look > 0 => break,
            Err(error) => return Err(error),
        };
        if kills > seen || signals == 0 {
            return Ok(Kills::Counted(kills));
        }
        // The kernel may write a long report to a slow console first; and it counts a process in a
        // cgroup below only there.
        if look == LOOKS || read_key(control, "oom_kill_disable").is_ok_and(|value| value == Some(1)) {
            break;
        }
        sleep(TICK);
    }
    Ok(Kills::Uncounted)
}

fn advance(seen: &mut u64, now: u64) -> u64 {
    let before = std::mem::replace(seen, now.max(*seen));
    *seen - before
}

fn control(directory: &Path) -> io::Result<Source> {
    let event = File::from(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
    let control = File::open(directory.join("memory.oom_control"))?;
    let order = format!("{} {}", event.as_raw_fd(), control.as_raw_fd());
    fs::write(directory.join("cgroup.event_control"), order)?;
    Ok(Source::Control { event, control, removed: None })
}

fn events(directory: &Path) -> io::Result<Source> {
    let path = directory.join("memory.events");
    let inotify = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
    inotify::add_watch(&inotify, &path, inotify::WatchFlags::MODIFY)?;
    Ok(Source::Events { inotify, events: File::open(path)? })
}

/// The number behind a key in a file of the kernel, read anew.
fn read_key(file: &File, key: &str) -> io::Result<Option<u64>> {
    let mut text = [0; LONGEST];
    let length = file.read_at(&mut text, 0)?;
    let text = String::from_utf8_lossy(&text[..length]);
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok());
    Ok(value)
}

fn drain_event(mut event: &File) -> u64 {
    let mut count = [0; size_of::<u64>()];
    // There may be nothing to read.
    event.read_exact(&mut count).map_or(0, |()| u64::from_ne_bytes(count))
}

fn drain(inotify: &OwnedFd) {
    let mut buffer = [0; LONGEST];
    while rustix::io::read(inotify, &mut buffer).is_ok_and(|length| length > 0) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Hierarchies;
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    fn has_news(watch: &OomWatch) -> bool {
        let soon = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
        poll(&mut [PollFd::new(watch, PollFlags::IN)], Some(&soon)).unwrap() == 1
    }

    #[test]
    fn v2_tells_of_kills_and_of_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("c");
        fs::create_dir(&directory).unwrap();
        fs::write(root.path().join("cgroup.controllers"), "memory").unwrap();
        let say = |kills: u64, max: u64| {
            let text = format!("low 0\nhigh 0\nmax {max}\noom 9\noom_kill {kills}\noom_group_kill 7\n");
            fs::write(directory.join("memory.events"), text).unwrap();
        };
        say(3, 0);
        let line = format!("1 2 0:3 / {} rw - cgroup2 cgroup2 rw", root.path().display());
        let cgroup = Cgroup::find_in(&Hierarchies::in_mountinfo(&line), Path::new("c"));
        let mut watch = OomWatch::new(&cgroup).unwrap();
        assert!(!has_news(&watch));
        assert_eq!(watch.take(), 0);
        say(5, 0);
        assert!(has_news(&watch));
        assert_eq!(watch.take(), 2);
        assert!(!has_news(&watch));
        say(5, 8);
        assert!(has_news(&watch));
        assert_eq!(watch.take(), 0);
        fs::remove_dir_all(&directory).unwrap();
        assert_eq!(watch.take(), 0);
    }

    #[test]
    fn the_signal_for_the_removal_is_none_for_memory() {
        let mut removed = Removed::default();
        assert_eq!([0, 1, 0, 1, 2].map(|signals| removed.more(signals)), [0, 0, 0, 1, 2]);
    }

    #[test]
    fn a_cgroup_without_the_controller_cannot_be_watched() {
        let cgroup = Cgroup::find_in(&Hierarchies::default(), Path::new("c"));
        let error = OomWatch::new(&cgroup).unwrap_err();
        assert_eq!(error.to_string(), "the cgroup c has no file \"memory.events\" on this host");
    }
}
