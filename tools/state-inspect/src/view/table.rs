//! Rows and columns: for people, and for cut(1) and awk(1).

use crate::Container;
use nexcage_cli::escape_controls;
use std::fmt::Write as _;
use std::time::Duration;

const HEADING: [&str; 6] = ["NAMESPACE", "ID", "STATUS", "PID", "AGE", "BUNDLE"];

/// A table for people, with a heading.
#[must_use]
pub fn table(containers: &[Container]) -> String {
    let heading = HEADING.map(str::to_owned);
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
    let pid = container.pid().map_or_else(String::new, |pid| pid.to_string());
    let age = container.age().map_or_else(String::new, age);
    let status = container.status_text();
    let [namespace, id, bundle] = ["namespace", "id", "bundle"].map(|field| container.text(field));
    let cells = [namespace, id, &status, &pid, &age, bundle];
    cells.map(|cell| if cell.is_empty() { "-".to_owned() } else { escape_controls(cell) })
}

/// Columns with a tab between: namespace, id, status, pid, time of creation, exit status, bundle.
/// No heading; what is not known is empty; control characters are escaped.
#[must_use]
pub fn tsv(containers: &[Container]) -> String {
    let mut text = String::new();
    for container in containers {
        let pid = container.pid().map_or_else(String::new, |pid| pid.to_string());
        let exit = container.state().get("exit").and_then(|exit| exit.get("status"));
        let exit = exit.map_or_else(String::new, ToString::to_string);
        let [namespace, id, status, created, bundle] =
            ["namespace", "id", "status", "created", "bundle"].map(|field| container.text(field));
        let cells = [namespace, id, status, &pid, created, &exit, bundle].map(escape_controls);
        let _ = writeln!(text, "{}", cells.join("\t"));
    }
    text
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
