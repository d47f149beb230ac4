//! `cargo xtask man`: the parts of the manual pages that are made of the tables of the tools.

mod block;

use crate::build::workspace;
use crate::error::Error;
use crate::packages::{self, MANDOC};
use crate::step::{run, say};
use crate::tools::{Program, programs};
use block::{Block, Entry};
use nexcage_cli::{Code, Tool};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Writes what the tables say into the pages.
pub(crate) fn write() -> Result<(), Error> {
    for page in made()? {
        if page.found != page.made {
            fs::write(&page.path, &page.made).map_err(file(&page.path))?;
            say(&format!("wrote {}", page.path.display()));
        }
    }
    Ok(())
}

/// Makes sure that every page is sound mdoc and says what the tables say: all options, exit statuses,
/// rules and error codes with their very texts, and every command.
pub(crate) fn check() -> Result<(), Error> {
    packages::require(&[MANDOC])?;
    run(Command::new("mandoc").args(["-T", "lint", "-W", "warning"]).args(pages()?))?;
    let stale: Vec<Made> = made()?.into_iter().filter(|page| page.found != page.made).collect();
    stale.iter().for_each(|page| say(&page.path.display().to_string()));
    if stale.is_empty() {
        return Ok(());
    }
    Err(Error::Unexpected(format!(
        "{} pages are not as the tables have them: run `cargo xtask man`",
        stale.len()
    )))
}

/// Every page.
pub(crate) fn pages() -> Result<Vec<PathBuf>, Error> {
    let directory = workspace().join("man");
    let mut pages = Vec::new();
    for entry in fs::read_dir(&directory).map_err(file(&directory))? {
        pages.push(entry.map_err(file(&directory))?.path());
    }
    pages.sort();
    Ok(pages)
}

/// A page that has parts from tables.
#[derive(Debug)]
struct Made {
    path: PathBuf,
    found: String,
    made: String,
}

/// The pages as they are and as they should be.
fn made() -> Result<Vec<Made>, Error> {
    let (mut pages, mut wrong) = (Vec::new(), Vec::new());
    let read = |name: &str| {
        let path = workspace().join("man").join(name);
        let found = fs::read_to_string(&path).map_err(file(&path))?;
        Ok::<_, Error>((path, found))
    };
    let (path, found) = read("nexcage-mapping.7")?;
    pages.push(Made { path, found, made: nexcage_mapping::page() });
    let codes = Code::ALL
        .iter()
        .map(|code| Entry::plain(&format!("{} , status {}", code.name(), code.status()), code.meaning()));
    let mut lists = vec![("nexcage-errors.7".to_owned(), vec![block("codes", codes)])];
    for program in programs() {
        let mut blocks = blocks(&program);
        if program.tool.name == "state-inspect" {
            let rules = state_inspect::RULES.iter();
            blocks.push(block("rules", rules.map(|(name, text)| Entry::plain(&format!("Sy {name}"), text))));
        }
        lists.push((format!("{}.1", program.tool.name), blocks));
    }
    for (name, blocks) in lists {
        let (path, found) = read(&name)?;
        let (made, faults) = block::fill(&found, &blocks);
        wrong.extend(faults.into_iter().map(|fault| format!("{name}: {fault}")));
        pages.push(Made { path, found, made });
    }
    for program in programs() {
        let page = pages.iter().find(|page| page.path.ends_with(format!("{}.1", program.tool.name)));
        wrong.extend(page.and_then(|page| commands(&page.made, &program)));
    }
    if wrong.is_empty() { Ok(pages) } else { Err(Error::Unexpected(wrong.join("\n"))) }
}

/// The lists of a program's page: its options, those of its commands, and every table of exit statuses
/// by the first that has it.
fn blocks(program: &Program) -> Vec<Block> {
    let options = |name: &str, options: &mut dyn Iterator<Item = _>| {
        block(&format!("options of {name}"), options.map(Entry::option))
    };
    let statuses = |tool: &Tool| {
        let entries = tool.statuses.iter().map(|(status, text)| Entry::plain(status, text));
        block(&format!("exit statuses of {}", tool.name), entries)
    };
    let mut blocks =
        vec![options(program.tool.name, &mut program.tool.all_options()), statuses(program.tool)];
    let mut seen = vec![program.tool.statuses];
    for command in program.commands {
        if !command.options.is_empty() {
            blocks.push(options(command.name, &mut command.options.iter()));
        }
        // Those of most commands are said for the program as a whole.
        let is_part = |seen: &&[(&str, &str)]| command.statuses.iter().all(|status| seen.contains(status));
        if !seen.iter().any(is_part) {
            seen.push(command.statuses);
            blocks.push(statuses(command));
        }
    }
    blocks
}

fn block(name: &str, entries: impl Iterator<Item = Entry>) -> Block {
    Block { name: name.to_owned(), entries: entries.collect() }
}

/// What is wrong with the subsections of COMMANDS.
fn commands(page: &str, program: &Program) -> Option<String> {
    let section = page.split(".Sh ").find_map(|section| section.strip_prefix("COMMANDS\n"));
    let lines = section.unwrap_or_default().lines();
    let found: Vec<&str> = lines.filter_map(|line| line.strip_prefix(".Ss ")).collect();
    let expected: Vec<&str> = program.commands.iter().map(|command| own_name(command)).collect();
    (found != expected)
        .then(|| format!("{}.1: subsections {found:?}, commands {expected:?}", program.tool.name))
}

/// The name of a command without the tool's.
fn own_name(tool: &Tool) -> &'static str {
    tool.name.split_once(' ').map_or(tool.name, |(_, name)| name)
}

fn file(path: &Path) -> impl Fn(std::io::Error) -> Error {
    let path = path.display().to_string();
    move |source| Error::File { path: path.clone(), source }
}
