//! Options and arguments as Perl's Getopt::Long and Proxmox's schema take them: options anywhere up to
//! `--`, with one dash or two, booleans with or without a value.

use crate::commands::{Command, Takes};
use crate::failure::Failure;
use crate::usage;
use crate::vmid::{NotVmid, Vmid};
use pve_schema::{Kind, boolean};
use std::ffi::OsString;

/// A call whose parameters the schema accepts.
#[derive(Debug)]
pub(crate) struct Call {
    /// The options in the order given, booleans as `1` and `0`.
    options: Vec<(String, String)>,
    arguments: Vec<OsString>,
    pub(crate) usage: String,
}

impl Call {
    /// Reads the words after the command's name.
    ///
    /// # Errors
    /// Proxmox's words for what the command does not take.
    pub(crate) fn parse(command: &Command, words: Vec<OsString>) -> Result<Call, Failure> {
        let usage = usage::line(command.name);
        let (mut options, arguments) = split(command, words).map_err(|why| Failure::usage(why, &usage))?;
        if arguments.len() < command.arguments.len() {
            return Err(Failure::usage("400 not enough arguments", &usage));
        }
        if arguments.len() > command.names().count() && command.takes != Takes::ExtraArguments {
            return Err(Failure::usage("400 too many arguments", &usage));
        }
        for (name, value) in &mut options {
            if matches!(command.option(name), Some(Kind::Boolean)) {
                let digit = if value.is_empty() { Some("1") } else { boolean(value) };
                let digit =
                    digit.ok_or_else(|| Failure::usage("400 unable to parse boolean option", &usage))?;
                digit.clone_into(value);
            }
        }
        let call = Call { options, arguments, usage };
        call.verify(command)?;
        Ok(call)
    }

    fn verify(&self, command: &Command) -> Result<(), Failure> {
        let arguments = command.names().zip(&self.arguments);
        let arguments =
            arguments.map(|(name, value)| (name.to_owned(), value.to_string_lossy().into_owned()));
        let mut faults = Vec::new();
        for (name, value) in arguments.chain(self.options.iter().cloned()) {
            let checks = [command.parameter(&name), Command::format(&name)];
            let fault = checks.into_iter().flatten().find_map(|kind| kind.verify(&name, &value).err());
            faults.extend(fault.map(|why| (name, why)));
        }
        if faults.is_empty() {
            return Ok(());
        }
        let lines: Vec<String> = faults.iter().map(|(name, why)| format!("{name}: {why}")).collect();
        let message = format!("400 Parameter verification failed.\n{}", lines.join("\n"));
        let mut failure = Failure::usage(message, &self.usage);
        if faults.iter().any(|(name, _)| name == "timezone") {
            // This check dies by itself instead of noting an error.
            failure.status = 255;
        }
        Err(failure)
    }

    /// An option's value.
    pub(crate) fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().rev().find(|(option, _)| option == name).map(|(_, value)| value.as_str())
    }

    /// Whether a boolean option is set.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.option(name) == Some("1")
    }

    pub(crate) fn options(&self) -> impl Iterator<Item = (&str, &str)> {
        self.options.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// An argument as text, empty if it was not given.
    pub(crate) fn text(&self, index: usize) -> String {
        self.arguments.get(index).map(|word| word.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// The words behind the command's own arguments.
    pub(crate) fn extra(&self, command: &Command) -> &[OsString] {
        self.arguments.get(command.arguments.len()..).unwrap_or_default()
    }

    /// The first argument, which the schema has checked.
    ///
    /// # Errors
    /// The command has none.
    pub(crate) fn vmid(&self) -> Result<Vmid, Failure> {
        self.text(0).parse().map_err(|NotVmid| Failure::usage("400 not enough arguments", &self.usage))
    }
}

type Split = (Vec<(String, String)>, Vec<OsString>);

/// Tells options from arguments.
fn split(command: &Command, words: Vec<OsString>) -> Result<Split, String> {
    let (mut options, mut arguments, mut faults) = (Vec::new(), Vec::new(), String::new());
    let mut words = words.into_iter().peekable();
    while let Some(word) = words.next() {
        if word == "--" {
            arguments.extend(words);
            break;
        }
        let text = word.to_string_lossy().into_owned();
        let Some(option) = text.strip_prefix('-').filter(|rest| !rest.is_empty()) else {
            arguments.push(word);
            continue;
        };
        let option = option.strip_prefix('-').unwrap_or(option);
        let (name, given) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (option, None),
        };
        let optional = match command.option(name) {
            None => {
                faults.push_str(&format!("Unknown option: {name}\n"));
                continue;
            }
            Some(kind) => matches!(kind, Kind::Boolean),
        };
        let next_is_value = |next: &OsString| !optional || !next.to_string_lossy().starts_with('-');
        let value = given
            .or_else(|| words.next_if(next_is_value).map(|value| value.to_string_lossy().into_owned()))
            .or_else(|| optional.then(String::new));
        match value {
            Some(value) => options.push((name.to_owned(), value)),
            None => faults.push_str(&format!("Option {name} requires an argument\n")),
        }
    }
    if faults.is_empty() { Ok((options, arguments)) } else { Err(faults + "400 unable to parse option") }
}

#[cfg(test)]
mod tests {
    use super::Call;
    use crate::commands::Command;

    fn call(command: &str, words: &[&str]) -> Result<Call, String> {
        let command = Command::named(command).expect("a command");
        Call::parse(command, words.iter().map(Into::into).collect()).map_err(|failure| failure.message)
    }

    #[test]
    fn options_stand_anywhere_before_the_dashes() {
        let call = call("set", &["-memory", "97", "100", "--cores=2", "--onboot"]).unwrap();
        assert_eq!(call.option("memory"), Some("97"));
        assert!(call.is_set("onboot"));
        assert_eq!(call.vmid().unwrap().to_string(), "100");
    }

    #[test]
    fn what_is_wrong_is_said_as_proxmox_says_it() {
        for (command, words, message) in [
            ("status", vec!["--verbose", "100"], "400 not enough arguments\npct status <vmid> [OPTIONS]"),
            ("list", vec!["--json"], "Unknown option: json\n400 unable to parse option\npct list "),
            (
                "set",
                vec!["100", "--memory"],
                "Option memory requires an argument\n400 unable to parse option\npct set <vmid> [OPTIONS]",
            ),
            (
                "set",
                vec!["100", "--onboot", "2"],
                "400 unable to parse boolean option\npct set <vmid> [OPTIONS]",
            ),
            (
                "status",
                vec!["99"],
                "400 Parameter verification failed.\nvmid: invalid format - value does not look like a valid VM ID\n\npct status <vmid> [OPTIONS]",
            ),
        ] {
            assert_eq!(call(command, &words).err().as_deref(), Some(message));
        }
    }

    #[test]
    fn words_behind_the_dashes_are_left_alone() {
        let command = Command::named("exec").unwrap();
        let call = call("exec", &["100", "--", "ls", "-l", "--"]).unwrap();
        assert_eq!(call.extra(command), ["ls", "-l", "--"]);
    }
}
