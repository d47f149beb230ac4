//! nexcage-setup: see the library of this name.

use std::ffi::OsString;
use std::io::{Write as _, stderr};
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    match nexcage_setup::modes::main(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // LXC puts it into its log.
            drop(writeln!(stderr(), "nexcage-setup: {error}"));
            ExitCode::FAILURE
        }
    }
}
