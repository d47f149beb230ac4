//! `nexcage kill`: sends a signal to a container's process, or to all of its processes.

use crate::arguments;
use crate::command_line::STATUSES;
use crate::context::{Context, Global};
use crate::error::Error;
use crate::shim::Shim;
use crate::signal_name;
use nexcage_cli::{Args, Failure, Opt, Tool};
use nexcage_record::ContainerId;
use nexcage_task_api::method::Kill;
use nexcage_task_api::task::KillRequest;

/// What `nexcage kill --help` says.
pub(crate) static TOOL: Tool = Tool {
    name: "nexcage kill",
    summary: "send a signal to a container",
    usage: &["[OPTIONS] ID [SIGNAL]"],
    options: &[Opt {
        long: "all",
        short: Some('a'),
        value: None,
        help: "Send it to every process of the container, not to the first one alone. SIGNAL is a name or a number. Default: TERM.",
    }],
    statuses: STATUSES,
};

/// What was typed.
#[derive(Debug)]
struct Request {
    id: ContainerId,
    signal: u32,
    all: bool,
}

pub(crate) fn main(global: Global, args: Args) -> Result<u8, Failure> {
    let request = parse(args)?;
    kill(&global.context()?, request)?;
    Ok(0)
}

fn parse(mut args: Args) -> Result<Request, Failure> {
    let mut all = false;
    let values = arguments::read(&mut args, |name, args| {
        match name {
            "all" => all = args.flag()?,
            other => arguments::unknown(other)?,
        }
        Ok(())
    })?;
    let mut values = values.into_iter();
    let id = arguments::id(values.next())?;
    let name = values.next().unwrap_or_else(|| "TERM".into());
    arguments::nothing(values.next())?;
    let signal = name.to_str().and_then(signal_name::parse);
    let signal =
        signal.ok_or_else(|| Failure::usage(format!("there is no signal {:?}", name.to_string_lossy())))?;
    Ok(Request { id, signal, all })
}

fn kill(context: &Context, request: Request) -> Result<(), Error> {
    let Request { id, signal, all } = request;
    let mut shim = Shim::of(context, &context.container(id))?;
    let request = KillRequest { id: shim.id(), exec_id: String::new(), signal, all };
    shim.call::<Kill>(&request).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signal_is_term_unless_it_is_named() {
        arguments::tests::every_option_is_handled(&TOOL, parse, &["c1", "KILL"], &[]);
        let read =
            |list: &[&str]| parse(Args::from_list(&TOOL, list)).map(|request| (request.signal, request.all));
        assert_eq!(read(&["c1"]).unwrap(), (15, false));
        assert_eq!(read(&["-a", "c1", "9"]).unwrap(), (9, true));
        assert_eq!(read(&["c1", "SIGHUP", "--all"]).unwrap(), (1, true));
        for wrong in [&[][..], &["c1", "NOPE"], &["c1", "9", "10"], &["../c"]] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
