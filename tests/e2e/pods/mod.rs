//! Pods of Kubernetes, as containerd's CRI makes them of nexcage's containers. A test has a containerd of its
//! own, so each looks at several things.

mod crashes;
mod files;
mod life;
mod limits;
mod namespaces;
mod network;
mod packaged;
mod security;
mod streams;
mod users;

use serde_json::{Value, json};

/// What a configuration says where nothing is to be said.
fn plain() -> Value {
    json!({})
}

/// The security context of a pod or a container.
fn security(context: &Value) -> Value {
    json!({ "linux": { "security_context": context } })
}
