//! The descriptors that the process gets: stdio, and those from 3 on that its caller preserves.

use crate::At as _;
use crate::connection::{Connection, Trouble};
use crate::kernel::{self, FIRST_FREE, Fd};
use nexcage_handover::Step;

/// Receives extra descriptors straight into their places. Gives stdio back, out of their way.
pub(crate) fn receive_extra(
    connection: &mut Connection,
    mut stdio: [Fd; 3],
    count: u32,
) -> Result<[Fd; 3], Trouble> {
    let end = FIRST_FREE + count;
    connection.make_room(end).at(Step::ExtraDescriptors)?;
    stdio.iter_mut().try_for_each(|fd| fd.make_room(end)).at(Step::ExtraDescriptors)?;
    for number in FIRST_FREE..end {
        connection.receive_descriptor()?.leave_at(number).at(Step::ExtraDescriptors)?;
    }
    Ok(stdio)
}

/// Makes the descriptors stdin, stdout and stderr.
pub(crate) fn install_stdio(stdio: [Fd; 3]) -> kernel::Result {
    let [stdin, stdout, stderr] = stdio;
    let (stdin, stdout, stderr) = (stdin.above_stdio()?, stdout.above_stdio()?, stderr.above_stdio()?);
    kernel::install_stdio([&stdin, &stdout, &stderr])
}

/// Closes what neither the process gets nor the connection is.
pub(crate) fn close_all_but(connection: &Connection, extra: u32) -> kernel::Result {
    kernel::close_all_but(connection.socket(), FIRST_FREE + extra)
}
