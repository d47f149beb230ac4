//! `nexcage checkpoint` and `nexcage restore`: names of runc's that are refused with a reason.

use crate::command_line::{STATUSES, own_name};
use crate::context::Global;
use crate::error::Error;
use nexcage_cli::{Args, Failure, Tool};

/// What `nexcage checkpoint --help` says.
pub(crate) static CHECKPOINT: Tool = Tool {
    name: "nexcage checkpoint",
    summary: "refused: there are no checkpoints",
    usage: &["..."],
    options: &[],
    statuses: STATUSES,
};

/// What `nexcage restore --help` says.
pub(crate) static RESTORE: Tool = Tool { name: "nexcage restore", ..CHECKPOINT };

pub(crate) fn main(_: Global, mut args: Args) -> Result<u8, Failure> {
    // Whatever the options are, they ask for the same.
    let what = own_name(args.tool()).to_owned();
    if args.rest()?.iter().any(|word| word == "--help") {
        return Err(args.help());
    }
    Err(Error::Unsupported { what, why: "there are no checkpoints" }.into())
}
