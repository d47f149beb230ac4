//! LXC's own words, from what lxc-start wrote to its stderr.

use std::fs;
use std::path::Path;

/// Lines that say nothing about the cause.
const EMPTY_WORDS: &[&str] = &[
    "The container failed to start",
    "Additional information can be obtained",
    "controllers in the unified cgroup",
    // Nobody has made it yet, and LXC goes on.
    "Can't open /dev/null",
];
/// The cause stands in the first lines; what follows only says what failed because of it.
const MOST: usize = 3;

/// What `pct` said on its stderr, then LXC's messages from its stdout.
pub(crate) fn pct_words(errors: &Path, log: &Path) -> String {
    let own = fs::read(errors).unwrap_or_default();
    let own = String::from_utf8_lossy(&own);
    let own = own.lines().map(str::trim).filter(|line| !line.is_empty());
    let said: Vec<String> =
        own.map(str::to_owned).chain([words(log)].into_iter().filter(|words| !words.is_empty())).collect();
    said.join("; ")
}

/// What to do about words of `pct` (pct.md, section 1).
pub(crate) fn pct_hint(words: &str) -> &'static str {
    let known = PCT_HINTS.iter().find_map(|(part, hint)| words.contains(part).then_some(*hint));
    known.unwrap_or("Proxmox's log of the task has all that pct printed")
}

/// Parts of `pct`'s messages with what they ask for.
const PCT_HINTS: &[(&str, &str)] = &[
    ("CT is locked", "wait for the task that holds the lock, or 'pct unlock' it"),
    ("can't lock file", "another pct works on this CT; try again when it is done"),
    ("Keeping and dropping capabilities", "an include of the CT must reset lxc.cap.drop before lxc.cap.keep"),
    ("unable to get PID", "LXC ended the container before its init was asked for; the log has more"),
    ("Script exited with status", "Proxmox could not mount the rootfs; does its directory exist?"),
    ("storage '", "name a storage of this node"),
    ("bridge '", "name a bridge of this node"),
    ("volume '", "name a volume that exists"),
    ("Permission denied", "the CT's mapped root must be able to reach the state directory and the rootfs"),
    ("Unsupported config key", "this LXC is older or newer than what the configuration was made for"),
    ("is a template", "a template cannot be started; the CT was changed while it was started"),
    ("missing '", "the CT's configuration was changed while it was started"),
    ("does not exist", "the CT's configuration was removed while it was started"),
];

/// The messages of a log, without names of LXC's source files, joined by `; `.
pub(crate) fn words(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    messages(&String::from_utf8_lossy(&text))
}

fn messages(text: &str) -> String {
    let mut messages: Vec<&str> = Vec::new();
    for line in text.lines().map(message).filter(|line| !line.is_empty()) {
        let empty = EMPTY_WORDS.iter().any(|words| line.contains(words));
        if !empty && !messages.contains(&line) && messages.len() < MOST {
            messages.push(line);
        }
    }
    messages.join("; ")
}

/// `lxc-start: NAME: ../src/lxc/conf.c: function: 2446 Message`, or in `pct`'s filtered form
/// `function: 2446 Message`, without all before `Message`; any other line as it is.
fn message(line: &str) -> &str {
    let parts: Vec<&str> = line.splitn(5, ": ").collect();
    match parts[..] {
        [_, _, file, _, last] if file.contains(".c") => {
            last.split_once(' ').map_or(last, |(_, message)| message)
        }
        _ => line.split_once(": ").map_or(line, |(_, rest)| match rest.split_once(' ') {
            Some((number, message)) if number.parse::<u32>().is_ok() => message,
            _ => line,
        }),
    }
    .trim()
}

#[cfg(test)]
mod tests {
    use super::messages;

    #[test]
    fn the_cause_comes_first_and_source_positions_are_left_out() {
        let log = "\
lxc-start: x: ../src/lxc/utils.c: safe_mount: 1220 No such file or directory - Failed to mount \"/nosuch\" onto \"/r/mnt\"
lxc-start: x: ../src/lxc/conf.c: lxc_setup: 4419 Failed to setup mount entries
lxc-start: x: ../src/lxc/conf.c: lxc_setup: 4419 Failed to setup mount entries
lxc-start: x: ../src/lxc/tools/lxc_start.c: main: 306 The container failed to start
";
        assert_eq!(
            messages(log),
            "No such file or directory - Failed to mount \"/nosuch\" onto \"/r/mnt\"; Failed to setup mount entries"
        );
    }

    #[test]
    fn pct_in_its_own_words_comes_before_those_of_lxc() {
        let temp = tempfile::tempdir().unwrap();
        let [errors, log] = ["errors", "log"].map(|name| temp.path().join(name));
        std::fs::write(&errors, "startup for container '100' failed\n").unwrap();
        let noise = "__cgfsng_delegate_controllers: 3628 Device or resource busy - Could not enable \"+hugetlb\" controllers in the unified cgroup 7";
        std::fs::write(
            &log,
            format!("{noise}\nsafe_mount: 1334 No such file or directory - Failed to mount\n"),
        )
        .unwrap();
        let words = "startup for container '100' failed; No such file or directory - Failed to mount";
        assert_eq!(super::pct_words(&errors, &log), words);
        assert!(super::pct_hint("CT is locked (backup)").contains("unlock"));
    }

    #[test]
    fn an_unknown_form_is_passed_on_whole() {
        assert_eq!(messages("sh: lxc-start: not found\n"), "sh: lxc-start: not found");
    }
}
