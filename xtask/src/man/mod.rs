//! `cargo xtask man`: the manual pages, held against the tables that they speak of.

mod page;

use crate::build::workspace;
use crate::error::Error;
use crate::packages::{self, MANDOC};
use crate::step::{run, say};
use crate::tools::{Program, programs};
use nexcage_cli::{Code, Opt, Tool};
use page::Page;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// The page that is made of a table as a whole.
const MAPPING: &str = "man/nexcage-mapping.7";

/// Writes nexcage-mapping(7).
pub(crate) fn write() -> Result<(), Error> {
    let path = workspace().join(MAPPING);
    fs::write(&path, nexcage_mapping::page())
        .map_err(|source| Error::File { path: path.display().to_string(), source })?;
    say(&format!("wrote {}", path.display()));
    Ok(())
}

/// Makes sure that every page is sound mdoc and agrees with the tables: it has every option with the
/// name of its value, every command and every exit status, and no other; rules and error codes with
/// the very text of their tables.
pub(crate) fn check() -> Result<(), Error> {
    packages::require(&[MANDOC])?;
    run(Command::new("mandoc").args(["-T", "lint", "-W", "warning"]).args(pages()?))?;
    let mut wrong = Vec::new();
    if Page::read("nexcage-mapping.7")?.source != nexcage_mapping::page() {
        wrong.push(format!("{MAPPING} is not the table's: run `cargo xtask man`"));
    }
    for program in programs() {
        let page = Page::read(&format!("{}.1", program.tool.name))?;
        check_program(&page, &program, &mut wrong);
    }
    let rules: Vec<_> = state_inspect::RULES.iter().map(|(name, text)| ((*name).to_owned(), *text)).collect();
    Page::read("state-inspect.1")?.check_texts("DIAGNOSTICS", &rules, &mut wrong);
    let codes =
        Code::ALL.iter().map(|code| (format!("{}, status {}", code.name(), code.status()), code.meaning()));
    Page::read("nexcage-errors.7")?.check_texts("CODES", &codes.collect::<Vec<_>>(), &mut wrong);
    if wrong.is_empty() {
        return Ok(());
    }
    wrong.iter().for_each(|what| say(what));
    Err(Error::Unexpected(format!(
        "{} places of the manual pages are not as the tables have them",
        wrong.len()
    )))
}

/// Every page.
pub(crate) fn pages() -> Result<Vec<PathBuf>, Error> {
    let directory = workspace().join("man");
    let file = |source| Error::File { path: directory.display().to_string(), source };
    let mut pages = Vec::new();
    for entry in fs::read_dir(&directory).map_err(file)? {
        pages.push(entry.map_err(file)?.path());
    }
    pages.sort();
    Ok(pages)
}

fn check_program(page: &Page, program: &Program, wrong: &mut Vec<String>) {
    let statuses = program.statuses();
    page.check_headings("EXIT STATUS", statuses.map(str::to_owned), wrong);
    page.check_headings("OPTIONS", program.tool.all_options().map(heading), wrong);
    for command in program.commands {
        page.check_headings(own_name(command), command.options.iter().map(heading), wrong);
    }
    if !program.commands.is_empty() {
        let names: Vec<&str> = program.commands.iter().map(|command| own_name(command)).collect();
        page.check_subsections(&names, wrong);
    }
}

/// An option as a page shows it.
fn heading(option: &Opt) -> String {
    let value = option.value.map_or(String::new(), |value| format!(" {value}"));
    let short = option.short.map_or(String::new(), |short| format!("-{short}{value}, "));
    format!("{short}--{}{value}", option.long)
}

/// The name of a command without the tool's.
fn own_name(tool: &Tool) -> &'static str {
    tool.name.split_once(' ').map_or(tool.name, |(_, name)| name)
}
