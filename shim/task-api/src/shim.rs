//! nexcage's own service, nexcage.shim.v1.Shim, and what else only its shim knows.

use crate::well_known::{Any, Timestamp};
use std::collections::BTreeMap;

/// The type URL of an exec's process: its value is the JSON of the runtime specification.
pub const PROCESS_TYPE: &str = "types.containerd.io/opencontainers/runtime-spec/1/Process";
/// The type URL of an update's resources, which are JSON too.
pub const RESOURCES_TYPE: &str = "types.containerd.io/opencontainers/runtime-spec/1/LinuxResources";
/// The key of a call's metadata that names containerd's namespace.
pub const NAMESPACE_KEY: &str = "containerd-namespace-ttrpc";
/// The key of an exec's metadata that says how many descriptors from 3 on go to the process.
pub const PRESERVE_FDS_KEY: &str = "nexcage-preserve-fds";
/// The key of an exec's metadata by which its caller owns it: once it has ended and the caller's
/// connection too, nobody is left to delete it, and it is forgotten. The value means nothing.
pub const OWNED_KEY: &str = "nexcage-owned";

messages! {
    /// What the command line adds to a Create.
    struct CreateOptions = "nexcage.shim.v1.CreateOptions" {
        /// `auto`, `lxc` or `pct`; empty is `auto`.
        1 backend: String,
        /// The path of a file in the place of the rendered LXC configuration.
        2 lxc_config: String,
        /// 0 is the default.
        3 timeout_ms: u64,
        /// `auto`, `pidfd` or `proc-events`; empty is `auto`.
        4 exit_source: String,
        /// How many of the caller's descriptors from 3 on go to the process.
        5 preserve_fds: u32,
        /// The path of nexcage-init.
        6 init: String,
        /// How many of these the process finds by LISTEN_FDS (sd_listen_fds(3)); 0 is none.
        7 listen_fds: u32,
        /// What is asked of a CT of Proxmox VE, by the names of options.
        8 ct: BTreeMap<String, String>,
    }

    /// Connects descriptors of the caller to a process's terminal.
    struct AttachRequest {
        1 id: String,
        /// Empty for the container's init.
        2 exec_id: String,
        /// `fd:N`, a descriptor of the caller.
        3 stdin: String,
        /// As stdin.
        4 stdout: String,
        /// The keys that end it; empty for none.
        5 detach_keys: Vec<u8>,
    }

    /// The end of an attachment.
    struct AttachResponse {
        /// By keys or by another client; otherwise the terminal has ended.
        1 detached: bool,
    }

    /// Asks for events, and waits until there are some.
    struct EventsRequest {
        1 id: String,
        /// The number of the last event that the caller has; 0 for none.
        2 after: u64,
    }

    /// Events, the oldest first; at least one.
    struct EventsResponse {
        1 events: Vec<Event>,
    }

    /// Something that happened.
    struct Event {
        /// Counts from 1.
        1 number: u64,
        /// One of [`topic`](crate::events::topic).
        2 topic: String,
        3 at: Option<Timestamp>,
        /// One of the types in [`events`](crate::events).
        4 event: Option<Any>,
    }

    /// Kills and removes a container, whatever its state.
    struct RemoveRequest {
        1 id: String,
    }
}
