//! `cargo xtask completions`: what bash, zsh and fish complete, from the tables of the tools.

mod bash;
mod fish;
mod values;
mod zsh;

use crate::build::workspace;
use crate::error::Error;
use crate::step::say;
use crate::tools::{Program, programs};
use std::fs;
use std::path::PathBuf;

/// A shell: the directory of its files below `packaging/completions`, the name of a tool's file
/// there, and what makes it.
type Shell = (&'static str, fn(&str) -> String, fn(&Program) -> String);

const SHELLS: [Shell; 3] = [
    ("bash", str::to_owned, bash::script),
    ("zsh", |tool| format!("_{tool}"), zsh::script),
    ("fish", |tool| format!("{tool}.fish"), fish::script),
];

/// Every file with what has to be in it.
fn files() -> impl Iterator<Item = (PathBuf, String)> {
    SHELLS.iter().flat_map(|(shell, name, script)| {
        let directory = workspace().join("packaging/completions").join(shell);
        programs().into_iter().map(move |program| (directory.join(name(program.tool.name)), script(&program)))
    })
}

/// Writes them.
pub(crate) fn write() -> Result<(), Error> {
    for (path, text) in files() {
        let file = |source| Error::File { path: path.display().to_string(), source };
        fs::create_dir_all(path.parent().unwrap_or(&path)).map_err(file)?;
        fs::write(&path, text).map_err(file)?;
        say(&format!("wrote {}", path.display()));
    }
    Ok(())
}

/// Makes sure that they are what the tables make of them.
pub(crate) fn check() -> Result<(), Error> {
    match files().find(|(path, text)| fs::read_to_string(path).ok().as_ref() != Some(text)) {
        None => Ok(()),
        Some((path, _)) => Err(Error::Unexpected(format!(
            "{} is not what the tables make of it: run `cargo xtask completions`",
            path.display()
        ))),
    }
}

/// The first sentence of a help text, for shells that show one beside a candidate.
fn first_sentence(help: &str) -> &str {
    help.split(". ").next().unwrap_or(help).trim_end_matches('.')
}
