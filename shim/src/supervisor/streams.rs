//! The stdio of a process as a call names it.

use crate::error::{Error, Refusal};
use crate::relay::Ends;
use crate::stdio::Stdio;
use crate::stdio::by_path::Stream;
use crate::stdio::logger::Logger;
use crate::supervisor::Supervisor;
use crate::supervisor::calls::bad;
use crate::supervisor::peers::Ticket;
use nexcage_task_api::events::TaskIO;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

/// What the shim keeps of a process's stdio.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    /// As they were named.
    pub(super) names: [String; 3],
    /// See [`Stream::other`]. Of the input it is what CloseIO closes.
    input: Option<OwnedFd>,
    _outputs: [Option<OwnedFd>; 2],
    /// What the process's terminal is relayed to.
    seat: Option<Ends>,
}

impl Streams {
    /// The process sees the end of its input once the engine's end is closed too.
    pub(super) fn close_input(&mut self) {
        self.input = None;
    }

    pub(super) fn take_seat(&mut self) -> Option<Ends> {
        self.seat.take()
    }

    /// As an event has it.
    pub(super) fn told(&self, terminal: bool) -> TaskIO {
        let [stdin, stdout, stderr] = self.names.clone();
        TaskIO { stdin, stdout, stderr, terminal }
    }
}

/// What becomes of the stdio of a call.
#[derive(Debug)]
pub(super) struct Given {
    /// What the process gets.
    pub(super) stdio: Stdio,
    pub(super) streams: Streams,
    /// The socket for the terminal's master.
    pub(super) console: Option<PathBuf>,
    /// Where a worker has its say: the caller's own stderr.
    pub(super) diagnostics: Option<OwnedFd>,
    /// Who reads the output, to be started by a worker.
    pub(super) logger: Option<Logger>,
}

impl Supervisor {
    /// The descriptors that names of stdio mean.
    pub(super) fn given(&self, ticket: Ticket, names: [String; 3], terminal: bool) -> Result<Given, Error> {
        let console = names.iter().find_map(|name| name.strip_prefix("console://")).map(PathBuf::from);
        let is_path = |name: &String| name.contains('/') && !name.starts_with("console://");
        if terminal && names.iter().any(is_path) {
            return at_terminal(names);
        }
        if let Some((logger, outputs)) = logger_of(&names)? {
            let input = self.stream(ticket, &names[0], Stream::input)?;
            return logged(names, input, logger, outputs);
        }
        let [stdin, stdout, stderr] = &names;
        let input = self.stream(ticket, stdin, Stream::input)?;
        let out = self.stream(ticket, stdout, Stream::output)?;
        let err = self.stream(ticket, stderr, Stream::output)?;
        let diagnostics = match &err {
            Some(Stream { own, other: None }) if !is_path(stderr) => own.try_clone().ok(),
            _ => None,
        };
        let split =
            |stream: Option<Stream>| stream.map_or((None, None), |stream| (Some(stream.own), stream.other));
        let ((stdin, input), (stdout, out), (stderr, err)) = (split(input), split(out), split(err));
        let stdio = Stdio::of(stdin, stdout, stderr)?;
        let streams = Streams { names, input, _outputs: [out, err], seat: None };
        Ok(Given { stdio, streams, console, diagnostics, logger: None })
    }

    fn stream(
        &self,
        ticket: Ticket,
        name: &str,
        by_path: fn(&str) -> Result<Stream, Error>,
    ) -> Result<Option<Stream>, Error> {
        match name {
            "" => Ok(None),
            name if name.starts_with("console://") => Ok(None),
            name if name.starts_with("fd:") => {
                Ok(Some(Stream { own: self.descriptor(ticket, name)?, other: None }))
            }
            name => by_path(name).map(Some),
        }
    }

    /// A descriptor of the caller.
    pub(super) fn descriptor(&self, ticket: Ticket, name: &str) -> Result<OwnedFd, Error> {
        let number = name.strip_prefix("fd:").and_then(|number| number.parse().ok());
        let Some(number) = number else {
            return Err(Error::from(Refusal::UnsupportedStdio { name: name.to_owned() }));
        };
        let mut taken = self
            .peers
            .descriptors(ticket.peer, &[number])
            .map_err(Error::system(format!("take the caller's descriptor {number}")))?;
        taken.pop().ok_or_else(|| bad(format!("there is no descriptor {number}")))
    }
}

/// The same for a process with a terminal, which is all that it gets.
fn at_terminal(names: [String; 3]) -> Result<Given, Error> {
    let [stdin, stdout, _] = &names;
    let input = if stdin.is_empty() { Stream::silent_input() } else { Stream::input(stdin) }?;
    let (output, other, logger) = match logger_of(&names)? {
        Some((logger, [output, _])) => (output, None, Some(logger)),
        None => {
            let output = if stdout.is_empty() { "file:///dev/null" } else { stdout };
            let Stream { own, other } = Stream::output(output)?;
            (own, other, None)
        }
    };
    let seat = Some(Ends { input: input.own, output });
    let streams = Streams { names, input: input.other, _outputs: [other, None], seat };
    Ok(Given { stdio: Stdio::of(None, None, None)?, streams, console: None, diagnostics: None, logger })
}

/// The logger that is named for stdout, and so for both.
fn logger_of([_, stdout, stderr]: &[String; 3]) -> Result<Option<(Logger, [OwnedFd; 2])>, Error> {
    let logger = Logger::of(stdout)?;
    if logger.is_some() && !stderr.is_empty() && stderr != stdout {
        return Err(Error::from(Refusal::UnsupportedStdio { name: stderr.clone() }));
    }
    Ok(logger)
}

fn logged(
    names: [String; 3],
    input: Option<Stream>,
    logger: Logger,
    [stdout, stderr]: [OwnedFd; 2],
) -> Result<Given, Error> {
    let (stdin, input) = input.map_or((None, None), |stream| (Some(stream.own), stream.other));
    let stdio = Stdio::of(stdin, Some(stdout), Some(stderr))?;
    let streams = Streams { names, input, _outputs: [None, None], seat: None };
    Ok(Given { stdio, streams, console: None, diagnostics: None, logger: Some(logger) })
}
