//! `cargo xtask release VERSION`: the version and the changelog of a release, and what its tag says.

use super::{read, write};
use crate::build::{cargo, workspace};
use crate::error::Error;
use crate::step::{output, run, say};
use std::process::Command;

/// Where the changelog has what is not released yet.
const UNRELEASED: &str = "## Unreleased\n";

/// Sets the version and heads the changelog with it. The commit and the tag are left to whoever releases.
pub(crate) fn release(version: &str) -> Result<(), Error> {
    if version.split('.').filter(|part| part.parse::<u32>().is_ok()).count() != 3
        || version.split('.').count() != 3
    {
        return Err(Error::Unexpected(format!("{version:?}: expected a version such as 1.2.3")));
    }
    let changed = output(Command::new("git").args(["status", "--porcelain"]).current_dir(workspace()))?;
    if !changed.is_empty() {
        return Err(Error::Unexpected(format!("the tree has changes that are in no commit:\n{changed}")));
    }
    let (manifest, changelog) = (workspace().join("Cargo.toml"), workspace().join("CHANGELOG.md"));
    let (text, log) = (read(&manifest)?, read(&changelog)?);
    let own = format!("version = \"{}\"", super::VERSION);
    if !text.contains(&own) || !log.contains(UNRELEASED) {
        return Err(Error::Unexpected(format!(
            "Cargo.toml lacks {own}, or CHANGELOG.md lacks {UNRELEASED:?}"
        )));
    }
    let date = output(Command::new("date").args(["--utc", "+%Y-%m-%d"]))?;
    write(&manifest, text.replacen(&own, &format!("version = \"{version}\""), 1))?;
    write(&changelog, log.replacen(UNRELEASED, &format!("{UNRELEASED}\n## {version}, {date}\n"), 1))?;
    run(&mut cargo(["update", "--workspace", "--offline", "--quiet"]))?;
    let news = log.split(UNRELEASED).nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap_or_default();
    say(&format!(
        "wrote the version and the changelog; then:\n  git commit --all --message 'Version {version}'\n  git tag --sign v{version} --file MESSAGE\nwhere MESSAGE is:\n\nnexcage {version}\n{news}"
    ));
    Ok(())
}
