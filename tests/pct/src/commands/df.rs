//! `pct df`

use super::{Session, mount};
use crate::command_line::Call;
use crate::conf::{Section, mount_points};
use crate::failure::Failure;
use rustix::fs::StatVfs;
use std::io;
use std::path::{Path, PathBuf};

const HEAD: [&str; 7] = ["MP", "Volume", "Size", "Used", "Avail", "Use%", "Path"];

pub(super) fn run(session: &Session<'_>, call: &Call) -> Result<(), Failure> {
    let vmid = call.vmid()?;
    let _lock = session.store().lock(vmid)?;
    let rows = match session.container(vmid).pid(session.console) {
        Ok(pid) => {
            let conf = session.store().load(vmid)?;
            rows(&conf.main, &PathBuf::from(format!("/proc/{pid}/root")))?
        }
        // A stopped one is mounted for as long as it takes.
        Err(_) => mount::mounted(session, vmid, rows)?,
    };
    session.console.say(&table(&rows));
    Ok(())
}

fn rows(conf: &Section, root: &Path) -> Result<Vec<Vec<String>>, Failure> {
    let mut rows = vec![HEAD.map(str::to_owned).to_vec()];
    for (name, point) in mount_points(conf)? {
        let data = rustix::fs::statvfs(root.join(point.target.trim_start_matches('/')));
        let numbers = figures(&data.map_err(io::Error::from)?);
        rows.push(
            [&[name.to_owned(), point.volume.to_string()], &numbers[..], std::slice::from_ref(&point.target)]
                .concat(),
        );
    }
    Ok(rows)
}

/// Size, used, available, used in percent.
fn figures(data: &StatVfs) -> [String; 4] {
    let bytes = |blocks: u64| blocks * data.f_frsize;
    let used = bytes(data.f_blocks - data.f_bfree);
    let total = bytes(data.f_blocks);
    let tenths = (used * 1000).checked_div(total).unwrap_or(0);
    let percent = format!("{}.{}", tenths / 10, tenths % 10);
    [short(total), short(used), short(bytes(data.f_bavail)), percent]
}

/// A size with one decimal in the largest unit that leaves it above one.
fn short(bytes: u64) -> String {
    let units = ["K", "M", "G", "T", "P", "E"];
    let unit = (1..=units.len()).rev().find(|unit| bytes >> (10 * unit) > 0);
    unit.map_or_else(
        || bytes.to_string(),
        |unit| {
            let tenths = (u128::from(bytes) * 10) >> (10 * unit);
            format!("{}.{}{}", tenths / 10, tenths % 10, units[unit - 1])
        },
    )
}

/// Columns as wide as their longest word.
fn table(rows: &[Vec<String>]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let words = row.iter().zip(&widths).map(|(word, width)| format!("{word:<width$}"));
        format!("{}\n", words.collect::<Vec<_>>().join(" ").trim_end())
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn sizes_are_short() {
        for (bytes, text) in [(0, "0"), (1023, "1023"), (1024, "1.0K"), (1_610_612_736, "1.5G")] {
            assert_eq!(short(bytes), text);
        }
    }
}
