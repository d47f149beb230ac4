//! Command-line manners shared by every nexcage binary: options as a table, `--help` and
//! `--version`, error codes with their exit statuses, logging, and writing to stdout.
//!
//! A tool describes itself once as a [`Tool`]; help text and man page follow from that table, and
//! [`Tool::check`] lets a test compare the parser with it. A `main` is one call of [`run`].

mod args;
mod codes;
mod failure;
mod logging;
mod output;
mod tool;
mod version;

pub use args::{Arg, Args};
pub use codes::Code;
pub use failure::{Diagnose, Failure, causes};
pub use logging::{LogFormat, log_format, log_to, log_verbosely};
pub use output::{Reader, escape_controls, print, print_on};
pub use tool::{COMMON_OPTIONS, Opt, Tool};
pub use version::{COMMIT, SPECIFICATION, VERSION, version_text};

use std::process::ExitCode;

/// Runs a tool: sets up logging, hands over the command line, reports a failure as one line on
/// stderr (human or JSON, as `--log-format` says) and turns it into the documented exit status.
pub fn run(tool: &'static Tool, main: impl FnOnce(Args) -> Result<u8, Failure>) -> ExitCode {
    logging::init();
    let status = match main(Args::from_env(tool)) {
        Ok(status) => status,
        Err(failure) => failure.report(tool),
    };
    ExitCode::from(status)
}
