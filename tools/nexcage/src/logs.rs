//! `nexcage logs`: what LXC, pct and the shim said of a container.

use crate::arguments;
use crate::command_line::STATUSES;
use crate::context::{Context, Global};
use crate::error::Error;
use nexcage_cli::{Args, Failure, Tool, escape_controls, print};
use nexcage_record::{ContainerId, Error as RecordError};
use std::fs;
use std::io::{ErrorKind, IsTerminal as _};

/// What `nexcage logs --help` says.
pub(crate) static TOOL: Tool = Tool {
    name: "nexcage logs",
    summary: "print what LXC, pct and the shim said of a container",
    usage: &["ID"],
    options: &[],
    statuses: STATUSES,
};

pub(crate) fn main(global: Global, args: Args) -> Result<u8, Failure> {
    let id = arguments::only_id(args)?;
    let log = read(&global.context()?, id)?;
    if std::io::stdout().is_terminal() {
        print(for_people(&log).as_bytes())?;
    } else {
        print(&log)?;
    }
    Ok(0)
}

/// The log; empty if nobody has said anything yet.
fn read(context: &Context, id: ContainerId) -> Result<Vec<u8>, Error> {
    let container = context.container(id);
    let path = container.dir.path().join("log");
    match fs::read(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if container.exists() {
                return Ok(Vec::new());
            }
            Err(RecordError::NotFound { path: container.dir.path().to_owned() }.into())
        }
        other => other.map_err(Error::io("read", &path)),
    }
}

/// Lines whose control characters are escaped.
fn for_people(log: &[u8]) -> String {
    let text = String::from_utf8_lossy(log);
    text.lines().map(|line| format!("{}\n", escape_controls(line))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stay_lines_and_cannot_steer_a_terminal() {
        assert_eq!(for_people(b"a\x1b[2J\nb\xff"), "a\\u{1b}[2J\nb\u{fffd}\n");
    }
}
