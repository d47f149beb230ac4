//! How a call ends badly: pct's own words and a status.

use std::io;

/// What pct prints on stderr before it ends, and its status (`facts`: an errno, or 255).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) message: String,
    pub(crate) status: u8,
}

/// The status of an error that left no errno behind.
const DIED: u8 = 255;
/// ENOENT: what a look at a missing file leaves behind.
const ENOENT: u8 = 2;
/// The status of most refused parameters.
const USAGE: u8 = 2;

impl Failure {
    /// An error that a Perl `die` reports: status 255.
    pub(crate) fn died(message: impl Into<String>) -> Self {
        Failure { message: message.into(), status: DIED }
    }

    /// An error after a look at something that is not there: status 2.
    pub(crate) fn missing(message: impl Into<String>) -> Self {
        Failure { message: message.into(), status: ENOENT }
    }

    /// A wrong command line, with the usage line that follows it.
    pub(crate) fn usage(message: impl Into<String>, usage: &str) -> Self {
        Failure { message: format!("{}\n{usage}", message.into()), status: USAGE }
    }

    /// A parameter that the code, not the schema, refuses.
    pub(crate) fn parameter(name: &str, message: &str, usage: &str) -> Self {
        Failure::died(format!("400 Parameter verification failed.\n{name}: {message}\n{usage}"))
    }

    /// The same error from inside a task: one line, status 255.
    pub(crate) fn of_task(self) -> Self {
        let text = self.message.strip_suffix('\n').unwrap_or(&self.message);
        Failure::died(text.replace('\n', " "))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let status = error.raw_os_error().and_then(|errno| u8::try_from(errno).ok()).unwrap_or(DIED);
        Failure { message: error.to_string(), status }
    }
}

#[cfg(test)]
mod tests {
    use super::Failure;

    #[test]
    fn a_task_folds_newlines_and_loses_the_status() {
        let failure = Failure::missing("a: b\n\n").of_task();
        assert_eq!((failure.message.as_str(), failure.status), ("a: b ", 255));
    }
}
