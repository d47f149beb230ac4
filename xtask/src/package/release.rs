//! `cargo xtask release VERSION`: the version and the changelog of a release, and what its tag says.

use super::{read, write};
use crate::build::{cargo, workspace};
use crate::error::Error;
use crate::step::{output, run, say};
use std::path::Path;
use std::process::Command;

/// Where the changelog has what is not released yet.
const UNRELEASED: &str = "## Unreleased\n";

/// Sets the version and heads the changelog with it. The commit and the tag are left to whoever releases.
pub(crate) fn release(version: &str) -> Result<(), Error> {
    let news = prepare(workspace(), super::VERSION, version)?;
    say(&format!(
        "wrote the version and the changelog; then:\n  git commit --all --message 'Version {version}'\n  git tag --sign v{version} --file MESSAGE\nwhere MESSAGE is:\n\nnexcage {version}\n{news}"
    ));
    Ok(())
}

/// Does it in a checkout that has the version `own`, and gives what is new.
fn prepare(checkout: &Path, own: &str, version: &str) -> Result<String, Error> {
    if version.split('.').filter(|part| part.parse::<u32>().is_ok()).count() != 3
        || version.split('.').count() != 3
    {
        return Err(Error::Unexpected(format!("{version:?}: expected a version such as 1.2.3")));
    }
    let changed = output(Command::new("git").args(["status", "--porcelain"]).current_dir(checkout))?;
    if !changed.is_empty() {
        return Err(Error::Unexpected(format!("the tree has changes that are in no commit:\n{changed}")));
    }
    let (manifest, changelog) = (checkout.join("Cargo.toml"), checkout.join("CHANGELOG.md"));
    let (text, log) = (read(&manifest)?, read(&changelog)?);
    let own = format!("version = \"{own}\"");
    if !text.contains(&own) || !log.contains(UNRELEASED) {
        return Err(Error::Unexpected(format!(
            "Cargo.toml lacks {own}, or CHANGELOG.md lacks {UNRELEASED:?}"
        )));
    }
    let date = output(Command::new("date").args(["--utc", "+%Y-%m-%d"]))?;
    write(&manifest, text.replacen(&own, &format!("version = \"{version}\""), 1))?;
    write(&changelog, log.replacen(UNRELEASED, &format!("{UNRELEASED}\n## {version}, {date}\n"), 1))?;
    run(cargo(["update", "--workspace", "--offline", "--quiet"]).current_dir(checkout))?;
    let news = log.split(UNRELEASED).nth(1).and_then(|rest| rest.split("\n## ").next());
    Ok(news.unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn git(checkout: &Path, arguments: &[&str]) {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
        let mut git = Command::new("git");
        output(git.args(identity).args(arguments).current_dir(checkout)).unwrap();
    }

    /// A checkout of a workspace with one member, everything committed.
    fn checkout() -> TempDir {
        let room = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = room.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            write(&path, text).unwrap();
        };
        put("Cargo.toml", "[workspace]\nmembers = [\"a\"]\n\n[workspace.package]\nversion = \"0.1.0\"\n");
        put("a/Cargo.toml", "[package]\nname = \"a\"\nversion.workspace = true\n");
        put("a/src/lib.rs", "");
        put("CHANGELOG.md", "# Changelog\n\n## Unreleased\n\n- New.\n\n## 0.1.0, 2026-01-01\n\n- Old.\n");
        run(cargo(["generate-lockfile", "--offline"]).current_dir(room.path())).unwrap();
        git(room.path(), &["init", "--quiet"]);
        git(room.path(), &["add", "."]);
        git(room.path(), &["commit", "--quiet", "--message", "All"]);
        room
    }

    #[test]
    fn a_release_has_its_version_everywhere_and_its_news_under_a_heading() {
        let room = checkout();
        assert_eq!(prepare(room.path(), "0.1.0", "1.2.3").unwrap().trim(), "- New.");
        for file in ["Cargo.toml", "Cargo.lock"] {
            assert!(read(&room.path().join(file)).unwrap().contains("version = \"1.2.3\""), "{file}");
        }
        let log = read(&room.path().join("CHANGELOG.md")).unwrap();
        let begin = "# Changelog\n\n## Unreleased\n\n## 1.2.3, 2";
        assert!(
            log.starts_with(begin) && log.ends_with("\n\n- New.\n\n## 0.1.0, 2026-01-01\n\n- Old.\n"),
            "{log}"
        );
    }

    #[test]
    fn what_is_in_no_commit_is_not_released() {
        let room = checkout();
        write(&room.path().join("new"), "").unwrap();
        let message = prepare(room.path(), "0.1.0", "1.2.3").unwrap_err().to_string();
        assert!(message.contains("?? new"), "{message}");
        assert!(read(&room.path().join("Cargo.toml")).unwrap().contains("0.1.0"));
    }

    #[test]
    fn a_version_has_three_numbers() {
        for wrong in ["1.2", "1.2.3.4", "1.2.x", "v1.2.3", ""] {
            assert!(
                prepare(Path::new("/"), "0.1.0", wrong).unwrap_err().to_string().contains("1.2.3"),
                "{wrong}"
            );
        }
    }
}
