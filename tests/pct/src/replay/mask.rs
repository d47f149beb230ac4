//! Comparing texts, without what the recordings say is not reproducible.

/// The first line in which two texts differ.
pub(super) fn difference(what: &str, expected: &str, got: &str) -> Option<String> {
    if expected == got {
        return None;
    }
    let (mut left, mut right) = (expected.split('\n'), got.split('\n'));
    loop {
        let (line, other) = (left.next(), right.next());
        if line != other || line.is_none() {
            let end = "(end)";
            let (line, other) = (line.unwrap_or(end), other.unwrap_or(end));
            return Some(format!("    {what}: recorded {line:?}\n    {what}: here     {other:?}"));
        }
    }
}

/// Masks what differs between any two runs: lines of Perl modules and of LXC's sources, rates, and
/// everything about hugetlb, which was that node's.
pub(super) fn general(text: &str) -> String {
    let lines = text.split('\n').filter(|line| !line.contains("hugetlb"));
    let lines: Vec<String> = lines.map(|line| number(&source_line(line))).collect();
    lines.join("\n")
}

/// `…pm line N`, `Total bytes read: …`
fn source_line(line: &str) -> String {
    if let Some((head, tail)) = line.split_once(".pm line ") {
        return format!("{head}.pm line N{}", tail.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    if line.starts_with("Total bytes read: ") {
        return "Total bytes read: N".into();
    }
    line.to_owned()
}

/// `function: 123 message` of LXC's log: the line in its source is the version's, and so is whether a
/// tool's `main` is called `lxc_TOOL_main`.
fn number(line: &str) -> String {
    for (at, _) in line.match_indices(": ") {
        let (head, tail) = line.split_at(at + 2);
        let rest = tail.trim_start_matches(|c: char| c.is_ascii_digit());
        let function = head.trim_end_matches(": ").rsplit(' ').next().unwrap_or_default();
        if rest.len() == tail.len() || !rest.starts_with(' ') {
            continue;
        }
        if function == "main" || function.ends_with("_main") {
            let head = head.trim_end_matches(": ").strip_suffix(function).unwrap_or_default();
            return format!("{head}main: N{rest}");
        }
        if function.contains('_') {
            return format!("{head}N{rest}");
        }
    }
    line.to_owned()
}

/// Masks the values of `status --verbose` that are the host's and the moment's.
pub(super) fn status(text: &str) -> String {
    let masked = ["cpus", "disk", "maxdisk", "mem", "pid", "uptime"];
    let lines = text.split('\n').map(|line| match line.split_once(": ") {
        Some((key, _)) if masked.contains(&key) || key.starts_with("pressure") => format!("{key}: N"),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Masks the numbers of `df`, and the widths of its columns.
pub(super) fn figures(text: &str) -> String {
    let line = |line: &str| {
        let words = line.split_whitespace().enumerate();
        let is_number = |word: &str| word.starts_with(|c: char| c.is_ascii_digit());
        let words = words.map(|(at, word)| if at > 1 && is_number(word) { "N" } else { word });
        words.collect::<Vec<_>>().join(" ")
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// Puts the lines of a configuration's devices into an order: theirs follows a hash's.
pub(super) fn devices(text: &str) -> String {
    let is_device = |line: &&str| line.starts_with("lxc.cgroup2.devices.");
    let mut sorted: Vec<&str> = text.lines().filter(is_device).collect();
    sorted.sort_unstable();
    let mut sorted = sorted.into_iter();
    let lines = text.lines().map(|line| if is_device(&line) { sorted.next().unwrap_or(line) } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

/// Puts the lines about bad parameters into an order.
pub(super) fn parameters(text: &str) -> String {
    if !text.starts_with("400 Parameter verification failed.") {
        return text.to_owned();
    }
    let mut lines: Vec<&str> = text.split('\n').collect();
    lines.sort_unstable();
    lines.join("\n")
}

/// Masks hardware addresses of Proxmox's range that were not given.
pub(super) fn addresses(text: &str, given: &str) -> String {
    const PREFIX: &str = "BC:24:11:";
    let mut masked = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(PREFIX) {
        let end = if rest.is_char_boundary(at + 17) { at + 17 } else { at + PREFIX.len() };
        let address = &rest[at..end];
        masked.push_str(&rest[..at]);
        masked.push_str(if given.contains(address) { address } else { "BC:24:11:N" });
        rest = &rest[end..];
    }
    masked + rest
}

#[cfg(test)]
mod tests {
    use super::{addresses, general};

    #[test]
    fn only_what_is_unstable_is_masked() {
        for (text, masked) in [
            ("x at /a/LXC.pm line 729.", "x at /a/LXC.pm line N."),
            ("run_buffer: 571 Script exited with status 2", "run_buffer: N Script exited with status 2"),
            ("lxc-attach: 100: ../src/a.c: lxc_x: 12 No", "lxc-attach: 100: ../src/a.c: lxc_x: N No"),
            ("x.c: lxc_stop_main: 299 gone", "x.c: main: N gone"),
            ("x.c: main: 298 gone", "x.c: main: N gone"),
            ("memory: 512", "memory: 512"),
        ] {
            assert_eq!(general(text), masked);
        }
    }

    #[test]
    fn given_addresses_stay() {
        let text = "a BC:24:11:00:00:01 b BC:24:11:AA:BB:CC";
        assert_eq!(addresses(text, "BC:24:11:00:00:01"), "a BC:24:11:00:00:01 b BC:24:11:N");
    }
}
