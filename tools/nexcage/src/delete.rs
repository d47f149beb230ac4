//! `nexcage delete`: removes a stopped container; with `--force` any, also one that is not there.

use crate::arguments;
use crate::command_line::STATUSES;
use crate::context::{Container, Context, Global};
use crate::error::Error;
use crate::shim::Shim;
use nexcage_cli::{Args, Code, Diagnose as _, Failure, Opt, Tool, causes};
use nexcage_record::{ContainerId, Error as RecordError};
use nexcage_task_api::method::Delete;
use nexcage_task_api::task::{DeleteRequest, Status};

/// What `nexcage delete --help` says.
pub(crate) static TOOL: Tool = Tool {
    name: "nexcage delete",
    summary: "remove a container that has stopped",
    usage: &["[OPTIONS] ID"],
    options: &[Opt {
        long: "force",
        short: Some('f'),
        value: None,
        help: "Kill it first if need be, whatever its state; a container that does not exist is no error.",
    }],
    statuses: STATUSES,
};

/// How often a deletion is taken up again by another shim after one has died over it.
const ATTEMPTS: u32 = 5;

/// How much may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Means {
    OnlyStopped,
    Force,
}

pub(crate) fn main(global: Global, args: Args) -> Result<u8, Failure> {
    let (id, means) = parse(args)?;
    let context = global.context()?;
    let container = context.container(id);
    if container.exists() {
        delete(&context, &container, means)?;
    } else if means == Means::OnlyStopped {
        return Err(Error::from(RecordError::NotFound { path: container.dir.path().to_owned() }).into());
    }
    Ok(0)
}

fn parse(mut args: Args) -> Result<(ContainerId, Means), Failure> {
    let mut means = Means::OnlyStopped;
    let values = arguments::read(&mut args, |name, args| {
        match name {
            "force" => means = if args.flag()? { Means::Force } else { Means::OnlyStopped },
            other => arguments::unknown(other)?,
        }
        Ok(())
    })?;
    Ok((arguments::one_id(values)?, means))
}

/// Deletes a container that was there. One that recovery has found half made or half removed is gone
/// by the time that somebody could be asked: done. A deletion can be repeated, so a shim that dies
/// over it is no reason to give up.
fn delete(context: &Context, container: &Container, means: Means) -> Result<(), Error> {
    let mut attempts = 1;
    loop {
        let done = match means {
            Means::OnlyStopped => stopped(context, container),
            Means::Force => Shim::of(context, container).and_then(Shim::remove),
        };
        match done {
            Err(error) if error.code() == Code::NotFound && !container.exists() => return Ok(()),
            Err(Error::Connection(error)) if attempts < ATTEMPTS => {
                log::debug!("deletion, attempt {attempts}: {}", causes(&error));
                attempts += 1;
            }
            other => return other,
        }
    }
}

fn stopped(context: &Context, container: &Container) -> Result<(), Error> {
    let mut shim = Shim::of(context, container)?;
    let problem = match shim.status()? {
        Status::Created => "is created, not stopped",
        Status::Running => "is running, not stopped",
        Status::Paused | Status::Pausing => "is paused, not stopped",
        Status::Stopped | Status::Unknown => {
            let request = DeleteRequest { id: shim.id(), exec_id: String::new() };
            shim.call::<Delete>(&request)?;
            shim.shut_down();
            return Ok(());
        }
    };
    Err(Error::WrongState { id: shim.id(), problem, hint: Some("stop it first, or use --force") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn force_may_stand_anywhere() {
        arguments::tests::every_option_is_handled(&TOOL, parse, &["c1"], &[]);
        for list in [&["-f", "c1"][..], &["c1", "--force"]] {
            assert_eq!(parse(Args::from_list(&TOOL, list)).unwrap().1, Means::Force);
        }
        assert_eq!(parse(Args::from_list(&TOOL, ["c1"])).unwrap().1, Means::OnlyStopped);
        assert!(parse(Args::from_list(&TOOL, ["c1", "c2"])).is_err());
    }
}
