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
    /// Further arguments of these names, as many as are given.
    Optional(&'static [&'static str]),
}

const VMID: Kind = Kind::Formatted(Format::Vmid);
const TEXT: Kind = Kind::Text { min: 0, max: usize::MAX };
/// What may hold the name of a snapshot, or a digest.
const SHORT: Kind = Kind::Text { min: 0, max: 40 };
const NUMBER: Kind = Kind::Integer { min: i64::MIN, max: i64::MAX };
const RATE: Kind = Kind::Number { min: 0.0, max: f64::INFINITY };

impl Command {
    /// The type of one of its options or arguments.
    pub(crate) fn parameter(&self, name: &str) -> Option<&'static Kind> {
        match name {
            "vmid" | "newid" | "target-vmid" => Some(&NUMBER),
            "snapname" => Some(&SHORT),
            "size" => Some(&Kind::Pattern(size)),
            _ => self.option(name).or_else(|| self.names().any(|known| known == name).then_some(&TEXT)),
        }
    }

    /// The names of its arguments, those that may be left out too.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        let optional = match self.takes {
            Takes::Optional(names) => names,
            _ => &[],
        };
        self.arguments.iter().chain(optional).copied()
    }

    /// The type of one of its options.
    pub(crate) fn option(&self, name: &str) -> Option<&'static Kind> {
        let own = self.own.iter().find(|(own, _)| *own == name).map(|(_, kind)| kind);
        own.or_else(|| (self.takes == Takes::ConfOptions).then(|| conf_option(name)).flatten())
    }

    /// A second check of a parameter, made when the first says nothing.
    pub(crate) fn format(name: &str) -> Option<&'static Kind> {
        match name {
            "vmid" | "newid" | "target-vmid" => Some(&VMID),
            "snapname" => Some(&Kind::Formatted(Format::ConfigId)),
            _ => None,
        }
    }

    /// The command of that name, if the stand-in has it.
    pub(crate) fn named(name: &str) -> Option<&'static Command> {
        COMMANDS.iter().find(|command| command.name == name)
    }
}

/// A number with an optional unit, absolute or, with a plus sign, relative.
fn size(text: &str) -> bool {
    let number = text.strip_prefix('+').unwrap_or(text);
    let number = number.strip_suffix(['K', 'M', 'G', 'T']).unwrap_or(number);
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    [whole, part].iter().all(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A command that takes a CT's number and nothing else.
const fn of_ct(name: &'static str) -> Command {
    Command { name, arguments: &["vmid"], takes: Takes::Nothing, own: &[] }
}

const CREATE: &[(&str, Kind)] = &[
    ("force", Kind::Boolean),
    ("password", Kind::Text { min: 5, max: usize::MAX }),
    ("pool", TEXT),
    ("restore", Kind::Boolean),
    ("ssh-public-keys", TEXT),
    ("start", Kind::Boolean),
    ("storage", Kind::Formatted(Format::StorageId)),
];

const PERMISSIONS: &[(&str, Kind)] = &[("group", TEXT), ("perms", TEXT), ("user", TEXT)];

const COMMANDS: &[Command] = &[
    of_ct("df"),
    of_ct("listsnapshot"),
    of_ct("mount"),
    of_ct("pending"),
    of_ct("resume"),
    of_ct("suspend"),
    of_ct("template"),
    of_ct("unlock"),
    of_ct("unmount"),
    Command { name: "list", arguments: &[], takes: Takes::Nothing, own: &[] },
    Command { name: "cpusets", arguments: &[], takes: Takes::Nothing, own: &[] },
    Command {
        name: "rescan",
        arguments: &[],
        takes: Takes::Nothing,
        own: &[("dryrun", Kind::Boolean), ("vmid", VMID)],
    },
    Command {
        name: "clone",
        arguments: &["vmid", "newid"],
        takes: Takes::Nothing,
        own: &[
            ("bwlimit", RATE),
            ("description", TEXT),
            ("full", Kind::Boolean),
            ("hostname", Kind::Formatted(Format::DnsName)),
            ("pool", TEXT),
            ("snapname", SHORT),
            ("storage", Kind::Formatted(Format::StorageId)),
            ("target", TEXT),
        ],
    },
    Command {
        name: "migrate",
        arguments: &["vmid", "target"],
        takes: Takes::Nothing,
        own: &[
            ("bwlimit", RATE),
            ("online", Kind::Boolean),
            ("restart", Kind::Boolean),
            ("target-storage", TEXT),
            ("timeout", NUMBER),
        ],
    },
    Command {
        name: "move-volume",
        arguments: &["vmid", "volume"],
        takes: Takes::Optional(&["storage", "target-vmid", "target-volume"]),
        own: &[("bwlimit", RATE), ("delete", Kind::Boolean), ("digest", SHORT), ("target-digest", SHORT)],
    },
    Command {
        name: "resize",
        arguments: &["vmid", "disk", "size"],
        takes: Takes::Nothing,
        own: &[("digest", SHORT)],
    },
    Command {
        name: "fsck",
        arguments: &["vmid"],
        takes: Takes::Nothing,
        own: &[("device", TEXT), ("force", Kind::Boolean)],
    },
    Command {
        name: "fstrim",
        arguments: &["vmid"],
        takes: Takes::Nothing,
        own: &[("ignore-mountpoints", Kind::Boolean)],
    },
    Command {
        name: "snapshot",
        arguments: &["vmid", "snapname"],
        takes: Takes::Nothing,
        own: &[("description", TEXT)],
    },
    Command {
        name: "rollback",
        arguments: &["vmid", "snapname"],
        takes: Takes::Nothing,
        own: &[("start", Kind::Boolean)],
    },
    Command {
        name: "delsnapshot",
        arguments: &["vmid", "snapname"],
        takes: Takes::Nothing,
        own: &[("force", Kind::Boolean)],
    },
    Command {
        name: "push",
        arguments: &["vmid", "file", "destination"],
        takes: Takes::Nothing,
        own: PERMISSIONS,
    },
    Command {
        name: "pull",
        arguments: &["vmid", "path", "destination"],
        takes: Takes::Nothing,
        own: PERMISSIONS,
    },
    Command {
        name: "reboot",
        arguments: &["vmid"],
        takes: Takes::Nothing,
        own: &[("timeout", Kind::Integer { min: 0, max: i64::MAX })],
    },
    Command {
        name: "enter",
        arguments: &["vmid"],
        takes: Takes::Nothing,
        own: &[("keep-env", Kind::Boolean)],
    },
    Command { name: "console", arguments: &["vmid"], takes: Takes::Nothing, own: &[("escape", TEXT)] },
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
        own: &[("current", Kind::Boolean), ("snapshot", SHORT)],
    },
    Command {
        name: "set",
        arguments: &["vmid"],
        takes: Takes::ConfOptions,
        own: &[("delete", TEXT), ("revert", TEXT), ("digest", SHORT)],
    },
    Command { name: "create", arguments: &["vmid", "ostemplate"], takes: Takes::ConfOptions, own: CREATE },
    Command { name: "restore", arguments: &["vmid", "ostemplate"], takes: Takes::ConfOptions, own: CREATE },
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
