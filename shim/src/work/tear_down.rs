//! The end: nothing of the container stays on the host.

use crate::backend::{self, Left};
use crate::error::Error;
use crate::fault::{self, Place};
use crate::rootfs;
use crate::signals::Signals;
use crate::stdio::logger::{self, Patience};
use crate::wait::Deadline;
use crate::work::later::Later;
use crate::work::{Report, Reporter, Site};
use nexcage_record::{ProcessId, Record};
use rustix::process::{Signal, pidfd_send_signal};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

/// How long LXC may take to tear a container down before it is helped along.
pub(crate) const TEARDOWN: Duration = Duration::from_secs(10);

/// As [`remove`], for a worker; and what the container's processes have written is in the logs.
pub(crate) fn tear_down(
    site: &Site,
    record: Option<&Record>,
    monitor: Option<BorrowedFd<'_>>,
    what: Left,
    (loggers, patience): (&[OwnedFd], Patience),
    reporter: &mut Reporter,
) -> Result<(), Error> {
    remove(site, record, monitor, (what, TEARDOWN))?;
    logger::end(loggers, patience);
    reporter.tell(&Report::Done, &[])
}

/// Whether the container may be removed, for a worker; nothing has been done to it.
pub(crate) fn permit(site: &Site, record: &Record, reporter: &mut Reporter) -> Result<(), Error> {
    backend::existing(&record.backend, &site.configuration, site.place()).permits_removal()?;
    reporter.tell(&Report::Done, &[])
}

/// Removes the container from the host, whatever there is of it, and its directory last. Can be
/// repeated. LXC has so long to tear it down before it is helped along.
pub(crate) fn remove(
    site: &Site,
    record: Option<&Record>,
    monitor: Option<BorrowedFd<'_>>,
    (what, limit): (Left, Duration),
) -> Result<(), Error> {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
        .map_err(|errno| Error::system("become a subreaper")(errno.into()))?;
    let mut signals = Signals::catch(site.inherited)?;
    if let Some(record) = record {
        let mut backend = backend::existing(&record.backend, &site.configuration, site.place());
        if what == Left::Whole {
            backend.permits_removal()?;
        }
        end_process(record);
        if let Some(monitor) = monitor.and_then(|fd| fd.try_clone_to_owned().ok()) {
            let monitor: OwnedFd = monitor;
            backend.adopt(monitor);
        }
        backend.tear_down(what, Deadline::after(limit))?;
        fault::at(Place::TornDown);
        if let Ok(later) = Later::read(&site.dir) {
            later.hooks(record).stopped(&mut signals);
        }
        fault::at(Place::PoststopRun);
    }
    rootfs::unmount_all(&site.dir)?;
    site.dir.remove()?;
    fault::at(Place::DirectoryRemoved);
    Ok(())
}

/// Kills the process if it is still there.
pub(crate) fn end_process(record: &Record) {
    if let Some(pidfd) = record.process.and_then(ProcessId::open) {
        let _ = pidfd_send_signal(pidfd, Signal::KILL);
    }
}
