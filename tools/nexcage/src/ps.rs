//! `nexcage ps`: the processes of a container, by ps(1) or as numbers.

use crate::arguments::{self, Format};
use crate::command_line::STATUSES;
use crate::context::{Context, Global};
use crate::error::Error;
use crate::shim::Shim;
use nexcage_cli::{Args, Failure, Opt, Tool, escape_controls, print};
use nexcage_record::ContainerId;
use nexcage_task_api::method::Pids;
use nexcage_task_api::task::PidsRequest;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::process::Command;

/// What `nexcage ps --help` says.
pub(crate) static TOOL: Tool = Tool {
    name: "nexcage ps",
    summary: "show the processes of a container",
    usage: &["[OPTIONS] ID [PS-OPTION...]"],
    options: &[Opt {
        long: "format",
        short: Some('f'),
        value: Some("table|json"),
        help: "table: what ps(1) prints of them, with -ef unless other options are given; they must have it print a column PID. json: an array of pids as the host sees them. Default: table.",
    }],
    statuses: STATUSES,
};

pub(crate) fn main(global: Global, args: Args) -> Result<u8, Failure> {
    let (id, format, options) = parse(args)?;
    let pids = pids(&global.context()?, id)?;
    let text = match format {
        Format::Json => format!("{}\n", serde_json::Value::from_iter(pids)),
        Format::Table => table(&pids, &options)?,
    };
    print(text.as_bytes())?;
    Ok(0)
}

fn parse(mut args: Args) -> Result<(ContainerId, Format, Vec<OsString>), Failure> {
    let mut format = Format::Table;
    let values = arguments::read_until_value(&mut args, |name, args| {
        match name {
            "format" => format = Format::read(args)?,
            other => arguments::unknown(other)?,
        }
        Ok(())
    })?;
    let (id, options) = values.map_or((None, Vec::new()), |(id, options)| (Some(id), options));
    Ok((arguments::id(id)?, format, options))
}

fn pids(context: &Context, id: ContainerId) -> Result<BTreeSet<u32>, Error> {
    let mut shim = Shim::of(context, &context.container(id))?;
    let request = PidsRequest { id: shim.id() };
    Ok(shim.call::<Pids>(&request)?.processes.into_iter().map(|process| process.pid).collect())
}

fn table(pids: &BTreeSet<u32>, options: &[OsString]) -> Result<String, Error> {
    let usual = [OsString::from("-ef")];
    let output = Command::new("ps").args(if options.is_empty() { &usual } else { options }).output();
    let output = output.map_err(Error::system("run ps"))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(Error::Ps(words.lines().next().unwrap_or("it failed").to_owned()));
    }
    select(&String::from_utf8_lossy(&output.stdout), pids)
}

/// The heading of ps, and the lines whose column PID has one of the pids.
fn select(text: &str, pids: &BTreeSet<u32>) -> Result<String, Error> {
    let heading = text.lines().next().unwrap_or_default();
    let column = heading.split_whitespace().position(|name| name == "PID");
    let column = column.ok_or_else(|| Error::Ps("it prints no column PID".into()))?;
    let is_meant = |line: &&str| {
        let pid = line.split_whitespace().nth(column).and_then(|pid| pid.parse().ok());
        pid.is_some_and(|pid: u32| pids.contains(&pid))
    };
    // The names of processes are the container's to choose.
    let lines = text.lines().take(1).chain(text.lines().skip(1).filter(is_meant));
    Ok(lines.map(|line| format!("{}\n", escape_controls(line))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_the_id_is_for_ps() {
        arguments::tests::every_option_is_handled(&TOOL, parse, &["c1"], &[]);
        let (_, format, options) = parse(Args::from_list(&TOOL, ["-f", "json", "c1", "-f", "--x"])).unwrap();
        assert_eq!((format, options), (Format::Json, vec!["-f".into(), "--x".into()]));
        assert!(parse(Args::from_list(&TOOL, ["-f", "json"])).is_err());
    }

    #[test]
    fn only_lines_of_the_container_are_shown() {
        let text = "UID        PID  CMD\nroot         1  init\nroot        77  a 1\nuser        78  b\u{7}\n";
        let shown = select(text, &BTreeSet::from([77, 78])).unwrap();
        assert_eq!(shown, "UID        PID  CMD\nroot        77  a 1\nuser        78  b\\u{7}\n");
        assert!(select("COMMAND\n", &BTreeSet::new()).is_err());
    }
}
