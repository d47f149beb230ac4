//! `nexcage events`: a container's statistics, and lack of memory, a JSON object a line in runc's form.

mod stats;

use crate::arguments;
use crate::command_line::STATUSES;
use crate::context::Global;
use crate::error::Error;
use crate::shim::Shim;
use crate::wait;
use nexcage_cli::{Args, Code, Diagnose as _, Failure, Opt, Reader, Tool, print_on};
use nexcage_record::ContainerId;
use nexcage_task_api::events::{TaskExit, topic};
use nexcage_task_api::method::{Events, Stats};
use nexcage_task_api::shim::{Event, EventsRequest};
use nexcage_task_api::task::{StatsRequest, Status};
use nexcage_task_api::{Client, StreamId};
use serde_json::{Value, json};
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant, SystemTime};

/// What `nexcage events --help` says.
pub(crate) static TOOL: Tool = Tool {
    name: "nexcage events",
    summary: "print statistics of a container, and when it lacks memory",
    usage: &["[OPTIONS] ID"],
    options: &[
        Opt {
            long: "interval",
            short: None,
            value: Some("TIME"),
            help: "How often statistics are printed, such as 500ms, 5s or 1m. Default: 5s.",
        },
        Opt { long: "stats", short: None, value: None, help: "Print statistics once." },
    ],
    statuses: STATUSES,
};

/// What was typed.
#[derive(Debug)]
struct Request {
    id: ContainerId,
    interval: Duration,
    once: bool,
}

pub(crate) fn main(global: Global, args: Args) -> Result<u8, Failure> {
    let request = parse(args)?;
    let context = global.context()?;
    let mut shim = Shim::of(&context, &context.container(request.id))?;
    if shim.status()? == Status::Stopped {
        return Err(Error::WrongState { id: shim.id(), problem: "has stopped", hint: None }.into());
    }
    if request.once {
        print_on(statistics(&mut shim)?.as_bytes())?;
    } else {
        Watch::begin(shim, request.interval)?.run()?;
    }
    Ok(0)
}

fn parse(mut args: Args) -> Result<Request, Failure> {
    let (mut interval, mut once) = (Duration::from_secs(5), false);
    let values = arguments::read(&mut args, |name, args| {
        match name {
            "interval" => interval = duration(&args.string()?)?,
            "stats" => once = args.flag()?,
            other => arguments::unknown(other)?,
        }
        Ok(())
    })?;
    Ok(Request { id: arguments::one_id(values)?, interval, once })
}

fn duration(text: &str) -> Result<Duration, Failure> {
    let parsed = humantime::parse_duration(text).ok().filter(|duration| !duration.is_zero());
    parsed.ok_or_else(|| {
        Failure::usage(format!("--interval {text}: expected a time, more than 0, such as 500ms or 5s"))
    })
}

/// One line of statistics.
fn statistics(shim: &mut Shim) -> Result<String, Error> {
    let request = StatsRequest { id: shim.id() };
    let metrics = shim.call::<Stats>(&request)?.stats.unwrap_or_default();
    Ok(line(&json!({"type": "stats", "id": shim.id(), "data": stats::runc(&metrics)?})))
}

fn line(value: &Value) -> String {
    format!("{value}\n")
}

/// A watch over a container until it ends.
struct Watch {
    shim: Shim,
    interval: Duration,
    since: SystemTime,
    /// The number of the last event that came.
    last: u64,
    asked: StreamId,
    next: Instant,
}

impl Watch {
    fn begin(mut shim: Shim, interval: Duration) -> Result<Self, Error> {
        let asked = ask(&mut shim, 0)?;
        Ok(Watch { shim, interval, since: SystemTime::now(), last: 0, asked, next: Instant::now() })
    }

    fn run(mut self) -> Result<(), Failure> {
        loop {
            let Some(lines) = self.lines()? else { return Ok(()) };
            if print_on(lines.as_bytes())? == Reader::Gone {
                return Ok(());
            }
        }
    }

    /// Waits for something to print; none at the end of the container.
    fn lines(&mut self) -> Result<Option<String>, Error> {
        if self.next <= Instant::now() {
            self.next = Instant::now() + self.interval;
            return match statistics(&mut self.shim) {
                Err(error) if matches!(error.code(), Code::NotFound | Code::WrongState) => Ok(None),
                lines => lines.map(Some),
            };
        }
        // Some answers may have come with the statistics.
        let mut lines = String::new();
        while let Some((stream, answer)) = self.shim.answer()? {
            if stream != self.asked {
                continue;
            }
            let events = Client::decode::<Events>(answer)?.events;
            if events.iter().any(|event| self.is_end(event)) {
                return Ok(None);
            }
            let lacks = events.iter().filter(|event| event.topic == topic::OOM && self.is_new(event));
            lines.extend(lacks.map(|_| line(&json!({"type": "oom", "id": self.shim.id()}))));
            self.last = events.iter().map(|event| event.number).max().unwrap_or(self.last);
            self.asked = ask(&mut self.shim, self.last)?;
        }
        if lines.is_empty() {
            wait::wait(&[self.shim.as_fd()], Some(self.next))?;
        }
        Ok(Some(lines))
    }

    /// Whether the container's own process has ended.
    fn is_end(&self, event: &Event) -> bool {
        let exit = event.event.as_ref().and_then(|event| event.unpack::<TaskExit>().ok().flatten());
        exit.is_some_and(|exit| exit.id == self.shim.id())
    }

    /// Whether it came after the watch began; the shim tells all that it remembers.
    fn is_new(&self, event: &Event) -> bool {
        let at = event.at.as_ref().and_then(nexcage_task_api::Timestamp::to_system_time);
        at.is_none_or(|at| at >= self.since)
    }
}

fn ask(shim: &mut Shim, after: u64) -> Result<StreamId, Error> {
    let request = EventsRequest { id: shim.id(), after };
    shim.send::<Events>(&request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_times() {
        arguments::tests::every_option_is_handled(&TOOL, parse, &["c1"], &[("interval", "1m30s")]);
        let interval = |text: &str| {
            parse(Args::from_list(&TOOL, ["--interval", text, "c1"]))
                .map(|request| request.interval.as_millis())
        };
        assert_eq!((interval("500ms").unwrap(), interval("1m30s").unwrap()), (500, 90_000));
        for wrong in ["", "5", "0s", "-1s", "soon"] {
            assert!(interval(wrong).is_err(), "{wrong}");
        }
    }
}
