//! Completion for fish.

use super::first_sentence;
use super::values::{Values, first_words, of_arguments, of_option, own_name};
use crate::tools::Program;
use nexcage_cli::{Opt, Tool};
use std::fmt::Write as _;

/// The script of a program.
pub(super) fn script(program: &Program) -> String {
    let name = program.tool.name;
    let mut text =
        format!("# fish completion for {name}, made from its table by `cargo xtask completions`.\n\n");
    if program.commands.is_empty() {
        let positions = of_arguments(program.tool);
        if !positions.contains(&Values::Files) {
            let _ = writeln!(text, "complete -c {name} -f");
        }
        let words = first_words(program.tool);
        if !words.is_empty() {
            let _ =
                writeln!(text, "complete -c {name} -n __fish_is_first_token -a {}", quoted(&words.join(" ")));
        }
        table(&mut text, name, "", program.tool);
        for values in positions.iter().filter(|_| words.is_empty()) {
            let _ = writeln!(text, "complete -c {name}{}", candidates(values));
        }
        // The function is that of the program with commands.
        return text.replace(" (__nexcage_place)", "");
    }
    text.push_str(PLACE);
    let commands: Vec<String> = program.commands.iter().map(|tool| own_name(tool)).collect();
    let none = format!(" -n 'not __fish_seen_subcommand_from {}'", commands.join(" "));
    let _ = writeln!(text, "complete -c {name} -f");
    table(&mut text, name, &none, program.tool);
    for command in program.commands {
        let (own, summary) = (own_name(command), quoted(command.summary));
        let _ = writeln!(text, "complete -c {name}{none} -a {own} -d {summary}");
        table(&mut text, name, &format!(" -n '__fish_seen_subcommand_from {own}'"), command);
        for (at, values) in of_arguments(command).iter().enumerate() {
            let condition = format!(" -n '__fish_seen_subcommand_from {own}; and __nexcage_at {own} {at}'");
            let _ = writeln!(text, "complete -c {name}{condition}{}", candidates(values));
        }
    }
    text
}

/// What the scripts of a program with commands need: the options that say where containers are, and
/// how many words without a dash stand behind the command.
const PLACE: &str = "function __nexcage_place
    set -l words (commandline -opc)
    for at in (seq (count $words))
        if contains -- $words[$at] --root --namespace --config
            echo $words[$at]
            echo $words[(math $at + 1)]
        end
    end
end

function __nexcage_at
    set -l words (commandline -opc)
    set -l behind (contains -i -- $argv[1] $words); or return 1
    test (count (string match -v -- '-*' $words[$behind..-1])) -eq (math $argv[2] + 1)
end

";

fn table(text: &mut String, name: &str, condition: &str, tool: &Tool) {
    for option in tool.all_options() {
        let _ = writeln!(text, "complete -c {name}{condition}{}", specification(tool, option));
    }
}

fn specification(tool: &Tool, option: &Opt) -> String {
    let short = option.short.map_or(String::new(), |short| format!(" -s {short}"));
    let value = option.value.map_or(String::new(), |value| match of_option(tool, value) {
        Values::Files => " -rF".to_owned(),
        values => format!(" -x{}", candidates(&values)),
    });
    format!("{short} -l {}{value} -d {}", option.long, quoted(first_sentence(option.help)))
}

fn candidates(values: &Values) -> String {
    match values {
        Values::Words(words) => format!(" -a {}", quoted(&words.join(" "))),
        Values::Files => " -F".to_owned(),
        Values::Directories => " -a '(__fish_complete_directories (commandline -ct))'".to_owned(),
        Values::Containers => " -a '(nexcage (__nexcage_place) list --quiet 2>/dev/null)'".to_owned(),
        Values::Printed(command) => {
            format!(" -a {}", quoted(&format!("({command} 2>/dev/null | cut -d \" \" -f 1)")))
        }
        Values::Unknown => String::new(),
    }
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\\', "\\\\").replace('\'', "\\'"))
}
