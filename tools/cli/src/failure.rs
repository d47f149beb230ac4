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
pub struct Failure {
    kind: Kind,
    /// The command of the tool whose help is meant, if it has commands.
    command: Option<&'static Tool>,
}

#[derive(Debug)]
enum Kind {
    Help { tool: &'static Tool, commands: &'static [&'static Tool] },
    Version(&'static Tool),
    Usage(Box<dyn Error>),
    Error { error: Box<dyn Error>, code: Code, hint: Option<String>, status: Option<u8> },
}

impl<E: Diagnose> From<E> for Failure {
    fn from(error: E) -> Self {
        let (code, hint) = (error.code(), error.hint());
        Kind::Error { error: Box::new(error), code, hint, status: None }.into()
    }
}

impl From<Kind> for Failure {
    fn from(kind: Kind) -> Self {
        Failure { kind, command: None }
    }
}

impl Failure {
    /// Ends the run with the help of a tool that has these commands.
    #[must_use]
    pub fn help(tool: &'static Tool, commands: &'static [&'static Tool]) -> Self {
        Kind::Help { tool, commands }.into()
    }

    pub(crate) fn version(tool: &'static Tool) -> Self {
        Kind::Version(tool).into()
    }

    /// A wrong command line: exit status 2 and a pointer to `--help`.
    #[must_use]
    pub fn usage(error: impl Into<Box<dyn Error>>) -> Self {
        Kind::Usage(error.into()).into()
    }

    /// The same failure, in this command of the tool: a wrong use points to the command's help.
    #[must_use]
    pub fn in_command(self, command: &'static Tool) -> Self {
        Failure { command: Some(command), ..self }
    }

    /// The same failure with another exit status, for commands whose own statuses are a
    /// container's (`nexcage-shim run` fails with 125).
    #[must_use]
    pub fn with_status(self, status: u8) -> Self {
        let kind = match self.kind {
            Kind::Error { error, code, hint, .. } => Kind::Error { error, code, hint, status: Some(status) },
            other => other,
        };
        Failure { kind, ..self }
    }

    /// Prints it and gives the exit status.
    pub(crate) fn report(self, tool: &Tool) -> u8 {
        match self.kind {
            Kind::Help { tool: meant, commands } => print_or_report(&meant.help_with(commands), tool),
            Kind::Version(meant) => print_or_report(&meant.version(), tool),
            Kind::Usage(error) => {
                let hint = format!("see '{} --help'", self.command.unwrap_or(tool).name);
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
    let (form, in_file) = (logging::log_format(), logging::has_file());
    let line = |form| match form {
        LogFormat::Text => text_line(tool, &text, code, hint),
        LogFormat::Json => json_line(&text, code, hint),
    };
    if in_file {
        logging::write(line(form).as_bytes());
    }
    // Whoever asked for a file has the form there; stderr is for people then.
    logging::write_stderr(line(if in_file { LogFormat::Text } else { form }).as_bytes());
}

fn text_line(tool: &Tool, text: &str, code: Code, hint: Option<&str>) -> String {
    let hint = hint.map_or(String::new(), |hint| format!(" (hint: {hint})"));
    let text = output::escape_controls(&format!("{text}{hint}"));
    format!("{}: error {}: {text}\n", tool.binary(), code.name())
}

fn json_line(text: &str, code: Code, hint: Option<&str>) -> String {
    let mut object = logging::json_object("error", text);
    object.insert("code".into(), code.name().into());
    if let Some(hint) = hint {
        object.insert("hint".into(), hint.into());
    }
    format!("{}\n", serde_json::Value::Object(object))
}
