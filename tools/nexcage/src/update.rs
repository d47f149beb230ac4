//! `nexcage update`: changes the limits of a container that runs.

use crate::arguments;
use crate::command_line::STATUSES;
use crate::context::{Context, Global};
use crate::error::Error;
use crate::shim::Shim;
use nexcage_cli::{Args, Failure, Opt, Tool};
use nexcage_record::ContainerId;
use nexcage_task_api::method::Update;
use nexcage_task_api::shim::RESOURCES_TYPE;
use nexcage_task_api::task::{Any, UpdateTaskRequest};
use serde_json::{Map, Value, json};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

/// What `nexcage update --help` says.
pub(crate) static TOOL: Tool = Tool {
    name: "nexcage update",
    summary: "change the limits of a container",
    usage: &["[OPTIONS] ID"],
    options: OPTIONS,
    statuses: STATUSES,
};

const fn opt(long: &'static str, value: &'static str, help: &'static str) -> Opt {
    Opt { long, short: None, value: Some(value), help }
}

const OPTIONS: &[Opt] = &[
    Opt {
        long: "resources",
        short: Some('r'),
        value: Some("FILE"),
        help: "Read the limits as JSON, as linux.resources of config.json has them; what is not named stays. - is stdin. The other options are ignored then.",
    },
    opt("blkio-weight", "N", "The weight of block I/O, 10 to 1000."),
    opt("cpu-period", "N", "The period of the processor limit, in microseconds."),
    opt("cpu-quota", "N", "The processor time in a period, in microseconds; -1 is no limit."),
    opt("cpu-burst", "N", "The unused processor time that may be used later, in microseconds."),
    opt("cpu-share", "N", "The weight of processor time against other containers."),
    opt("cpu-rt-period", "N", "The period of the real-time limit, in microseconds."),
    opt("cpu-rt-runtime", "N", "The real-time processor time in a period, in microseconds."),
    opt("cpu-idle", "N", "1 to run only when nothing else would, 0 to end that."),
    opt("cpuset-cpus", "LIST", "The processors that may be used, such as 0-3,7."),
    opt("cpuset-mems", "LIST", "The memory nodes that may be used."),
    opt("memory", "BYTES", "The limit of memory; k, m, g may follow the number, and -1 is no limit."),
    opt("memory-reservation", "BYTES", "The limit of memory while others are short of it."),
    opt("memory-swap", "BYTES", "The limit of memory and swap together; -1 is no limit."),
    opt("kernel-memory", "BYTES", "Accepted with a warning, as in runc: the kernel has no such limit."),
    opt("kernel-memory-tcp", "BYTES", "Accepted with a warning, as in runc."),
    opt("pids-limit", "N", "The greatest number of processes and threads; -1 is no limit."),
    opt("l3-cache-schema", "TEXT", "Refused: nothing is set by Intel RDT."),
    opt("mem-bw-schema", "TEXT", "Refused: nothing is set by Intel RDT."),
];

/// What was typed.
#[derive(Debug, Default)]
struct Request {
    file: Option<OsString>,
    /// LinuxResources of what the other options say.
    resources: Map<String, Value>,
}

pub(crate) fn main(global: Global, args: Args) -> Result<u8, Failure> {
    let (id, request) = parse(args)?;
    update(&global.context()?, id, request)?;
    Ok(0)
}

fn parse(mut args: Args) -> Result<(ContainerId, Request), Failure> {
    let mut request = Request::default();
    let values = arguments::read(&mut args, |name, args| request.option(name, args))?;
    Ok((arguments::one_id(values)?, request))
}

