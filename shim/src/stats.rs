//! What a container uses, in the messages that containerd's clients read.

use crate::error::Error;
use nexcage_cgroup::Cgroup;
use nexcage_cgroup::stats::{Pids, Stats};
use nexcage_task_api::Any;
use std::path::Path;

/// The metrics of the container in the cgroup `name`: a message of cgroup v1 if its memory is counted
/// there, else one of v2.
pub(crate) fn metrics(name: &Path) -> Result<Any, Error> {
    Ok(match Cgroup::find(name).stats().map_err(Box::new)? {
        Stats::V1(stats) => Any::pack(&v1::metrics(*stats)),
        Stats::V2(stats) => Any::pack(&v2::metrics(*stats)),
    })
}

/// Any number of processes is 0 in either message.
fn pids_limit(pids: &Pids) -> u64 {
    if pids.limit == u64::MAX { 0 } else { pids.limit }
}

/// A message of the fields that have the same names in the numbers, and of others.
macro_rules! copied {
    ($from:expr => $message:ident { $($field:ident,)* } $({ $($other:ident: $value:expr,)* })?) => {
        $message { $($field: $from.$field,)* $($($other: $value,)*)? }
    };
}

mod v1;
mod v2;
