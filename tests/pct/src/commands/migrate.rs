//! `pct migrate`: a stand-in's node is alone, so there is nowhere to go.

use super::Session;
use crate::command_line::Call;
use crate::failure::Failure;

pub(super) fn run(session: &Session<'_>, call: &Call) -> Result<(), Failure> {
    let target = call.text(1);
    if target == session.settings.node {
        return Err(Failure::parameter("target", "target is local node.", &call.usage));
    }
    Err(Failure::missing(format!("no such cluster node '{target}'")))
}
