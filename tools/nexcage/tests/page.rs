//! nexcage(1) describes every command with every option of its table, and no other.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use nexcage::{COMMANDS, TOOL};
use nexcage_cli::{COMMON_OPTIONS, Opt, Tool};

const PAGE: &str = include_str!("../../../man/nexcage.1");

/// What follows a heading, to the next one of its kind or above.
fn section(macro_name: &str, name: &str) -> &'static str {
    let heading = format!("\n.{macro_name} {name}\n");
    let start = PAGE.split(&heading).nth(1).unwrap_or_else(|| panic!("nexcage.1 lacks{heading}"));
    let end = [start.find("\n.Sh "), start.find("\n.Ss ").filter(|_| macro_name == "Ss")];
    &start[..=end.into_iter().flatten().min().unwrap_or(start.len() - 1)]
}

/// The heading of an option's entry.
fn heading(option: &Opt) -> String {
    let value = option.value.map_or(String::new(), |value| format!(" Ar {value}"));
    let short = option.short.map_or(String::new(), |short| format!("Fl {short}{value} , "));
    format!(".It {short}Fl -{}{value}", option.long)
}

#[track_caller]
fn has_the_options(section: &str, name: &str, options: &[&Opt]) {
    let headings: Vec<String> = options.iter().map(|option| heading(option)).collect();
    let found: Vec<&str> = section.lines().filter(|line| line.starts_with(".It ")).collect();
    assert_eq!(found, headings, "nexcage.1, {name}");
}

fn own_name(tool: &Tool) -> &'static str {
    tool.name.split(' ').nth(1).unwrap()
}

#[test]
fn the_global_options_are_there() {
    let common =
        COMMON_OPTIONS.iter().filter(|common| TOOL.options.iter().all(|own| own.long != common.long));
    let options: Vec<&Opt> = TOOL.options.iter().chain(common).collect();
    has_the_options(section("Sh", "OPTIONS"), "OPTIONS", &options);
}

#[test]
fn every_command_has_its_options() {
    for command in COMMANDS {
        let name = own_name(command);
        has_the_options(section("Ss", name), name, &command.options.iter().collect::<Vec<_>>());
    }
    let described = section("Sh", "COMMANDS").lines().filter_map(|line| line.strip_prefix(".Ss "));
    assert_eq!(described.collect::<Vec<_>>(), COMMANDS.iter().map(|tool| own_name(tool)).collect::<Vec<_>>());
}

#[test]
fn every_exit_status_is_there() {
    let statuses = section("Sh", "EXIT STATUS");
    for (status, _) in COMMANDS.iter().chain([&&TOOL]).flat_map(|tool| tool.statuses) {
        assert!(statuses.contains(&format!("\n.It {status}\n")), "nexcage.1 lacks status {status}");
    }
}
