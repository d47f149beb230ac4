//! The start: *go*, and the hooks around it.

use crate::error::Error;
use crate::fault::{self, Place};
use crate::handover::{Init, Started, remove_socket, setup_error};
use crate::seccomp::notify;
use crate::setup::Setup;
use crate::signals::Signals;
use crate::wait::{Deadline, Watch, wait};
use crate::work::later::Later;
use crate::work::{Report, Reporter, Site};
use nexcage_record::Record;
use std::os::fd::{AsFd as _, BorrowedFd};

/// Has the held process begin. Reports once it has, and again when the hooks after that have run.
pub(crate) fn start(site: &Site, record: &Record, init: Init, reporter: &mut Reporter) -> Result<(), Error> {
    let mut signals = Signals::catch(site.inherited)?;
    let later = Later::read(&site.dir)?;
    let hooks = later.hooks(record);
    let pid = init.pid().as_raw_pid();
    if let Some(mut joiner) = hooks.start((pid, init.pidfd()), &later.identity)? {
        await_answer(&mut joiner.setup, &mut signals)?;
    }
    fault::at(Place::StartHooksRun);
    remove_socket(&site.dir.path().join("init"))?;
    fault::at(Place::SocketRemoved);
    let pass_on = |fd: BorrowedFd<'_>| match later.listener() {
        Some(listener) => notify::pass_on(fd, &hooks.state("created", Some(pid)), &listener, site.limit),
        None => Ok(()),
    };
    let started = init.go(pass_on)?;
    fault::at(Place::Went);
    match started {
        Started::Failed(failed) => Err(setup_error(failed, &later.program, &[])),
        Started::Executed => {
            reporter.tell(&Report::Executed, &[])?;
            // What a hook asks about the container is true then.
            reporter.await_word()?;
            hooks.started(pid, &mut signals);
            fault::at(Place::PoststartRun);
            reporter.tell(&Report::Done, &[])
        }
    }
}

/// Hooks take as long as they take, unless a signal asks for the end.
fn await_answer(setup: &mut Setup, signals: &mut Signals) -> Result<(), Error> {
    loop {
        let watches = [Watch::Readable(signals.as_fd()), Watch::Readable(setup.as_fd())];
        let [signal, answer] = wait(watches, Deadline::NEVER)?;
        if let Some(signal) = signals.ending().filter(|_| signal) {
            return Err(Error::Interrupted { signal });
        }
        if answer {
            return setup.answer();
        }
    }
}
