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
    fn an_unknown_form_is_passed_on_whole() {
        assert_eq!(messages("sh: lxc-start: not found\n"), "sh: lxc-start: not found");
    }
}
