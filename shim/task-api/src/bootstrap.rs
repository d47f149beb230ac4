//! What containerd and the binary of a shim tell each other by stdin and stdout.

use crate::well_known::Any;

messages! {
    /// What containerd from 2.3 on tells a shim that is to start; before, it was the options alone.
    struct BootstrapParams {
        /// The container's id.
        1 instance_id: String,
        2 namespace: String,
        4 containerd_version: String,
        /// Where events go.
        5 containerd_ttrpc_address: String,
        /// The runtime's options are among them.
        8 extensions: Vec<Extension>,
    }

    /// One more thing that containerd tells.
    struct Extension {
        1 value: Option<Any>,
    }

    /// What a user tells any runtime.
    struct RuntimeOptions = "runtimeoptions.v1.Options" {
        /// The type of what is in the file.
        1 type_url: String,
        /// A file with the runtime's own configuration.
        2 config_path: String,
    }

    /// What a runtime says of itself.
    struct RuntimeInfo = "containerd.types.RuntimeInfo" {
        1 name: String,
        2 version: Option<RuntimeVersion>,
        /// As they were given.
        3 options: Option<Any>,
        /// The features document of the runtime specification, as JSON.
        4 features: Option<Any>,
    }

    /// The version of a runtime.
    struct RuntimeVersion = "containerd.types.RuntimeVersion" {
        1 version: String,
        2 revision: String,
    }
}
