//! Control groups (cgroups(7)) of both versions: processes, freezer,
//! limits, statistics, lack
//! of memory, and removal.
//!
//! A cgroup has a name, a path relative to the root of every hierarchy, and a directory in each
//! hierarchy that it is in. Everything here takes the hierarchies that are mounted, or those that
//! the caller names.
//!
//! Invariant: it knows nothing of containers. Nothing outside the named cgroup is changed.

mod cgroup;
mod cpuset;
mod deadline;
mod error;
mod freezer;
mod hierarchies;
mod oom;
mod removal;
pub mod stats;
mod write;

pub use cgroup::{Cgroup, contains};
pub use cpuset::cpuset_to_copy;
pub use error::Error;
pub use hierarchies::{Hierarchies, Hierarchy, Version};
pub use oom::OomWatch;
pub use removal::{missing_parents, remove};
pub use write::Write;
