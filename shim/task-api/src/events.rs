//! The events of a task's life, and how they are forwarded to containerd.

use crate::task::Mount;
use crate::well_known::{Any, Timestamp};

/// The topics under which the events are published.
pub mod topic {
    /// [`TaskCreate`](super::TaskCreate).
    pub const CREATE: &str = "/tasks/create";
    /// [`TaskStart`](super::TaskStart).
    pub const START: &str = "/tasks/start";
    /// [`TaskOom`](super::TaskOom).
    pub const OOM: &str = "/tasks/oom";
    /// [`TaskExit`](super::TaskExit).
    pub const EXIT: &str = "/tasks/exit";
    /// [`TaskDelete`](super::TaskDelete).
    pub const DELETE: &str = "/tasks/delete";
    /// [`TaskExecAdded`](super::TaskExecAdded).
    pub const EXEC_ADDED: &str = "/tasks/exec-added";
    /// [`TaskExecStarted`](super::TaskExecStarted).
    pub const EXEC_STARTED: &str = "/tasks/exec-started";
    /// [`TaskPaused`](super::TaskPaused).
    pub const PAUSED: &str = "/tasks/paused";
    /// [`TaskResumed`](super::TaskResumed).
    pub const RESUMED: &str = "/tasks/resumed";
    /// [`TaskCheckpointed`](super::TaskCheckpointed).
    pub const CHECKPOINTED: &str = "/tasks/checkpointed";
}

messages! {
    /// A container was created.
    struct TaskCreate = "containerd.events.TaskCreate" {
        1 container_id: String,
        2 bundle: String,
        3 rootfs: Vec<Mount>,
        4 io: Option<TaskIO>,
        5 checkpoint: String,
        6 pid: u32,
    }

    /// Where a process's stdio leads.
    struct TaskIO = "containerd.events.TaskIO" {
        1 stdin: String,
        2 stdout: String,
        3 stderr: String,
        4 terminal: bool,
    }

    /// A container's program runs.
    struct TaskStart = "containerd.events.TaskStart" {
        1 container_id: String,
        2 pid: u32,
    }

    /// A process has ended.
    struct TaskExit = "containerd.events.TaskExit" {
        1 container_id: String,
        /// The container's id for its init, else the exec's.
        2 id: String,
        3 pid: u32,
        4 exit_status: u32,
        5 exited_at: Option<Timestamp>,
    }

    /// A container or an exec was deleted.
    struct TaskDelete = "containerd.events.TaskDelete" {
        1 container_id: String,
        2 pid: u32,
        3 exit_status: u32,
        4 exited_at: Option<Timestamp>,
        /// The exec's; empty for the container.
        5 id: String,
    }

    /// The kernel killed for lack of memory.
    struct TaskOom = "containerd.events.TaskOOM" {
        1 container_id: String,
    }

    /// An exec was added.
    struct TaskExecAdded = "containerd.events.TaskExecAdded" {
        1 container_id: String,
        2 exec_id: String,
    }

    /// An exec's program runs.
    struct TaskExecStarted = "containerd.events.TaskExecStarted" {
        1 container_id: String,
        2 exec_id: String,
        3 pid: u32,
    }

    /// A container was frozen.
    struct TaskPaused = "containerd.events.TaskPaused" {
        1 container_id: String,
    }

    /// A container was thawed.
    struct TaskResumed = "containerd.events.TaskResumed" {
        1 container_id: String,
    }

    /// A container's state was written to files.
    struct TaskCheckpointed = "containerd.events.TaskCheckpointed" {
        1 container_id: String,
        2 checkpoint: String,
    }

    /// An event on its way.
    struct Envelope = "containerd.types.Envelope" {
        1 timestamp: Option<Timestamp>,
        2 namespace: String,
        3 topic: String,
        4 event: Option<Any>,
    }

    /// Hands an event to containerd.
    struct ForwardRequest {
        1 envelope: Option<Envelope>,
    }
}
