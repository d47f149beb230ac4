//! What the kernel lets one process do to another: applied from outside, to the held init.

use crate::error::Error;
use crate::scheduling;
use lxc_render_config::Rendered;
use rustix::process::{Pid, Rlimit, prlimit};
use std::fs;

/// Sets resource limits, the OOM score, the scheduler and the I/O priority of the process.
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
    if let Some(scheduler) = &rendered.scheduler {
        scheduling::set_scheduler(pid, scheduler)
            .map_err(Error::system("set the scheduling policy (process.scheduler)"))?;
    }
    if let Some(priority) = rendered.io_priority {
        scheduling::set_io_priority(pid, priority)
            .map_err(Error::system("set the I/O priority (process.ioPriority)"))?;
    }
    Ok(())
}
