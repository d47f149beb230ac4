//! Completion for bash, which needs nothing but bash.

use super::values::{Values, first_words, of_arguments, of_option, own_name};
use crate::tools::Program;
use nexcage_cli::{Opt, Tool};
use std::fmt::Write as _;

/// The script of a program.
pub(super) fn script(program: &Program) -> String {
    let name = program.tool.name;
    let function = format!("_{}", name.replace('-', "_"));
    let (mut skipped, mut values, mut options, mut arguments) =
        (String::new(), String::new(), String::new(), String::new());
    let nested = program.commands.iter().map(|command| (own_name(command), *command));
    for (command, tool) in std::iter::once((String::new(), program.tool)).chain(nested) {
        table(&command, tool, [&mut skipped, &mut values, &mut options]);
        if !command.is_empty() || first(program).is_empty() {
            positions(&command, tool, &mut arguments);
        }
    }
    let first = first(program);
    let enter = if program.commands.is_empty() { "" } else { "\n            \" \"*) command=$word at=0 ;;" };
    if !first.is_empty() {
        let _ = writeln!(arguments, "        :0) {} ;;", complete(&Values::Words(first)));
    }
    format!(
        r#"# bash completion for {name}, made from its table by `cargo xtask completions`.

{function}() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}}
    local command= at=0 i=1 step word place=()
    if [[ $cur == = ]]; then
        cur=
    elif [[ $prev == = ]]; then
        prev=${{COMP_WORDS[COMP_CWORD-2]}}
    fi
    while ((i < COMP_CWORD)); do
        word=${{COMP_WORDS[i]}} step=1
        case "$command $word" in
            {skipped})
                step=2
                [[ ${{COMP_WORDS[i+1]}} == = ]] && step=3
                [[ $word == --root || $word == --namespace || $word == --config ]] &&
                    place+=("$word" "${{COMP_WORDS[i+step-1]}}")
                ;;
            *" -"*) ;;{enter}
            *) ((at++)) ;;
        esac
        ((i += step))
    done
    COMPREPLY=()
    case "$command $prev" in
{values}    esac
    if [[ $cur == -* ]]; then
        case $command in
{options}        esac
        return
    fi
    case "$command:$at" in
{arguments}    esac
}}

complete -F {function} {name}
"#
    )
}

/// What stands where a command is expected.
fn first(program: &Program) -> Vec<String> {
    if program.commands.is_empty() {
        return first_words(program.tool);
    }
    program.commands.iter().map(|command| own_name(command)).collect()
}

fn table(command: &str, tool: &Tool, [skipped, values, options]: [&mut String; 3]) {
    let mut names = Vec::new();
    for option in tool.all_options() {
        names.extend(spelled(option));
        let Some(value) = option.value else { continue };
        let pattern: Vec<String> =
            spelled(option).iter().map(|name| format!("\"{command} {name}\"")).collect();
        let pattern = pattern.join("|");
        if !skipped.is_empty() {
            skipped.push('|');
        }
        skipped.push_str(&pattern);
        let _ = writeln!(values, "        {pattern}) {}; return ;;", complete(&of_option(tool, value)));
    }
    let list = complete(&Values::Words(names));
    let _ = writeln!(options, "            '{command}') {list} ;;");
}

fn positions(command: &str, tool: &Tool, arguments: &mut String) {
    let kinds = of_arguments(tool);
    let open = tool.usage.first().is_some_and(|usage| usage.contains("ID...") || usage.contains("-..."));
    let last = kinds.len().saturating_sub(1);
    for (at, kind) in kinds.iter().enumerate() {
        let at = if open && at == last { "*".to_owned() } else { at.to_string() };
        let _ = writeln!(arguments, "        '{command}':{at}) {} ;;", complete(kind));
    }
}

fn spelled(option: &Opt) -> Vec<String> {
    let short = option.short.map(|short| format!("-{short}"));
    short.into_iter().chain([format!("--{}", option.long)]).collect()
}

/// The statement that completes `$cur`.
fn complete(values: &Values) -> String {
    let from = |words: &str| format!("mapfile -t COMPREPLY < <(compgen -W \"{words}\" -- \"$cur\")");
    match values {
        Values::Words(words) => from(&words.join(" ")),
        Values::Files => {
            "compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")".to_owned()
        }
        Values::Directories => {
            "compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- \"$cur\")".to_owned()
        }
        Values::Containers => {
            from("$(nexcage \\\"${place[@]}\\\" list --quiet 2>/dev/null)").replace("\\\"", "\"")
        }
        Values::Printed(command) => from(&format!("$({command} 2>/dev/null | cut -d ' ' -f 1)")),
        Values::Unknown => ":".to_owned(),
    }
}
