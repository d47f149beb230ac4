//! `nexcage attach`: the terminal of a process that runs already.

use crate::arguments;
use crate::context::{Context, Global};
use crate::detach_keys::{self, DETACH_KEYS};
use crate::error::Error;
use crate::session::{Ending, OnSignal, Session, Stdio};
use crate::shim::Shim;
use crate::signals::Signals;
use nexcage_cli::{Args, Failure, Opt, Tool};
use nexcage_record::ContainerId;

/// What `nexcage attach --help` says.
pub(crate) static TOOL: Tool = Tool {
    name: "nexcage attach",
    summary: "connect to the terminal of a process",
    usage: &["[OPTIONS] ID"],
    options: &[
        DETACH_KEYS,
        Opt {
            long: "exec-id",
            short: None,
            value: Some("EXEC"),
            help: "A process of exec, as exec has called it when it was detached from. Default: the container's own.",
        },
    ],
    statuses: &[
        ("0", "Detached; the process goes on."),
        ("N", "The process ended with status N."),
        ("128+N", "Signal N ended the process, or nexcage, which the process outlives."),
        ("2", "Wrong command line."),
        ("125", "nexcage failed itself; stderr has one line with a code that says where and why."),
    ],
};

/// What was typed.
#[derive(Debug)]
struct Request {
    id: ContainerId,
    exec_id: String,
    keys: Vec<u8>,
}

pub(crate) fn main(global: Global, args: Args) -> Result<u8, Failure> {
    let request = parse(args)?;
    let attached = global.context().and_then(|context| attach(&context, request));
    attached.map_err(|error| Failure::from(error).with_status(125))
}

fn parse(mut args: Args) -> Result<Request, Failure> {
    let (mut exec_id, mut keys) = (String::new(), detach_keys::parse(detach_keys::DEFAULT)?);
    let values = arguments::read(&mut args, |name, args| {
        match name {
            "detach-keys" => keys = detach_keys::parse(&args.string()?)?,
            "exec-id" => exec_id = args.string()?,
            other => arguments::unknown(other)?,
        }
        Ok(())
    })?;
    Ok(Request { id: arguments::one_id(values)?, exec_id, keys })
}

fn attach(context: &Context, request: Request) -> Result<u8, Error> {
    let Request { id, exec_id, keys } = request;
    let mut shim = Shim::of(context, &context.container(id))?;
    let signals = (Signals::leaving()?, OnSignal::Leave);
    let session = Session::begin(&mut shim, &exec_id, signals, Stdio::Terminal(&keys))?;
    Ok(match session.run(&mut shim)? {
        Ending::Exited(status) => status,
        Ending::Detached => 0,
        Ending::Left(signal) => u8::try_from(128 + signal).unwrap_or(u8::MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_the_process_can_be_chosen() {
        arguments::tests::every_option_is_handled(&TOOL, parse, &["c1"], &[("detach-keys", "ctrl-x")]);
        let request = parse(Args::from_list(&TOOL, ["c1"])).unwrap();
        assert_eq!((request.exec_id.as_str(), request.keys), ("", vec![16, 17]));
        assert!(parse(Args::from_list(&TOOL, ["--detach-keys", "ctrl-", "c1"])).is_err());
    }
}
