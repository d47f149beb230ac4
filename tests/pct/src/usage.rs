//! The commands of pct with their arguments, in the groups in which it prints them.

const COMMANDS: &[&[&str]] = &[
    &[
        "clone <vmid> <newid> [OPTIONS]",
        "create <vmid> <ostemplate> [OPTIONS]",
        "destroy <vmid> [OPTIONS]",
        "list ",
        "migrate <vmid> <target> [OPTIONS]",
        "move-volume <vmid> <volume> [<storage>] [<target-vmid>] [<target-volume>] [OPTIONS]",
        "pending <vmid>",
        "resize <vmid> <disk> <size> [OPTIONS]",
        "restore <vmid> <ostemplate> [OPTIONS]",
        "template <vmid>",
    ],
    &["config <vmid> [OPTIONS]", "set <vmid> [OPTIONS]"],
    &[
        "delsnapshot <vmid> <snapname> [OPTIONS]",
        "listsnapshot <vmid>",
        "rollback <vmid> <snapname> [OPTIONS]",
        "snapshot <vmid> <snapname> [OPTIONS]",
    ],
    &[
        "reboot <vmid> [OPTIONS]",
        "resume <vmid>",
        "shutdown <vmid> [OPTIONS]",
        "start <vmid> [OPTIONS]",
        "stop <vmid> [OPTIONS]",
        "suspend <vmid>",
    ],
    &[
        "console <vmid> [OPTIONS]",
        "cpusets ",
        "df <vmid>",
        "enter <vmid> [OPTIONS]",
        "exec <vmid> [<extra-args>] [OPTIONS]",
        "fsck <vmid> [OPTIONS]",
        "fstrim <vmid> [OPTIONS]",
        "mount <vmid>",
        "pull <vmid> <path> <destination> [OPTIONS]",
        "push <vmid> <file> <destination> [OPTIONS]",
        "remote-migrate <vmid> [<target-vmid>] <target-endpoint> --target-bridge <string> --target-storage <string> [OPTIONS]",
        "rescan  [OPTIONS]",
        "status <vmid> [OPTIONS]",
        "unlock <vmid>",
        "unmount <vmid>",
    ],
    &["help [<extra-args>] [OPTIONS]"],
];

/// The usage line of a command.
pub(crate) fn line(command: &str) -> String {
    let found = COMMANDS.iter().copied().flatten().find(|line| names(line, command));
    format!("pct {}", found.copied().unwrap_or(command))
}

/// Whether pct has the command, here or only on a node.
pub(crate) fn has(command: &str) -> bool {
    COMMANDS.iter().copied().flatten().any(|line| names(line, command))
}

fn names(line: &str, command: &str) -> bool {
    line.split(' ').next() == Some(command)
}

/// All commands, without a newline at the end.
pub(crate) fn overview() -> String {
    let groups = COMMANDS.iter().map(|group| {
        let lines: Vec<String> = group.iter().map(|line| format!("\n       pct {line}")).collect();
        lines.concat()
    });
    let groups: Vec<String> = groups.collect();
    format!("USAGE: pct <COMMAND> [ARGS] [OPTIONS]\n{}", groups.join("\n"))
}
