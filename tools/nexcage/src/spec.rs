//! `nexcage spec`: a config.json to begin with.

use crate::arguments;
use crate::command_line::STATUSES;
use crate::context::Global;
use crate::creation::BUNDLE;
use crate::error::Error;
use nexcage_cli::{Args, Failure, Opt, Tool};
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// What `nexcage spec --help` says.
pub(crate) static TOOL: Tool = Tool {
    name: "nexcage spec",
    summary: "write a config.json to begin with; one that exists is not overwritten",
    usage: &["[OPTIONS]"],
    options: &[
        BUNDLE,
        Opt { long: "rootless", short: None, value: None, help: "Refused: LXC is started by root." },
    ],
    statuses: STATUSES,
};

/// A shell at a terminal in namespaces of its own, with few capabilities and a read-only root.
const STARTER: &str = include_str!("spec/starter.json");

pub(crate) fn main(_: Global, args: Args) -> Result<u8, Failure> {
    write(&parse(args)?)?;
    Ok(0)
}

fn parse(mut args: Args) -> Result<PathBuf, Failure> {
    let mut bundle = PathBuf::new();
    let values = arguments::read(&mut args, |name, args| {
        match name {
            "bundle" => bundle = args.value()?.into(),
            "rootless" if args.flag()? => {
                return Err(
                    Error::Unsupported { what: "--rootless".into(), why: "LXC is started by root" }.into()
                );
            }
            "rootless" => {}
            other => arguments::unknown(other)?,
        }
        Ok(())
    })?;
    arguments::nothing(values.into_iter().next())?;
    Ok(bundle)
}

fn write(bundle: &Path) -> Result<(), Error> {
    let path = bundle.join("config.json");
    match OpenOptions::new().write(true).create_new(true).open(&path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(Error::FileExists(path)),
        file => {
            file.and_then(|mut file| file.write_all(STARTER.as_bytes())).map_err(Error::io("write", &path))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bundle_validate::Bundle;

    #[test]
    fn a_configuration_that_is_there_stays() {
        let temp = tempfile::tempdir().unwrap();
        write(temp.path()).unwrap();
        assert!(matches!(write(temp.path()), Err(Error::FileExists(_))));
        assert!(matches!(write(&temp.path().join("no")), Err(Error::Io { .. })));
    }

    #[test]
    fn the_starter_is_what_the_specification_wants() {
        let temp = tempfile::tempdir().unwrap();
        write(temp.path()).unwrap();
        std::fs::create_dir(temp.path().join("rootfs")).unwrap();
        let bundle = Bundle::open(temp.path()).unwrap();
        let report = bundle_validate::validate(&bundle, &Default::default());
        let findings: Vec<_> = report.findings().map(ToString::to_string).collect();
        assert!(findings.is_empty(), "{findings:?}");
    }

    #[test]
    fn options_are_runcs() {
        assert_eq!(parse(Args::from_list(&TOOL, ["-b", "/b"])).unwrap(), Path::new("/b"));
        assert_eq!(parse(Args::from_list(&TOOL, ["--rootless=false"])).unwrap(), Path::new(""));
        assert!(parse(Args::from_list(&TOOL, ["--rootless"])).is_err());
        assert!(parse(Args::from_list(&TOOL, ["x"])).is_err());
    }
}
