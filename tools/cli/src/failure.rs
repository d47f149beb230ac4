//! How a tool fails: with a code, a line of causes, a hint and an exit status.

use crate::{Code, LogFormat, Tool, logging, output};
use std::error::Error;

/// An error that a tool may end with. Every library's error enum implements it.
pub trait Diagnose: Error + 'static {
    /// The stable code.
    fn code(&self) -> Code;

    /// What the user can do about it, if there is something.
    fn hint(&self) -> Option<String> {
        None
    }
}

/// Why a tool ends without having done its work.
#[derive(Debug)]
pub struct Failure(Kind);

#[derive(Debug)]
enum Kind {
    Help,
    Version,
    Usage(Box<dyn Error>),
    Error { error: Box<dyn Error>, code: Code, hint: Option<String>, status: Option<u8> },
}

impl<E: Diagnose> From<E> for Failure {
    fn from(error: E) -> Self {
        let (code, hint) = (error.code(), error.hint());
        Failure(Kind::Error { error: Box::new(error), code, hint, status: None })
    }
}

impl Failure {
    pub(crate) fn help() -> Self {
        Failure(Kind::Help)
    }

    pub(crate) fn version() -> Self {
        Failure(Kind::Version)
    }

    /// A wrong command line: exit status 2 and a pointer to `--help`.
    #[must_use]
    pub fn usage(error: impl Into<Box<dyn Error>>) -> Self {
        Failure(Kind::Usage(error.into()))
    }

    /// The same failure with another exit status, for commands whose own statuses are a
    /// container's (`nexcage-shim run` fails with 125).
    #[must_use]
    pub fn with_status(self, status: u8) -> Self {
        match self.0 {
            Kind::Error { error, code, hint, .. } => {
                Failure(Kind::Error { error, code, hint, status: Some(status) })
            }
            other => Failure(other),
        }
    }

    /// Prints it and gives the exit status.
    pub(crate) fn report(self, tool: &Tool) -> u8 {
        match self.0 {
            Kind::Help => print_or_report(&tool.help(), tool),
            Kind::Version => print_or_report(&tool.version(), tool),
            Kind::Usage(error) => {
                let hint = format!("see '{} --help'", tool.name);
                write_line(tool, error.as_ref(), Code::Usage, Some(&hint));
                Code::Usage.status()
            }
            Kind::Error { error, code, hint, status } => {
                write_line(tool, error.as_ref(), code, hint.as_deref());
                status.unwrap_or(code.status())
            }
        }
    }
}

fn print_or_report(text: &str, tool: &Tool) -> u8 {
    match output::print(text.as_bytes()) {
        Ok(()) => 0,
        Err(failure) => failure.report(tool),
    }
}

/// An error and its sources, joined by `: `. A source whose text the error already ends with is
/// not repeated.
#[must_use]
pub fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

fn write_line(tool: &Tool, error: &dyn Error, code: Code, hint: Option<&str>) {
    let text = causes(error);
    let line = match logging::format() {
        LogFormat::Text => {
            let hint = hint.map_or(String::new(), |hint| format!(" (hint: {hint})"));
            let text = output::escape_controls(&format!("{text}{hint}"));
            format!("{}: error {}: {text}\n", tool.name, code.name())
        }
        LogFormat::Json => {
            let mut object = logging::json_object("error", &text);
            object.insert("code".into(), code.name().into());
            if let Some(hint) = hint {
                object.insert("hint".into(), hint.into());
            }
            format!("{}\n", serde_json::Value::Object(object))
        }
    };
    logging::write_stderr(line.as_bytes());
}
