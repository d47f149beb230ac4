//! The views of a container.

use nexcage_cli::escape_controls;
use nexcage_record::{Observed, Record, Status};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::time::Duration;

/// The version of the state document (runtime.md#state) that [`oci`] writes.
const STATE_VERSION: &str = "1.3.0";

/// A record with what the kernel says of it.
#[derive(Debug)]
pub struct Container {
    record: Record,
    observed: Observed,
}

impl Container {
    /// Looks at the process of a record.
    #[must_use]
    pub fn new(record: Record) -> Self {
        Container { observed: record.observe(), record }
    }

    /// The fields of the specification's state; `pid` only while the process is there.
    fn state(&self) -> Map<String, Value> {
        let mut state = Map::new();
        let mut put = |key: &str, value: Value| state.insert(key.to_owned(), value);
        put("ociVersion", STATE_VERSION.into());
        put("id", self.record.id.as_str().into());
        put("status", self.observed.status.as_str().into());
        if let Some(pid) = self.observed.pid {
            put("pid", pid.into());
        }
        put("bundle", self.record.bundle.as_str().into());
        if !self.record.annotations.is_empty() {
            put("annotations", json!(self.record.annotations));
        }
        state
    }
}

/// The state document of one container, on one line.
#[must_use]
pub fn oci(container: &Container) -> String {
    format!("{}\n", Value::Object(container.state()))
}

/// An array of state documents, each with `namespace`, `created`, `backend`, `stale` (the record
/// speaks of a process that is gone and that nobody has written the end of) and, once the process
/// has ended, `exit`.
#[must_use]
pub fn json(containers: &[Container]) -> String {
    let array = containers.iter().map(|container| {
        let mut object = container.state();
        let record = &container.record;
        let more = json!({
            "namespace": record.namespace,
            "created": record.created,
            "backend": record.backend,
            "stale": container.observed.stale,
        });
        if let Value::Object(more) = more {
            object.extend(more);
        }
        if let Some(exit) = &record.exit {
            object.insert("exit".to_owned(), json!(exit));
        }
        Value::Object(object)
    });
    format!("{}\n", Value::Array(array.collect()))
}

/// A table for people, with a heading.
#[must_use]
pub fn table(containers: &[Container]) -> String {
    let heading = ["NAMESPACE", "ID", "STATUS", "PID", "AGE", "BUNDLE"].map(str::to_owned);
    let rows: Vec<[String; 6]> = std::iter::once(heading).chain(containers.iter().map(row)).collect();
    let mut widths = [0; 6];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in &rows {
        let (last, cells) = row.split_last().map_or(("", &[][..]), |(last, cells)| (last.as_str(), cells));
        for (cell, width) in cells.iter().zip(widths) {
            let _ = write!(text, "{cell:width$}  ");
        }
        let _ = writeln!(text, "{last}");
    }
    text
}

fn row(container: &Container) -> [String; 6] {
    let Container { record, observed } = container;
    let status = match (observed.status, &record.exit) {
        (Status::Stopped, Some(exit)) => format!("stopped ({})", exit.status),
        (Status::Stopped, None) if observed.stale => "stopped (stale)".to_owned(),
        (status, _) => status.as_str().to_owned(),
    };
    let pid = observed.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string());
    let cells = [&record.namespace, &record.id, &status, &pid, &age(record.age()), &record.bundle];
    cells.map(|cell| escape_controls(cell))
}

/// A duration in its largest unit: `42s`, `7m`, `5h`, `3d`.
fn age(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..=99 => format!("{seconds}s"),
        100..=5_999 => format!("{}m", seconds / 60),
        6_000..=172_799 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::age;
    use std::time::Duration;

    #[test]
    fn ages_are_short() {
        for (seconds, text) in [(0, "0s"), (99, "99s"), (100, "1m"), (6_000, "1h"), (200_000, "2d")] {
            assert_eq!(age(Duration::from_secs(seconds)), text);
        }
    }
}
