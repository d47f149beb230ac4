//! What the kernel does to real cgroups, which needs root.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cgroup_of_test;
mod freezer;
mod limits;
mod memory;
mod processes;
mod statistics;

use std::time::Duration;

/// More than anything here takes.
const LIMIT: Duration = Duration::from_secs(10);
