//! What the kernel lets one process do to another: applied from outside, to the held init.

use crate::error::Error;
use lxc_render_config::Rendered;
use rustix::process::{Pid, Rlimit, prlimit};
use std::fs;

/// Sets resource limits and the OOM score of the process.
pub(crate) fn apply(pid: Pid, rendered: &Rendered) -> Result<(), Error> {
    for limit in &rendered.limits {
        let value = Rlimit { current: limit.soft, maximum: limit.hard };
        prlimit(Some(pid), limit.resource, value).map_err(|errno| {
            Error::system(format!("set the limit {:?} (process.rlimits)", limit.resource))(errno.into())
        })?;
    }
    if let Some(score) = rendered.oom_score_adj {
        fs::write(format!("/proc/{}/oom_score_adj", pid.as_raw_pid()), score.to_string())
            .map_err(Error::system(format!("set oom_score_adj to {score} (process.oomScoreAdj)")))?;
    }
    Ok(())
}
