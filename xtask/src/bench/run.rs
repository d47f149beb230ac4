//! `nexcage run` against the runtimes whose command line it has.

use super::peers::UnifiedOnly;
use super::{done, first_line, heading, make_bundle, row};
use crate::error::Error;
use crate::step::say;
use crate::timing::{Subject, measure};
use nexcage_tests::Config;
use std::path::Path;
use std::process::Command;

/// The ways to run a bundle: ours first.
fn commands(tools: &Path, directory: &Path, bundle: &Path) -> [(&'static str, Command); 3] {
    [("nexcage run", tools.join("nexcage")), ("runc run", "runc".into()), ("crun run", "crun".into())].map(
        |(name, program)| {
            let mut command = Command::new(program);
            let root = directory.join(name.split(' ').next().unwrap_or_default());
            command.arg("--root").arg(root).args(["run", "--bundle"]).arg(bundle).arg("nexcage-bench");
            (name, command)
        },
    )
}

/// Measures them by turns.
pub(super) fn compare(title: &str, commands: Vec<(&'static str, Command)>, runs: usize) -> Result<(), Error> {
    let mut subjects: Vec<Subject> =
        commands.into_iter().map(|(name, command)| Subject::new(name, command)).collect();
    measure(&mut subjects, runs)?;
    heading(&format!("{title}, {runs} runs by turns"));
    let ours = subjects[0].median();
    row(&subjects[0], "");
    for other in &subjects[1..] {
        row(other, &format!("ours takes {:.2}x of it", ours / other.median()));
    }
    Ok(())
}

pub(super) fn run(tools: &Path, directory: &Path, runs: usize) -> Result<(), Error> {
    let versions = ["runc", "crun"].map(|name| first_line(Command::new(name).arg("--version")));
    say(&format!("\ncompared with {}", versions.join(" and ")));
    let bundle = make_bundle(&directory.join("run-true"), &Config::new(["/bin/true"]))?;
    let mut all = Vec::from(commands(tools, directory, bundle.path()));
    let of_crun = commands(tools, directory, bundle.path()).map(|(_, command)| command);
    let crun_runs = of_crun.into_iter().next_back().is_some_and(|command| done(command).is_ok());
    if !crun_runs {
        say("crun does not run this bundle with this host's cgroups, and is compared further down");
        all.pop();
    }
    compare("a container that runs true", all, runs)?;
    if crun_runs || !UnifiedOnly::is_needed() {
        return Ok(());
    }
    // Without rules for devices, for which crun raises a limit that it may not be allowed to.
    let config = Config::new(["/bin/true"]).edit(|spec| {
        spec.linux_mut().get_or_insert_default().set_resources(None);
    });
    let bundle = make_bundle(&directory.join("run-true-v2"), &config)?;
    let inside = UnifiedOnly::enter(directory)?;
    let all = commands(tools, directory, bundle.path());
    let all = all.map(|(name, command)| (name, inside.command(&command)));
    compare("the same without device rules, where cgroup v2 is mounted alone, by nsenter", all.into(), runs)
}
