//! A tool's description: the one source of its help text and of the man page's tables.

use crate::version_text;
use std::fmt::Write as _;

/// One command-line option.
#[derive(Debug, Clone, Copy)]
pub struct Opt {
    /// The long name, without dashes.
    pub long: &'static str,
    /// The one-letter name, if it has one.
    pub short: Option<char>,
    /// The name of its value in help texts, if it takes one: `FORMAT`, `FILE`, `text|json`.
    pub value: Option<&'static str>,
    /// What it does, as one or more plain sentences without a line break.
    pub help: &'static str,
}

/// What a tool is: everything that `--help` and its man page say.
#[derive(Debug)]
pub struct Tool {
    /// The name of the binary; for a command of a tool that has several, followed by the command's.
    pub name: &'static str,
    /// One sentence, no full stop.
    pub summary: &'static str,
    /// The forms of the command line, without the tool's name.
    pub usage: &'static [&'static str],
    /// Its own options; [`COMMON_OPTIONS`] come on top.
    pub options: &'static [Opt],
    /// Exit statuses with their meanings.
    pub statuses: &'static [(&'static str, &'static str)],
}

/// Options that every tool has.
pub const COMMON_OPTIONS: &[Opt] = &[
    Opt {
        long: "log-format",
        short: None,
        value: Some("text|json"),
        help: "Form of the diagnostics on stderr; json is one object a line. How much is logged is set by NEXCAGE_LOG (error, warn, info, debug, trace; default warn).",
    },
    Opt { long: "help", short: Some('h'), value: None, help: "Print a summary of the options." },
    Opt {
        long: "version",
        short: Some('V'),
        value: None,
        help: "Print name and version, the commit that it was built from, and the version of the runtime specification.",
    },
];

const WIDTH: usize = 96;
const INDENT: usize = 24;

impl Tool {
    /// All options: the tool's own, then the common ones that it has not described itself.
    pub fn all_options(&self) -> impl Iterator<Item = &'static Opt> {
        let common = COMMON_OPTIONS.iter();
        self.options.iter().chain(common.filter(|c| self.options.iter().all(|own| own.long != c.long)))
    }

    /// Every name that is taken: also the short ones of common options that the tool describes.
    pub(crate) fn known_options(&self) -> impl Iterator<Item = &'static Opt> {
        self.options.iter().chain(COMMON_OPTIONS)
    }

    /// The name of the binary alone.
    #[must_use]
    pub fn binary(&self) -> &'static str {
        self.name.split(' ').next().unwrap_or_default()
    }

    /// The text of `--version`.
    #[must_use]
    pub fn version(&self) -> String {
        version_text(self.binary())
    }

    /// The text of `--help`.
    #[must_use]
    pub fn help(&self) -> String {
        self.help_with(&[])
    }

    /// The text of `--help` of a tool that has these commands.
    #[must_use]
    pub fn help_with(&self, commands: &[&Tool]) -> String {
        let mut text = format!("{} - {}\n\nUsage:\n", self.name, self.summary);
        for form in self.usage {
            let _ = writeln!(text, "  {} {form}", self.name);
        }
        if !commands.is_empty() {
            text.push_str("\nCommands:\n");
        }
        for command in commands {
            let name = command.name.strip_prefix(self.name).unwrap_or(command.name);
            entry(&mut text, name.trim_start(), command.summary);
        }
        text.push_str("\nOptions:\n");
        for option in self.all_options() {
            let short = option.short.map_or(String::from("    "), |c| format!("-{c}, "));
            let value = option.value.map_or(String::new(), |v| format!(" {v}"));
            entry(&mut text, &format!("{short}--{}{value}", option.long), option.help);
        }
        text.push_str("\nExit status:\n");
        for (status, meaning) in self.statuses {
            entry(&mut text, status, meaning);
        }
        text
    }
}

/// Writes a term with its wrapped description.
fn entry(text: &mut String, term: &str, description: &str) {
    let mut line = format!("  {term}");
    if line.len() >= INDENT {
        let _ = writeln!(text, "{line}");
        line.clear();
    }
    let mut empty = true;
    for word in description.split(' ') {
        if !empty && line.len() + 1 + word.len() > WIDTH {
            let _ = writeln!(text, "{line}");
            line.clear();
            empty = true;
        }
        if empty {
            let _ = write!(line, "{:width$}{word}", "", width = INDENT - line.len());
            empty = false;
        } else {
            let _ = write!(line, " {word}");
        }
    }
    let _ = writeln!(text, "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    static TOOL: Tool = Tool {
        name: "x",
        summary: "does x",
        usage: &["[OPTIONS] FILE..."],
        options: &[Opt {
            long: "a-rather-long-option",
            short: None,
            value: Some("VALUE"),
            help: "One. Two.",
        }],
        statuses: &[("0", "done"), ("1", "failed")],
    };

    #[test]
    fn help_has_every_option_and_status_within_the_width() {
        let help = TOOL.help();
        for needle in
            ["x - does x", "--a-rather-long-option VALUE", "-h, --help", "--log-format text|json", "1 "]
        {
            assert!(help.contains(needle), "{needle} missing from:\n{help}");
        }
        assert!(help.lines().all(|line| line.len() <= WIDTH), "{help}");
        assert!(!help.contains("Commands:"), "{help}");
    }

    #[test]
    fn help_lists_the_commands_by_their_own_names() {
        static COMMAND: Tool =
            Tool { name: "x do", summary: "do it", usage: &["ID"], options: &[], statuses: &[] };
        let help = TOOL.help_with(&[&COMMAND]);
        assert!(help.contains("\nCommands:\n  do                    do it\n"), "{help}");
        assert!(COMMAND.help().starts_with("x do - do it\n\nUsage:\n  x do ID\n"), "{}", COMMAND.help());
        assert!(COMMAND.version().starts_with("x "), "the binary's");
    }
}
