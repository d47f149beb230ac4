//! The commands' own parameters, with their limits (pct-schema.json, boiled down).

use pve_schema::{Format, Kind, conf_option};

/// A command's own parameters.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) name: &'static str,
    /// The positional arguments, all needed.
    pub(crate) arguments: &'static [&'static str],
    /// Whether it takes every option of a CT too.
    pub(crate) takes: Takes,
    own: &'static [(&'static str, Kind)],
}

/// What a command takes besides its own parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    Nothing,
    /// The options of a CT.
    ConfOptions,
    /// Further words: the command to execute.
    ExtraArguments,
}

const VMID: Kind = Kind::Formatted(Format::Vmid);
const TEXT: Kind = Kind::Text { min: 0, max: usize::MAX };

impl Command {
    /// The type of one of its options or arguments.
    pub(crate) fn parameter(&self, name: &str) -> Option<&'static Kind> {
        if name == "vmid" {
            return Some(&Kind::Integer { min: i64::MIN, max: i64::MAX });
        }
        self.option(name).or_else(|| self.arguments.contains(&name).then_some(&TEXT))
    }

    /// The type of one of its options.
    pub(crate) fn option(&self, name: &str) -> Option<&'static Kind> {
        let own = self.own.iter().find(|(own, _)| *own == name).map(|(_, kind)| kind);
        own.or_else(|| (self.takes == Takes::ConfOptions).then(|| conf_option(name)).flatten())
    }

    /// A second check of a parameter, made when the first says nothing.
    pub(crate) fn format(name: &str) -> Option<&'static Kind> {
        (name == "vmid").then_some(&VMID)
    }

    /// The command of that name, if the stand-in has it.
    pub(crate) fn named(name: &str) -> Option<&'static Command> {
        COMMANDS.iter().find(|command| command.name == name)
    }
}

const COMMANDS: &[Command] = &[
    Command { name: "list", arguments: &[], takes: Takes::Nothing, own: &[] },
    Command {
        name: "status",
        arguments: &["vmid"],
        takes: Takes::Nothing,
        own: &[("verbose", Kind::Boolean)],
    },
    Command {
        name: "config",
        arguments: &["vmid"],
        takes: Takes::Nothing,
        own: &[("current", Kind::Boolean), ("snapshot", Kind::Text { min: 0, max: 40 })],
    },
    Command {
        name: "set",
        arguments: &["vmid"],
        takes: Takes::ConfOptions,
        own: &[("delete", TEXT), ("revert", TEXT), ("digest", Kind::Text { min: 0, max: 40 })],
    },
    Command {
        name: "create",
        arguments: &["vmid", "ostemplate"],
        takes: Takes::ConfOptions,
        own: &[
            ("force", Kind::Boolean),
            ("password", Kind::Text { min: 5, max: usize::MAX }),
            ("pool", TEXT),
            ("restore", Kind::Boolean),
            ("ssh-public-keys", TEXT),
            ("start", Kind::Boolean),
            ("storage", Kind::Formatted(Format::StorageId)),
        ],
    },
    Command {
        name: "start",
        arguments: &["vmid"],
        takes: Takes::Nothing,
        own: &[("debug", Kind::Boolean), ("skiplock", Kind::Boolean)],
    },
    Command {
        name: "stop",
        arguments: &["vmid"],
        takes: Takes::Nothing,
        own: &[("skiplock", Kind::Boolean), ("overrule-shutdown", Kind::Boolean)],
    },
    Command {
        name: "shutdown",
        arguments: &["vmid"],
        takes: Takes::Nothing,
        own: &[("timeout", Kind::Integer { min: 0, max: i64::MAX }), ("forceStop", Kind::Boolean)],
    },
    Command {
        name: "destroy",
        arguments: &["vmid"],
        takes: Takes::Nothing,
        own: &[
            ("force", Kind::Boolean),
            ("purge", Kind::Boolean),
            ("destroy-unreferenced-disks", Kind::Boolean),
        ],
    },
    Command {
        name: "exec",
        arguments: &["vmid"],
        takes: Takes::ExtraArguments,
        own: &[("keep-env", Kind::Boolean)],
    },
];
