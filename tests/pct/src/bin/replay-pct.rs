//! `replay-pct [--from DIR] [--pct FILE]`: see `pct_stand_in::replay`.

use std::process::ExitCode;

fn main() -> ExitCode {
    pct_stand_in::replay::main(std::env::args_os().skip(1))
}
