//! What may stand in the place of a value, told by the name that the tables give it.

use nexcage_cli::Tool;

/// What completes a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Values {
    /// One of these.
    Words(Vec<String>),
    /// A file or a directory.
    Files,
    Directories,
    /// Ids of containers; the command prints them.
    Containers,
    /// The first words of the lines that a command prints.
    Printed(&'static str),
    /// Nothing that a shell could know.
    Unknown,
}

/// The states that a container may be in.
const STATUSES: &str = "creating|created|running|paused|stopped";

/// What completes the value of an option of a tool.
pub(super) fn of_option(tool: &Tool, value: &str) -> Values {
    match value {
        "FILE" | "PATH" | "SOCKET" => Values::Files,
        "DIR" => Values::Directories,
        "ID" => Values::Containers,
        "RULE" if tool.name == "bundle-validate" => Values::Printed("bundle-validate --list-rules"),
        // Fields stand at the margin, what becomes of them does not.
        "RULE" => Values::Printed("lxc-render-config --explain | grep '^/'"),
        "STATUS,..." => words(STATUSES),
        choice if choice.contains('|') && !choice.contains(|c: char| c.is_ascii_uppercase()) => words(choice),
        _ => Values::Unknown,
    }
}

/// What completes the positional arguments of a tool or of a command, one after the other; the last
/// stands for all that follow if the usage says so.
pub(super) fn of_arguments(tool: &Tool) -> Vec<Values> {
    // The id is a new one.
    if ["nexcage create", "nexcage run"].contains(&tool.name) {
        return Vec::new();
    }
    let usage = tool.usage.first().copied().unwrap_or_default();
    usage.split(' ').map(|word| word.trim_matches(['[', ']'])).filter_map(of_argument).collect()
}

fn of_argument(word: &str) -> Option<Values> {
    match word {
        "ID" | "ID..." => Some(Values::Containers),
        "SIGNAL" => Some(Values::Words(nexcage::signal_names().map(str::to_owned).collect())),
        "COMMAND" => Some(Values::Words(nexcage::COMMANDS.iter().map(|tool| own_name(tool)).collect())),
        "BUNDLE|CONFIG|-..." | "BUNDLE|CONFIG|-" => Some(Values::Files),
        _ => None,
    }
}

/// The commands of a tool that names them in its usage alone.
pub(super) fn first_words(tool: &Tool) -> Vec<String> {
    let words = tool.usage.iter().filter_map(|form| form.split(' ').next());
    words.filter(|word| word.starts_with(|c: char| c.is_ascii_lowercase())).map(str::to_owned).collect()
}

/// The name of a command without the tool's.
pub(super) fn own_name(tool: &Tool) -> String {
    tool.name.split_once(' ').map_or(tool.name, |(_, name)| name).to_owned()
}

fn words(choice: &str) -> Values {
    Values::Words(choice.split('|').map(str::to_owned).collect())
}
