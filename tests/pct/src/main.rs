//! `pct`, as far as tests need it.

use std::process::ExitCode;

fn main() -> ExitCode {
    pct_stand_in::run(std::env::args_os().skip(1).collect())
}