impl Request {
    fn option(&mut self, name: &str, args: &mut Args) -> Result<(), Failure> {
        match name {
            "resources" => self.file = Some(args.value()?),
            "blkio-weight" => self.put("blockIO", "weight", arguments::number::<u16>(args, name)?.into()),
            "cpu-period" => self.put("cpu", "period", unsigned(args, name)?),
            "cpu-quota" => self.put("cpu", "quota", signed(args, name)?),
            "cpu-burst" => self.put("cpu", "burst", unsigned(args, name)?),
            "cpu-share" => self.put("cpu", "shares", unsigned(args, name)?),
            "cpu-rt-period" => self.put("cpu", "realtimePeriod", unsigned(args, name)?),
            "cpu-rt-runtime" => self.put("cpu", "realtimeRuntime", signed(args, name)?),
            // Here 0 says something.
            "cpu-idle" => self.set("cpu", "idle", signed(args, name)?),
            "cpuset-cpus" => self.put("cpu", "cpus", args.string()?.into()),
            "cpuset-mems" => self.put("cpu", "mems", args.string()?.into()),
            "memory" => self.put("memory", "limit", bytes(args, name)?),
            "memory-reservation" => self.put("memory", "reservation", bytes(args, name)?),
            "memory-swap" => self.put("memory", "swap", bytes(args, name)?),
            "kernel-memory" | "kernel-memory-tcp" => {
                bytes(args, name)?;
                log::warn!("--{name} changes nothing: the kernel has no such limit");
            }
            "pids-limit" => self.put("pids", "limit", signed(args, name)?),
            "l3-cache-schema" | "mem-bw-schema" => {
                args.value()?;
                let why = "nothing is set by Intel RDT";
                return Err(Error::Unsupported { what: format!("--{name}"), why }.into());
            }
            other => arguments::unknown(other)?,
        }
        Ok(())
    }

    /// Puts a value in; as with runc, 0 and the empty text change nothing.
    fn put(&mut self, part: &str, field: &str, value: Value) {
        if value != json!(0) && value != json!("") {
            self.set(part, field, value);
        }
    }

    fn set(&mut self, part: &str, field: &str, value: Value) {
        let part = self.resources.entry(part).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(part) = part {
            part.insert(field.to_owned(), value);
        }
    }

    /// The resources as JSON.
    fn document(self) -> Result<Vec<u8>, Error> {
        match self.file {
            None => Ok(Value::Object(self.resources).to_string().into_bytes()),
            Some(file) => read(&file),
        }
    }
}

/// A document of the user's, which is an object at least; what is in it is the shim's to judge.
fn read(file: &OsStr) -> Result<Vec<u8>, Error> {
    let path = Path::new(file);
    let text = if file == "-" {
        let mut text = Vec::new();
        io::stdin().read_to_end(&mut text).map(|_| text)
    } else {
        fs::read(path)
    };
    let text = text.map_err(Error::io("read", path))?;
    serde_json::from_slice::<Map<String, Value>>(&text).map_err(Error::document(path))?;
    Ok(text)
}

fn update(context: &Context, id: ContainerId, request: Request) -> Result<(), Error> {
    let resources = Any::json(RESOURCES_TYPE, request.document()?);
    let mut shim = Shim::of(context, &context.container(id))?;
    let request =
        UpdateTaskRequest { id: shim.id(), resources: Some(resources), ..UpdateTaskRequest::default() };
    shim.call::<Update>(&request).map(drop)
}

fn unsigned(args: &mut Args, option: &str) -> Result<Value, Failure> {
    arguments::number::<u64>(args, option).map(Value::from)
}

fn signed(args: &mut Args, option: &str) -> Result<Value, Failure> {
    arguments::number::<i64>(args, option).map(Value::from)
}

fn bytes(args: &mut Args, option: &str) -> Result<Value, Failure> {
    let text = args.string()?;
    let size = if text.is_empty() { Some(0) } else { size(&text) };
    size.map(Value::from).ok_or_else(|| {
        Failure::usage(format!("--{option} {text}: expected bytes, such as 64m, 1.5GiB or -1"))
    })
}

/// Bytes as runc reads them: a number, also with a point, and a unit whose steps are of 1024; or -1.
fn size(text: &str) -> Option<i64> {
    if text == "-1" {
        return Some(-1);
    }
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start().to_ascii_lowercase();
    let prefix = unit.strip_suffix("ib").or(unit.strip_suffix('b')).unwrap_or(&unit);
    let power = match prefix {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        _ => return None,
    };
    let factor = 1024_i64.pow(power);
    if let Ok(whole) = number.parse::<i64>() {
        return whole.checked_mul(factor);
    }
    fraction(number, factor)
}

