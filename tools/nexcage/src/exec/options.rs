//! The options of exec.

use crate::arguments;
use crate::creation::{CONSOLE_SOCKET, PID_FILE, PRESERVE_FDS};
use crate::detach_keys::{self, DETACH_KEYS};
use crate::error::Error;
use nexcage_cli::{Args, Failure, Opt};
use nexcage_record::ContainerId;
use std::path::PathBuf;

const fn opt(
    long: &'static str,
    short: Option<char>,
    value: Option<&'static str>,
    help: &'static str,
) -> Opt {
    Opt { long, short, value, help }
}

pub(crate) const OPTIONS: &[Opt] = &[
    opt(
        "process",
        Some('p'),
        Some("FILE"),
        "Take the process from FILE, as process of config.json has it, instead of the container's own with another command.",
    ),
    opt("tty", Some('t'), None, "Give it a terminal, which is the caller's as long as it runs."),
    opt("user", Some('u'), Some("UID[:GID]"), "The user, and the group, by number."),
    opt("cwd", None, Some("DIR"), "The working directory in the container."),
    opt("env", Some('e'), Some("NAME=VALUE"), "One more environment variable. May be given several times."),
    opt(
        "additional-gids",
        Some('g'),
        Some("GID"),
        "One more supplementary group. May be given several times.",
    ),
    opt("cap", Some('c'), Some("CAP"), "One more capability. May be given several times."),
    opt("no-new-privs", None, None, "Set no_new_privs."),
    opt("apparmor", None, Some("PROFILE"), "The AppArmor profile."),
    opt("process-label", None, Some("LABEL"), "The SELinux label."),
    opt("detach", Some('d'), None, "Return once the process runs."),
    PID_FILE,
    CONSOLE_SOCKET,
    PRESERVE_FDS,
    opt("ignore-paused", None, None, "Refused: a process cannot join a container that is frozen."),
    DETACH_KEYS,
    opt(
        "cgroup",
        None,
        Some("PATH"),
        "Refused: every process of a container is in the container's own cgroup.",
    ),
];

/// What was typed.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) id: ContainerId,
    /// The command with its arguments; empty only with `process`.
    pub(crate) command: Vec<String>,
    pub(crate) process: Option<PathBuf>,
    pub(crate) tty: bool,
    pub(crate) user: Option<(u32, Option<u32>)>,
    pub(crate) cwd: Option<String>,
    pub(crate) env: Vec<String>,
    pub(crate) additional_gids: Vec<u32>,
    pub(crate) capabilities: Vec<String>,
    pub(crate) no_new_privileges: Option<bool>,
    pub(crate) apparmor: Option<String>,
    pub(crate) process_label: Option<String>,
    pub(crate) detach: bool,
    pub(crate) pid_file: Option<PathBuf>,
    pub(crate) console_socket: Option<PathBuf>,
    pub(crate) preserve_fds: u32,
    pub(crate) detach_keys: Vec<u8>,
}

/// Reads the command line.
pub(crate) fn parse(mut args: Args) -> Result<Options, Failure> {
    let mut options = Options::new(detach_keys::parse(detach_keys::DEFAULT)?)?;
    let values = arguments::read_until_value(&mut args, |name, args| options.option(name, args))?;
    let (id, command) = values.map_or((None, Vec::new()), |(id, command)| (Some(id), command));
    options.id = arguments::id(id)?;
    options.command = command.iter().map(|word| arguments::utf8(word)).collect::<Result<_, _>>()?;
    if options.command.is_empty() && options.process.is_none() {
        return Err(Failure::usage("there is neither a command nor --process"));
    }
    Ok(options)
}

impl Options {
    fn new(detach_keys: Vec<u8>) -> Result<Self, Failure> {
        Ok(Options {
            // Replaced once it has been read.
            id: ContainerId::new("none").map_err(Error::from)?,
            command: Vec::new(),
            process: None,
            tty: false,
            user: None,
            cwd: None,
            env: Vec::new(),
            additional_gids: Vec::new(),
            capabilities: Vec::new(),
            no_new_privileges: None,
            apparmor: None,
            process_label: None,
            detach: false,
            pid_file: None,
            console_socket: None,
            preserve_fds: 0,
            detach_keys,
        })
    }

