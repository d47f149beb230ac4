//! Tables as runc's `list` has them: columns at least twelve wide, three blanks between.

use nexcage_cli::escape_controls;
use std::fmt::Write as _;

const NARROWEST: usize = 12;
const GAP: usize = 3;

/// Lines of cells, the first of them the heading. What would steer a terminal is escaped.
pub(crate) fn table<const N: usize>(
    heading: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let heading = heading.map(str::to_owned);
    let rows: Vec<[String; N]> = std::iter::once(heading)
        .chain(rows.into_iter().map(|row| row.map(|cell| escape_controls(&cell))))
        .collect();
    let mut widths = [NARROWEST; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count() + GAP);
        }
    }
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            let _ = write!(line, "{cell:width$}");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn columns_are_as_wide_as_runcs() {
        let text =
            table(["ID", "PID", "OWNER"], [["a-long-identity".into(), "1".into(), "\u{1b}[2J".into()]]);
        assert_eq!(text, "ID                PID         OWNER\na-long-identity   1           \\u{1b}[2J\n");
    }
}