/// A decimal fraction of a unit, rounded down, without the errors of floating point.
fn fraction(number: &str, factor: i64) -> Option<i64> {
    let (whole, part) = number.split_once('.')?;
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let scale = 10_i128.checked_pow(u32::try_from(part.len()).ok()?)?;
    let part: i128 = part.parse().ok()?;
    let small = i64::try_from(part.checked_mul(factor.into())? / scale).ok()?;
    whole.checked_mul(factor)?.checked_add(small)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resources(list: &[&str]) -> Value {
        let list = list.iter().copied().chain(["c1"]);
        let (_, request) = parse(Args::from_list(&TOOL, list)).unwrap();
        serde_json::from_slice(&request.document().unwrap()).unwrap()
    }

    #[test]
    fn every_option_lands_in_its_place() {
        for (list, expected) in [
            (&[][..], json!({})),
            (&["--memory", "64m", "--memory-swap=-1"], json!({"memory": {"limit": 67_108_864, "swap": -1}})),
            (&["--memory-reservation", "1k"], json!({"memory": {"reservation": 1024}})),
            (&["--cpu-share", "512", "--cpu-quota", "-1"], json!({"cpu": {"shares": 512, "quota": -1}})),
            (&["--cpu-period", "9", "--cpu-burst", "8"], json!({"cpu": {"period": 9, "burst": 8}})),
            (
                &["--cpu-rt-period", "7", "--cpu-rt-runtime", "6"],
                json!({"cpu": {"realtimePeriod": 7, "realtimeRuntime": 6}}),
            ),
            (&["--cpuset-cpus", "0-1", "--cpuset-mems", "0"], json!({"cpu": {"cpus": "0-1", "mems": "0"}})),
            (&["--cpu-idle", "0"], json!({"cpu": {"idle": 0}})),
            (
                &["--pids-limit", "20", "--blkio-weight", "10"],
                json!({"pids": {"limit": 20}, "blockIO": {"weight": 10}}),
            ),
            (&["--cpu-share", "0", "--memory", "0", "--cpuset-cpus", ""], json!({})),
            (&["--kernel-memory", "1g"], json!({})),
        ] {
            assert_eq!(resources(list), expected, "{list:?}");
        }
    }

    #[test]
    fn every_option_is_handled_and_wrong_values_are_refused() {
        for option in TOOL.options.iter().filter(|option| !option.help.starts_with("Refused")) {
            let list = [format!("--{}", option.long), "64".into(), "c1".into()];
            assert!(parse(Args::from_list(&TOOL, &list)).is_ok(), "{list:?}");
        }
        for wrong in [
            &["--memory", "many"][..],
            &["--memory", "-2"],
            &["--cpu-share", "-1"],
            &["--blkio-weight", "70000"],
            &["--pids-limit", "1.5"],
            &["--l3-cache-schema", "x"],
            &["--mem-bw-schema=y"],
        ] {
            assert!(parse(Args::from_list(&TOOL, wrong.iter().copied().chain(["c1"]))).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn sizes_are_powers_of_1024() {
        for (text, expected) in [
            ("0", 0),
            ("512", 512),
            ("1K", 1024),
            ("1kb", 1024),
            ("2MiB", 2 << 20),
            ("1.5g", 3 << 29),
            ("0.1k", 102),
            (".5m", 1 << 19),
            ("1 G", 1 << 30),
            ("-1", -1),
        ] {
            assert_eq!(size(text), Some(expected), "{text}");
        }
        for wrong in ["", "x", "1x", "-5", "1.2.3", "9223372036854775807k", "1ii", "."] {
            assert_eq!(size(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_file_has_the_last_word_and_must_hold_an_object() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("resources.json");
        fs::write(&path, r#"{"unified": {"pids.max": "7"}}"#).unwrap();
        let path = path.to_str().unwrap();
        assert_eq!(
            resources(&["--resources", path, "--memory", "1g"]),
            json!({"unified": {"pids.max": "7"}})
        );
        for wrong in ["[]", "{", "7"] {
            fs::write(path, wrong).unwrap();
            assert!(matches!(read(OsStr::new(path)), Err(Error::Document { .. })), "{wrong}");
        }
        assert!(matches!(read(OsStr::new("/nowhere")), Err(Error::Io { .. })));
    }
}
