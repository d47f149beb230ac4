//! What can go wrong with a verb.

use nexcage_cli::{Code, Diagnose};
use nexcage_record::Error as RecordError;
use nexcage_task_api::{ClientError, Failure};
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A verb that was not carried out.
#[derive(Debug)]
pub(crate) enum Error {
    /// Something is wrong with the configuration.
    Configuration(nexcage_configuration::Error),
    /// An id that is none, or a record that cannot be read.
    Record(RecordError),
    /// There is no way to the shim.
    Launch(nexcage_launch::Error),
    /// The shim says why it does not do it.
    Answer { code: Code, text: String, hint: Option<String> },
    /// The shim does not answer any more, or not in its language.
    Connection(ClientError),
    /// The container's state does not allow it.
    WrongState { id: String, problem: &'static str, hint: Option<&'static str> },
    /// runc has it, nexcage does not.
    Unsupported { what: String, why: &'static str },
    /// The caller's terminal does not do what it is told.
    Terminal(nexcage_terminal::Error),
    /// A file cannot be read or written.
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    /// An input file does not hold what it should.
    Document { path: PathBuf, source: serde_json::Error },
    /// Something cannot be printed.
    Unprintable(serde_json::Error),
    /// A call of the system failed.
    System { doing: &'static str, source: io::Error },
    /// A file is there that will not be overwritten.
    FileExists(PathBuf),
    /// A signal ended the work.
    Interrupted(i32),
    /// `ps` does not print what is needed.
    Ps(String),
    /// The machine lacks these.
    Unhealthy(Vec<&'static str>),
}

impl Error {
    pub(crate) fn io<'a>(doing: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + use<'a> {
        move |source| Error::Io { doing, path: path.to_owned(), source }
    }

    pub(crate) fn system<E: Into<io::Error>>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Error::System { doing, source: source.into() }
    }

    pub(crate) fn document<'a>(path: &'a Path) -> impl FnOnce(serde_json::Error) -> Self + use<'a> {
        move |source| Error::Document { path: path.to_owned(), source }
    }

    pub(crate) fn unprintable(source: serde_json::Error) -> Self {
        Error::Unprintable(source)
    }

    /// The exit status of a verb that has none of a process's: 126 and 127 would look like one.
    pub(crate) fn status_without_a_process(&self) -> u8 {
        match self.code() {
            Code::NotExecutable | Code::NoProgram => 1,
            code => code.status(),
        }
    }

    /// The exit status of a verb whose lower statuses are the process's own.
    /// The exit status of a verb whose lower statuses are the process's own.
    pub(crate) fn status_beside_a_process(&self) -> u8 {
        match self {
            Error::Interrupted(signal) => u8::try_from(128 + signal).unwrap_or(u8::MAX),
            error => match error.code() {
                code @ (Code::NotExecutable | Code::NoProgram) => code.status(),
                _ => 125,
            },
        }
    }
}

/// A failure as the shim words it: `NX-CODE: text (hint: what can be done)`.
impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        use nexcage_task_api::Code as Wire;
        let Failure { code: wire, message } = failure;
        let named = message.split_once(": ").and_then(|(name, text)| Some((Code::by_name(name)?, text)));
        let (code, text) = named.unwrap_or_else(|| {
            let code = match wire {
                Wire::NotFound => Code::NotFound,
                Wire::AlreadyExists => Code::Exists,
                Wire::FailedPrecondition => Code::WrongState,
                Wire::InvalidArgument | Wire::Unimplemented => Code::Unsupported,
                _ => Code::Shim,
            };
            (code, message.as_str())
        });
        let hinted = text.strip_suffix(')').and_then(|text| text.rsplit_once(" (hint: "));
        let (text, hint) = hinted.map_or((text, None), |(text, hint)| (text, Some(hint.to_owned())));
        Error::Answer { code, text: text.to_owned(), hint }
    }
}

impl From<ClientError> for Error {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Failed(failure) => failure.into(),
            other => Error::Connection(other),
        }
    }
}

macro_rules! from {
    ($($variant:ident($source:ty);)*) => {
        $(impl From<$source> for Error {
            fn from(error: $source) -> Self {
                Error::$variant(error)
            }
        })*
    };
}

