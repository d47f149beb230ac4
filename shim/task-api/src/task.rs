//! The messages of containerd.task.v2.Task, which are those of v3 too, and what they consist of.

use crate::field::Field;
use crate::wire::{Malformed, Value, put_number};
use std::collections::BTreeMap;

pub use crate::well_known::{Any, Empty, Timestamp};

/// Where a task is in its life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Status {
    /// Not told, or a status that did not exist when this was written.
    #[default]
    Unknown = 0,
    /// Set up; its program does not run yet.
    Created = 1,
    /// Its program runs.
    Running = 2,
    /// It has ended.
    Stopped = 3,
    /// Its processes are frozen.
    Paused = 4,
    /// Its processes are about to be frozen.
    Pausing = 5,
}

impl Field for Status {
    fn put(&self, number: u32, out: &mut Vec<u8>) {
        if *self != Status::Unknown {
            put_number(number, *self as u64, out);
        }
    }

    fn take(&mut self, value: Value<'_>) -> Result<(), Malformed> {
        if let Value::Varint(number) = value {
            *self = match number {
                1 => Status::Created,
                2 => Status::Running,
                3 => Status::Stopped,
                4 => Status::Paused,
                5 => Status::Pausing,
                _ => Status::Unknown,
            };
        }
        Ok(())
    }
}

messages! {
    /// A mount of a container's rootfs, as mount(2) has it.
    struct Mount {
        1 kind: String,
        2 source: String,
        /// Below the rootfs.
        3 target: String,
        4 options: Vec<String>,
    }

    /// Creates a container.
    struct CreateTaskRequest {
        1 id: String,
        2 bundle: String,
        /// Mounts to make on the bundle's rootfs first.
        3 rootfs: Vec<Mount>,
        4 terminal: bool,
        5 stdin: String,
        6 stdout: String,
        7 stderr: String,
        8 checkpoint: String,
        9 parent_checkpoint: String,
        /// What the runtime is told by its client.
        10 options: Option<Any>,
    }

    /// A container was created.
    struct CreateTaskResponse {
        /// Of the init process.
        1 pid: u32,
    }

    /// Deletes a stopped container, or an ended process of it.
    struct DeleteRequest {
        1 id: String,
        /// Empty for the container.
        2 exec_id: String,
    }

    /// What was deleted.
    struct DeleteResponse {
        1 pid: u32,
        2 exit_status: u32,
        3 exited_at: Option<Timestamp>,
    }

    /// Adds a process to a container.
    struct ExecProcessRequest {
        1 id: String,
        2 exec_id: String,
        3 terminal: bool,
        4 stdin: String,
        5 stdout: String,
        6 stderr: String,
        /// The process as JSON.
        7 spec: Option<Any>,
    }

    /// Sets the size of a process's terminal.
    struct ResizePtyRequest {
        1 id: String,
        2 exec_id: String,
        3 width: u32,
        4 height: u32,
    }

    /// Asks for a process's state.
    struct StateRequest {
        1 id: String,
        2 exec_id: String,
    }

    /// The state of a process.
    struct StateResponse {
        1 id: String,
        2 bundle: String,
        3 pid: u32,
        4 status: Status,
        5 stdin: String,
        6 stdout: String,
        7 stderr: String,
        8 terminal: bool,
        9 exit_status: u32,
        10 exited_at: Option<Timestamp>,
        11 exec_id: String,
    }

    /// Sends a signal.
    struct KillRequest {
        1 id: String,
        2 exec_id: String,
        3 signal: u32,
        /// To every process of the container.
        4 all: bool,
    }

    /// Closes a process's stdin.
    struct CloseIORequest {
        1 id: String,
        2 exec_id: String,
        3 stdin: bool,
    }

    /// Asks for the processes of a container.
    struct PidsRequest {
        1 id: String,
    }

    /// The processes of a container.
    struct PidsResponse {
        1 processes: Vec<ProcessInfo>,
    }

    /// A process of a container.
    struct ProcessInfo {
        1 pid: u32,
        /// [`ProcessDetails`] for those that were added.
        2 info: Option<Any>,
    }

    /// Says which exec a process is.
    struct ProcessDetails = "containerd.runc.v1.ProcessDetails" {
        1 exec_id: String,
    }

    /// Writes a container's state to files.
    struct CheckpointTaskRequest {
        1 id: String,
        2 path: String,
        3 options: Option<Any>,
    }

    /// Changes a container's limits.
    struct UpdateTaskRequest {
        1 id: String,
        /// LinuxResources as JSON.
        2 resources: Option<Any>,
        3 annotations: BTreeMap<String, String>,
    }

    /// Starts the program of a container or of an added process.
    struct StartRequest {
        1 id: String,
        2 exec_id: String,
    }

    /// A program runs.
    struct StartResponse {
        1 pid: u32,
    }

    /// Waits for a process's end.
    struct WaitRequest {
        1 id: String,
        2 exec_id: String,
    }

    /// A process has ended.
    struct WaitResponse {
        1 exit_status: u32,
        2 exited_at: Option<Timestamp>,
    }

    /// Asks for a container's metrics.
    struct StatsRequest {
        1 id: String,
    }

    /// A container's metrics.
    struct StatsResponse {
        /// One of the types in [`metrics`](crate::metrics).
        1 stats: Option<Any>,
    }

    /// Asks who serves.
    struct ConnectRequest {
        1 id: String,
    }

    /// Who serves.
    struct ConnectResponse {
        1 shim_pid: u32,
        2 task_pid: u32,
        3 version: String,
    }

    /// Ends the shim, if nothing is left to serve.
    struct ShutdownRequest {
        1 id: String,
        2 now: bool,
    }

    /// Freezes a container.
    struct PauseRequest {
        1 id: String,
    }

    /// Thaws a container.
    struct ResumeRequest {
        1 id: String,
    }

    /// What containerd's clients hand to runtimes whose options they do not know.
    struct RuntimeOptions = "runtimeoptions.v1.Options" {
        1 type_url: String,
        2 config_path: String,
        3 config_body: Vec<u8>,
    }
}