    fn option(&mut self, name: &str, args: &mut Args) -> Result<(), Failure> {
        match name {
            "process" => self.process = Some(args.value()?.into()),
            "tty" => self.tty = args.flag()?,
            "user" => self.user = Some(user(&args.string()?)?),
            "cwd" => self.cwd = Some(args.string()?),
            "env" => self.env.push(variable(args.string()?)?),
            "additional-gids" => self.additional_gids.push(arguments::number(args, name)?),
            "cap" => self.capabilities.push(args.string()?),
            "no-new-privs" => self.no_new_privileges = Some(args.flag()?),
            "apparmor" => self.apparmor = Some(args.string()?),
            "process-label" => self.process_label = Some(args.string()?),
            "detach" => self.detach = args.flag()?,
            "pid-file" => self.pid_file = Some(args.value()?.into()),
            "console-socket" => self.console_socket = Some(args.value()?.into()),
            "preserve-fds" => self.preserve_fds = arguments::preserved(args, name)?,
            "ignore-paused" if args.flag()? => {
                let why = "a process cannot join a container that is frozen";
                return Err(Error::Unsupported { what: "--ignore-paused".into(), why }.into());
            }
            "ignore-paused" => {}
            "detach-keys" => self.detach_keys = detach_keys::parse(&args.string()?)?,
            "cgroup" => {
                args.value()?;
                let why = "every process of a container is in the container's own cgroup";
                return Err(Error::Unsupported { what: "--cgroup".into(), why }.into());
            }
            other => arguments::unknown(other)?,
        }
        Ok(())
    }
}

fn user(text: &str) -> Result<(u32, Option<u32>), Failure> {
    let (uid, gid) = text.split_once(':').map_or((text, None), |(uid, gid)| (uid, Some(gid)));
    let wrong = |_| Failure::usage(format!("--user {text}: expected numbers, UID or UID:GID"));
    Ok((uid.parse().map_err(wrong)?, gid.map(str::parse).transpose().map_err(wrong)?))
}

fn variable(text: String) -> Result<String, Failure> {
    if text.find('=').is_some_and(|at| at > 0) {
        return Ok(text);
    }
    Err(Failure::usage(format!("--env {text}: expected NAME=VALUE")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::TOOL;

    fn read(list: &[&str]) -> Result<Options, Failure> {
        parse(Args::from_list(&TOOL, list).with_single_dash_names())
    }

    #[test]
    fn every_option_but_the_refused_ones_is_handled() {
        let parse_all = |args: Args| match parse(args) {
            Err(failure) if format!("{failure:?}").contains("Unsupported") => Ok(None),
            other => other.map(Some),
        };
        let values = [
            ("user", "1:2"),
            ("additional-gids", "3"),
            ("preserve-fds", "0"),
            ("detach-keys", "ctrl-x"),
            ("env", "A=b"),
        ];
        arguments::tests::every_option_is_handled(&TOOL, parse_all, &["c1", "ls"], &values);
    }

    #[test]
    fn what_follows_the_id_is_the_commands() {
        let options = read(&["-t", "-e", "A=b=c", "-env", "C=", "c1", "ls", "-t", "--env", "x"]).unwrap();
        assert_eq!(options.command, ["ls", "-t", "--env", "x"]);
        assert_eq!((options.env, options.tty), (vec!["A=b=c".to_owned(), "C=".to_owned()], true));
        assert_eq!(read(&["c1", "--", "ls", "--"]).unwrap().command, ["ls", "--"]);
        assert_eq!(read(&["-u", "5:6", "c1", "id"]).unwrap().user, Some((5, Some(6))));
        assert_eq!(read(&["-u", "5", "c1", "id"]).unwrap().user, Some((5, None)));
        assert!(read(&["-p", "p.json", "c1"]).unwrap().command.is_empty());
    }

    #[test]
    fn wrong_use_is_told() {
        for wrong in [
            &["c1"][..],
            &[],
            &["-u", "root", "c1", "id"],
            &["-u", "1:", "c1", "id"],
            &["-e", "A", "c1", "id"],
            &["-e", "=b", "c1", "id"],
            &["-g", "-1", "c1", "id"],
            &["--cgroup", "x", "c1", "id"],
            &["--ignore-paused", "c1", "id"],
        ] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
