//! A container's state, wherever it comes from.

use nexcage_cli::SPECIFICATION;
use nexcage_record::{Observed, Record, Status};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// The fields of the state document (runtime.md#state).
pub(crate) const FIELDS: [&str; 6] = ["ociVersion", "id", "status", "pid", "bundle", "annotations"];

/// A container's state.
#[derive(Debug)]
pub struct Container {
    state: Map<String, Value>,
    origin: Origin,
}

/// Where a state comes from.
#[derive(Debug)]
pub(crate) enum Origin {
    /// A record of nexcage, with what the kernel says of it.
    Record(Box<Record>, Observed),
    /// A document, called so in messages.
    Document(String),
}

impl Container {
    /// The state that a record tells; its process is looked at now.
    ///
    /// Beyond the specification's fields there are `namespace`, `created`, `backend`, `stale` (the
    /// record speaks of a process that is gone and that nobody has written the end of) and, once
    /// the process has ended, `exit`. `pid` is there while the process is.
    #[must_use]
    pub fn of_record(record: Record) -> Self {
        let observed = record.observe();
        let mut state = Map::new();
        let mut put = |key: &str, value: Value| state.insert(key.to_owned(), value);
        put("ociVersion", SPECIFICATION.into());
        put("id", record.id.as_str().into());
        put("status", observed.status.as_str().into());
        if let Some(pid) = observed.pid {
            put("pid", pid.into());
        }
        put("bundle", record.bundle.as_str().into());
        if !record.annotations.is_empty() {
            put("annotations", json!(record.annotations));
        }
        put("namespace", record.namespace.as_str().into());
        put("created", json!(record.created));
        put("backend", json!(record.backend));
        put("stale", observed.stale.into());
        if let Some(exit) = &record.exit {
            put("exit", json!(exit));
        }
        Container { state, origin: Origin::Record(Box::new(record), observed) }
    }

    /// A state document of any runtime, called `name` in messages.
    #[must_use]
    pub fn of_document(state: Map<String, Value>, name: String) -> Self {
        Container { state, origin: Origin::Document(name) }
    }

    /// All fields.
    #[must_use]
    pub fn state(&self) -> &Map<String, Value> {
        &self.state
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What messages call it.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.origin {
            Origin::Record(record, _) => format!("{}/{}", record.namespace, record.id),
            Origin::Document(name) => name.clone(),
        }
    }

    /// A field that holds a string; empty without it.
    #[must_use]
    pub fn text(&self, field: &str) -> &str {
        self.state.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// The pid; none where the document says 0, as runc does of a stopped container.
    #[must_use]
    pub fn pid(&self) -> Option<i64> {
        self.state.get("pid").and_then(Value::as_i64).filter(|pid| *pid > 0)
    }

    /// The status with what a person wants to know beside it.
    pub(crate) fn status_text(&self) -> String {
        match &self.origin {
            Origin::Record(record, observed) => match (observed.status, &record.exit) {
                (Status::Stopped, Some(exit)) => format!("stopped ({})", exit.status),
                (Status::Stopped, None) if observed.stale => "stopped (stale)".to_owned(),
                (status, _) => status.as_str().to_owned(),
            },
            Origin::Document(_) => self.text("status").to_owned(),
        }
    }

    /// How long ago it was made, if that is known.
    pub(crate) fn age(&self) -> Option<Duration> {
        match &self.origin {
            Origin::Record(record, _) => Some(record.age()),
            Origin::Document(_) => self.created()?.elapsed().ok(),
        }
    }

    /// When it was made, by `created` (RFC 3339), which is no field of the specification.
    pub(crate) fn created(&self) -> Option<std::time::SystemTime> {
        humantime::parse_rfc3339(self.text("created")).ok()
    }
}
