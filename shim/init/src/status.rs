//! The exit statuses with which nexcage-init ends when it doesn't become the process.

use linux_raw_sys::errno::{ENOENT, ENOTDIR};
use nexcage_handover::{Failed, Step};

/// There is no process to become (no socket, an unusable message), or a step before exec failed.
pub const NOT_STARTED: i32 = 125;
/// The program is there but can't be executed.
pub const NOT_EXECUTABLE: i32 = 126;
/// There is no such program.
pub const NOT_FOUND: i32 = 127;
/// A bug: nexcage-init panicked.
pub const PANICKED: i32 = 255;

/// The exit status that tells of a failure.
#[must_use]
pub fn of(failed: Failed) -> i32 {
    match failed {
        Failed { step: Step::Exec, errno: ENOENT | ENOTDIR, .. } => NOT_FOUND,
        Failed { step: Step::Exec, .. } => NOT_EXECUTABLE,
        _ => NOT_STARTED,
    }
}