from! {
    Configuration(nexcage_configuration::Error);
    Record(RecordError);
    Launch(nexcage_launch::Error);
    Terminal(nexcage_terminal::Error);
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Configuration(error) => error.fmt(f),
            Error::Record(error) => error.fmt(f),
            Error::Launch(error) => error.fmt(f),
            Error::Terminal(error) => error.fmt(f),
            Error::Answer { text, .. } => f.write_str(text),
            Error::Connection(_) => f.write_str("the connection to the container's shim broke"),
            Error::WrongState { id, problem, .. } => write!(f, "the container {id} {problem}"),
            Error::Unsupported { what, why } => write!(f, "{what} is not supported: {why}"),
            Error::Io { doing, path, .. } => write!(f, "cannot {doing} {}", path.display()),
            Error::Document { path, .. } => write!(f, "{} is not what it should be", path.display()),
            Error::Unprintable(_) => f.write_str("cannot be written as JSON"),
            Error::System { doing, .. } => write!(f, "cannot {doing}"),
            Error::FileExists(path) => write!(f, "{} exists", path.display()),
            Error::Interrupted(signal) => write!(f, "ended by signal {signal}, and nothing is left"),
            Error::Ps(why) => write!(f, "ps is of no use: {why}"),
            Error::Unhealthy(missing) => write!(f, "containers cannot run here: {}", missing.join(", ")),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Error::Configuration(error) => error.source(),
            Error::Record(error) => error.source(),
            Error::Launch(error) => error.source(),
            Error::Terminal(error) => error.source(),
            Error::Connection(source) => Some(source),
            Error::Io { source, .. } | Error::System { source, .. } => Some(source),
            Error::Document { source, .. } | Error::Unprintable(source) => Some(source),
            _ => None,
        }
    }
}

impl Diagnose for Error {
    fn code(&self) -> Code {
        match self {
            Error::Configuration(error) => error.code(),
            Error::Record(error) => error.code(),
            Error::Launch(error) => error.code(),
            Error::Terminal(error) => error.code(),
            Error::Answer { code, .. } => *code,
            Error::Connection(_) => Code::Shim,
            Error::WrongState { .. } => Code::WrongState,
            Error::Unsupported { .. } => Code::Unsupported,
            Error::Io { .. } => Code::Input,
            Error::Document { .. } => Code::Syntax,
            Error::FileExists(_) | Error::Unprintable(_) => Code::Output,
            Error::Interrupted(_) => Code::Interrupted,
            Error::System { .. } | Error::Ps(_) => Code::System,
            Error::Unhealthy(_) => Code::Host,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Error::Configuration(error) => error.hint(),
            Error::Record(error) => error.hint(),
            Error::Launch(error) => error.hint(),
            Error::Terminal(error) => error.hint(),
            Error::Answer { hint, .. } => hint.clone(),
            Error::WrongState { hint, .. } => hint.map(ToOwned::to_owned),
            Error::FileExists(_) => Some("remove it first".into()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexcage_task_api::Code as Wire;

    #[test]
    fn an_answer_keeps_its_code_and_its_hint() {
        for (wire, message, code, text, hint) in [
            (
                Wire::Unknown,
                "NX-EXISTS: it is (hint: end it (soon))",
                Code::Exists,
                "it is",
                Some("end it (soon)"),
            ),
            (Wire::NotFound, "no such exec: x", Code::NotFound, "no such exec: x", None),
            (Wire::FailedPrecondition, "NX-NOPE: a", Code::WrongState, "NX-NOPE: a", None),
            (Wire::Unknown, "NX-NO-PROGRAM: b: c", Code::NoProgram, "b: c", None),
            (Wire::Internal, "", Code::Shim, "", None),
        ] {
            let error = Error::from(Failure::new(wire, message));
            assert_eq!((error.code(), error.to_string().as_str()), (code, text));
            assert_eq!(error.hint().as_deref(), hint);
        }
    }

    #[test]
    fn a_process_keeps_its_statuses_to_itself() {
        let of = |message: &str| Error::from(Failure::new(Wire::Unknown, message)).status_beside_a_process();
        assert_eq!((of("NX-NO-PROGRAM: x"), of("NX-NOT-EXECUTABLE: x"), of("NX-EXISTS: x")), (127, 126, 125));
        assert_eq!(Error::Interrupted(15).status_beside_a_process(), 143);
    }
}
