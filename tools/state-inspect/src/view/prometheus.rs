//! For node_exporter's textfile collector: Prometheus's text format, version 0.0.4.

use crate::Container;
use std::fmt::Write as _;
use std::time::SystemTime;

/// A metric: its name, its type, what it means, and its value for a container that has one.
type Metric = (&'static str, &'static str, fn(&Container) -> Option<f64>);

const METRICS: &[Metric] = &[
    ("oci_container_info", "A container; always 1.", |_| Some(1.0)),
    ("oci_container_running", "Whether its process runs.", |container| {
        Some(f64::from(u8::from(container.text("status") == "running")))
    }),
    ("oci_container_stale", "Whether its record speaks of a process that is gone.", |container| {
        container.state().get("stale")?.as_bool().map(|stale| f64::from(u8::from(stale)))
    }),
    ("oci_container_created_timestamp_seconds", "When it was made, since the epoch.", |container| {
        let since = container.created()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some(since.as_secs_f64())
    }),
    ("oci_container_exit_status", "The exit status of its process, once it has ended.", |container| {
        container.state().get("exit")?.get("status")?.as_f64()
    }),
];

/// One gauge a fact and container, labelled with namespace and id; the first carries the status and the
/// bundle too.
#[must_use]
pub fn prometheus(containers: &[Container]) -> String {
    let mut text = String::new();
    for (name, meaning, value) in METRICS {
        let _ = writeln!(text, "# HELP {name} {meaning}\n# TYPE {name} gauge");
        for container in containers {
            let Some(value) = value(container) else { continue };
            let fields: &[&str] = if *name == "oci_container_info" {
                &["namespace", "id", "status", "bundle"]
            } else {
                &["namespace", "id"]
            };
            let labels = fields.iter().map(|field| format!("{field}=\"{}\"", escaped(container.text(field))));
            let _ = writeln!(text, "{name}{{{}}} {value}", labels.collect::<Vec<_>>().join(","));
        }
    }
    text
}

/// The value of a label.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
