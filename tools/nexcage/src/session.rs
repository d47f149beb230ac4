//! Being with a process until it ends: signals go to it, its terminal is the caller's.

use crate::error::Error;
use crate::shim::Shim;
use crate::signals::{RESIZED, Signals};
use crate::wait;
use nexcage_cli::causes;
use nexcage_task_api::client::Answer;
use nexcage_task_api::method::{Attach, Kill, ResizePty, Wait};
use nexcage_task_api::shim::AttachRequest;
use nexcage_task_api::task::{KillRequest, ResizePtyRequest, WaitRequest};
use nexcage_task_api::{Client, StreamId};
use nexcage_terminal::{RawMode, size_of};
use std::io;
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

/// How long what a process has left in its terminal may take to be shown after its end: others may
/// hold the terminal open for ever.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How often a terminal is asked for: before its process begins, and after.
const TRIES: u32 = 2;

/// Whose stdio a process has.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stdio<'k> {
    /// The caller's descriptors themselves.
    Descriptors,
    /// A terminal of its own, until these keys are typed.
    Terminal(&'k [u8]),
}

/// What becomes of signals that come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnSignal {
    /// The process gets them.
    Forward,
    /// They end the session, not the process.
    Leave,
}

/// How a session ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The process has ended with this status.
    Exited(u8),
    /// The process goes on without its terminal being shown here.
    Detached,
    /// A signal ended the session.
    Left(i32),
}

/// A process that this command accompanies.
#[derive(Debug)]
pub(crate) struct Session {
    signals: Signals,
    on_signal: OnSignal,
    wait: StreamId,
    /// What [`Attach`] is called with, once more if need be.
    request: AttachRequest,
    attachment: Option<StreamId>,
    tries: u32,
    /// Set once the process has ended.
    exit: Option<(u8, Instant)>,
    /// Held for as long as the terminal is the process's.
    raw: Option<RawMode>,
}

impl Session {
    /// Begins to wait for a process, which need not run yet, and takes its terminal over.
    pub(crate) fn begin(
        shim: &mut Shim,
        exec_id: &str,
        (signals, on_signal): (Signals, OnSignal),
        stdio: Stdio<'_>,
    ) -> Result<Self, Error> {
        let keys = if let Stdio::Terminal(keys) = stdio { keys } else { &[] };
        let request = AttachRequest {
            id: shim.id(),
            exec_id: exec_id.to_owned(),
            stdin: "fd:0".into(),
            stdout: "fd:1".into(),
            detach_keys: keys.to_owned(),
        };
        let wait = shim.send::<Wait>(&WaitRequest { id: shim.id(), exec_id: exec_id.to_owned() })?;
        let mut session =
            Session { signals, on_signal, wait, request, attachment: None, tries: 0, exit: None, raw: None };
        if let Stdio::Terminal(_) = stdio {
            session.raw = RawMode::enter(io::stdin().as_fd())?;
            session.attach(shim)?;
        }
        Ok(session)
    }

    /// Takes the process's terminal over and gives it the caller's size.
    fn attach(&mut self, shim: &mut Shim) -> Result<(), Error> {
        self.tries += 1;
        self.attachment = Some(shim.send::<Attach>(&self.request)?);
        self.resize(shim)
    }

    /// Goes on until the process has ended or the session is left. The caller's terminal is as before
    /// then.
    pub(crate) fn run(mut self, shim: &mut Shim) -> Result<Ending, Error> {
        loop {
            while let Some(answer) = shim.answer()? {
                if let Some(ending) = self.take(shim, answer)? {
                    return Ok(ending);
                }
            }
            let deadline = self.exit.map(|(_, at)| at + LAST_WORDS);
            match self.exit {
                Some((status, at)) if self.attachment.is_none() || at.elapsed() >= LAST_WORDS => {
                    return Ok(Ending::Exited(status));
                }
                _ => wait::wait(&[shim.as_fd(), self.signals.as_fd()], deadline)?,
            }
            if let Some(signal) = self.pass_on(shim)? {
                return Ok(Ending::Left(signal));
            }
        }
    }

    /// Takes an answer in. Those of signals and sizes tell nothing: the process may have just ended.
    fn take(&mut self, shim: &mut Shim, (stream, answer): Answer) -> Result<Option<Ending>, Error> {
        if stream == self.wait {
            let status = Client::decode::<Wait>(answer)?.exit_status;
            self.exit = Some((u8::try_from(status).unwrap_or(u8::MAX), Instant::now()));
        } else if self.attachment == Some(stream) {
            self.attachment = None;
            match Client::decode::<Attach>(answer).map_err(Error::from) {
                Ok(end) if end.detached && self.exit.is_none() => return Ok(Some(Ending::Detached)),
                // The terminal of a process that had not begun has come with its start.
                Err(_) if self.exit.is_none() && self.tries < TRIES => self.attach(shim)?,
                Err(error) if self.exit.is_none() => return Err(error),
                Err(error) => log::debug!("attach: {}", causes(&error)),
                Ok(_) => {}
            }
        }
        Ok(None)
    }

    /// Does what signals ask for; gives the one that ends the session.
    fn pass_on(&mut self, shim: &mut Shim) -> Result<Option<i32>, Error> {
        for signal in self.signals.pending() {
            if signal == RESIZED && self.attachment.is_some() {
                self.resize(shim)?;
            } else if self.on_signal == OnSignal::Forward {
                let number = u32::try_from(signal).unwrap_or_default();
                let exec_id = self.request.exec_id.clone();
                shim.send::<Kill>(&KillRequest { id: shim.id(), exec_id, signal: number, all: false })?;
            } else if signal != RESIZED {
                return Ok(Some(signal));
            }
        }
        Ok(None)
    }

    /// Tells the process's terminal the size of the caller's.
    fn resize(&self, shim: &mut Shim) -> Result<(), Error> {
        let (stdin, stdout, stderr) = (io::stdin(), io::stdout(), io::stderr());
        if let Some(size) = size_of(&[stdin.as_fd(), stdout.as_fd(), stderr.as_fd()]) {
            let (width, height) = (size.ws_col.into(), size.ws_row.into());
            let exec_id = self.request.exec_id.clone();
            shim.send::<ResizePty>(&ResizePtyRequest { id: shim.id(), exec_id, width, height })?;
        }
        Ok(())
    }
}
