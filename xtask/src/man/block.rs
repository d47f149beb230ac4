//! The lists in a page that are made of tables: from a line `.\" table: NAME` to a line `.\" end`.
//!
//! What a page says of an entry beyond its table follows in it after a line `.\" more`, and is kept.

use nexcage_cli::Opt;
use std::fmt::Write as _;

const BEGIN: &str = ".\\\" table: ";
const MORE: &str = ".\\\" more";
const END: &str = ".\\\" end";

/// A list of a page: the name that its page has for it, and its entries.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) name: String,
    pub(super) entries: Vec<Entry>,
}

/// A heading with its text, both as mdoc.
#[derive(Debug)]
pub(super) struct Entry {
    heading: String,
    text: String,
}

impl Entry {
    /// An option with what it does.
    pub(super) fn option(option: &Opt) -> Self {
        let value = option.value.map_or(String::new(), |value| format!(" Ar {value}"));
        let short = option.short.map_or(String::new(), |short| format!("Fl {short}{value} , "));
        let heading = format!(".It {short}Fl -{}{value}", option.long);
        Entry { heading, text: prose(option.help, option.value.unwrap_or_default()) }
    }

    /// Anything with its meaning.
    pub(super) fn plain(heading: &str, text: &str) -> Self {
        let stop = if text.ends_with('.') { "" } else { "." };
        Entry { heading: format!(".It {heading}"), text: prose(&format!("{text}{stop}"), "") }
    }
}

/// A page with the lists that it has place for, and what is wrong with it: lists without a place, and
/// places without a list.
pub(super) fn fill(page: &str, blocks: &[Block]) -> (String, Vec<String>) {
    let (mut filled, mut wrong) = (String::new(), Vec::new());
    let mut placed = vec![false; blocks.len()];
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let _ = writeln!(filled, "{line}");
        let Some(name) = line.strip_prefix(BEGIN) else { continue };
        let old: Vec<&str> = lines.by_ref().take_while(|line| *line != END).collect();
        let found = blocks.iter().zip(&mut placed).find(|(block, _)| block.name == name);
        let Some((block, placed)) = found else {
            wrong.push(format!("there is no table \"{name}\""));
            continue;
        };
        *placed = true;
        let mut kept = kept(&old);
        filled.push_str(".Bl -tag -width Ds\n");
        for entry in &block.entries {
            let _ = write!(filled, "{}\n{}", entry.heading, entry.text);
            if let Some(place) = kept.iter().position(|(heading, _)| *heading == entry.heading) {
                filled.push_str(&kept.remove(place).1);
            }
        }
        let _ = writeln!(filled, ".El\n{END}");
        let lost =
            kept.iter().map(|(heading, _)| format!("{name}: more is said of \"{heading}\", which is gone"));
        wrong.extend(lost);
    }
    let unplaced = blocks.iter().zip(placed).filter(|(_, placed)| !placed);
    wrong.extend(unplaced.map(|(block, _)| format!("\"{BEGIN}{}\" is missing", block.name)));
    (filled, wrong)
}

/// What a list says of its entries beyond the table, by their headings.
fn kept<'a>(list: &[&'a str]) -> Vec<(&'a str, String)> {
    let mut kept: Vec<(&str, String)> = Vec::new();
    let (mut heading, mut keeps) = ("", false);
    for line in list {
        if line.starts_with(".It ") {
            (heading, keeps) = (line, false);
        } else if *line == MORE {
            keeps = true;
            kept.push((heading, String::new()));
        } else if *line == ".El" {
            keeps = false;
        }
        if let Some((_, text)) = kept.last_mut().filter(|_| keeps) {
            let _ = writeln!(text, "{line}");
        }
    }
    kept
}

/// Plain sentences as mdoc, each on lines of its own, with options, paths and the name of a value
/// marked.
fn prose(text: &str, value: &str) -> String {
    let mut page = String::new();
    for word in text.split(' ') {
        let (core, after) = word.split_at(word.trim_end_matches([',', '.', ';', ':', ')']).len());
        let is_value = core == value && value.chars().all(|c| c.is_ascii_uppercase());
        let marked = match core {
            _ if core.starts_with("--") => Some(format!(".Fl {}", &core[1..])),
            _ if core.starts_with('/') => Some(format!(".Pa {core}")),
            _ if is_value => Some(format!(".Ar {core}")),
            _ => None,
        };
        match marked {
            Some(marked) => {
                let stops: String = after.chars().map(|stop| format!(" {stop}")).collect();
                line_break(&mut page);
                let _ = writeln!(page, "{marked}{stops}");
            }
            None => {
                if !page.is_empty() && !page.ends_with('\n') {
                    page.push(' ');
                } else if word.starts_with(['.', '\'']) {
                    page.push_str("\\&");
                }
                page.push_str(&word.replace('\\', "\\e"));
                if after.ends_with('.') {
                    page.push('\n');
                }
            }
        }
    }
    line_break(&mut page);
    page
}

fn line_break(page: &mut String) {
    if !page.is_empty() && !page.ends_with('\n') {
        page.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTION: Opt = Opt {
        long: "file",
        short: Some('f'),
        value: Some("FILE"),
        help: "Read FILE, as --from does. Default: /etc/x.",
    };

    fn block() -> Block {
        Block { name: "options".to_owned(), entries: vec![Entry::option(&OPTION)] }
    }

    #[test]
    fn a_list_is_made_of_its_table_and_keeps_what_is_said_beyond_it() {
        let page = ".Sh OPTIONS\n.\\\" table: options\n.It Fl f Ar FILE , Fl -file Ar FILE\nOld.\n.\\\" more\nIt is kept.\n.El\n.\\\" end\nText.\n";
        let (filled, wrong) = fill(page, &[block()]);
        assert_eq!(
            filled,
            ".Sh OPTIONS\n.\\\" table: options\n.Bl -tag -width Ds\n.It Fl f Ar FILE , Fl -file Ar FILE\nRead\n.Ar FILE ,\nas\n.Fl -from\ndoes.\nDefault:\n.Pa /etc/x .\n.\\\" more\nIt is kept.\n.El\n.\\\" end\nText.\n"
        );
        assert!(wrong.is_empty(), "{wrong:?}");
        assert_eq!(fill(&filled, &[block()]), (filled.clone(), Vec::new()), "again");
    }

    #[test]
    fn a_list_without_a_place_a_place_without_a_list_and_words_about_nothing_are_wrong() {
        let page = ".\\\" table: other\n.\\\" end\n";
        assert_eq!(fill(page, &[block()]).1.len(), 2);
        let page = ".\\\" table: options\n.It Fl -gone\n.\\\" more\nWords.\n.\\\" end\n";
        assert_eq!(fill(page, &[block()]).1.len(), 1);
    }
}
