//! Completion for zsh, by its own `_arguments`.

use super::first_sentence;
use super::values::{Values, first_words, of_arguments, of_option, own_name};
use crate::tools::Program;
use nexcage_cli::{Opt, Tool};
use std::fmt::Write as _;

/// The script of a program.
pub(super) fn script(program: &Program) -> String {
    let name = program.tool.name;
    let mut text = format!(
        "#compdef {name}\n# zsh completion for {name}, made from its table by `cargo xtask completions`.\n\n\
         local curcontext=$curcontext state line ret=1\nlocal -a place\ntypeset -A opt_args\n\n"
    );
    if program.commands.is_empty() {
        let words = first_words(program.tool);
        let positions = of_arguments(program.tool);
        let positions = if words.is_empty() { positions } else { vec![Values::Words(words)] };
        text.push_str(&arguments("_arguments -s", program.tool, &positions));
        return text;
    }
    let commands = program.commands.iter().map(|tool| format!("{}:{}", own_name(tool), tool.summary));
    let commands: Vec<String> = commands.map(|word| quoted(&word)).collect();
    let _ = writeln!(text, "local -a commands=(\n  {}\n)", commands.join("\n  "));
    let mut global = arguments("_arguments -C -s", program.tool, &[]);
    global.truncate(global.trim_end().len());
    let _ = writeln!(text, "{global} \\\n  '1:command:->command' '*::argument:->argument' && ret=0\n");
    text.push_str(
        "local option\nfor option in --root --namespace --config; do\n  \
         [[ -n ${opt_args[$option]} ]] && place+=($option ${opt_args[$option]})\ndone\n\
         case $state in\n  command) _describe command commands && ret=0 ;;\n  argument)\n    case $words[1] in\n",
    );
    for command in program.commands {
        let call = arguments("_arguments -s", command, &of_arguments(command));
        let _ = writeln!(text, "      {})\n{call}        ret=$? ;;", own_name(command));
    }
    text.push_str("    esac ;;\nesac\nreturn ret\n");
    text
}

/// The call that completes options and positional arguments.
fn arguments(call: &str, tool: &Tool, positions: &[Values]) -> String {
    let mut text = call.to_owned();
    for option in tool.all_options() {
        let _ = write!(text, " \\\n  {}", specification(tool, option));
    }
    let open = tool.usage.first().is_some_and(|usage| usage.contains("ID...") || usage.contains("-..."));
    for (at, values) in positions.iter().enumerate() {
        let at = if open { "*".to_owned() } else { (at + 1).to_string() };
        let _ = write!(text, " \\\n  {}", quoted(&format!("{at}:argument:{}", action(values))));
    }
    text.push('\n');
    text
}

fn specification(tool: &Tool, option: &Opt) -> String {
    let help = first_sentence(option.help).replace('[', "\\[").replace(']', "\\]").replace(':', "\\:");
    let value = option.value.map_or(String::new(), |value| {
        format!(":{}:{}", value.replace(':', "\\:"), action(&of_option(tool, value)))
    });
    let sign = if option.value.is_some() { "=" } else { "" };
    let long = quoted(&format!("*--{}{sign}[{help}]{value}", option.long));
    match option.short {
        Some(short) => {
            let sign = if option.value.is_some() { "+" } else { "" };
            format!("{} {long}", quoted(&format!("*-{short}{sign}[{help}]{value}")))
        }
        None => long,
    }
}

/// What `_arguments` has complete the value.
fn action(values: &Values) -> String {
    match values {
        Values::Words(words) => format!("({})", words.join(" ")),
        Values::Files => "_files".to_owned(),
        Values::Directories => "_files -/".to_owned(),
        Values::Containers => "{compadd -- ${(f)\"$(nexcage $place list --quiet 2>/dev/null)\"}}".to_owned(),
        Values::Printed(command) => {
            format!("{{compadd -- ${{(f)\"$({command} 2>/dev/null | cut -d \" \" -f 1)\"}}}}")
        }
        Values::Unknown => " ".to_owned(),
    }
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}
