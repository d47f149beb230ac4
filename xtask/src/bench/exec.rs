//! What one does to containers that are there.

use super::nexcage::Nexcage;
use super::peers::UnifiedOnly;
use super::{done, heading, make_bundle, row};
use crate::error::Error;
use crate::step::say;
use crate::timing::{Subject, measure};
use nexcage_tests::Config;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How many containers are listed.
const MANY: usize = 200;

/// Containers of a runtime with runc's command line.
struct Runtime {
    program: &'static str,
    root: PathBuf,
    inside: Option<UnifiedOnly>,
    made: usize,
}

impl Runtime {
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(self.program);
        command.arg("--root").arg(&self.root).args(words);
        self.inside.as_ref().map_or(command_of(&command), |inside| inside.command(&command))
    }

    fn create(&mut self, bundle: &Path) -> Result<String, Error> {
        let id = format!("nexcage-bench-{}", self.made);
        done(self.command(&["create", "--bundle", &bundle.to_string_lossy(), &id]))?;
        self.made += 1;
        Ok(id)
    }
}

fn command_of(command: &Command) -> Command {
    let mut same = Command::new(command.get_program());
    same.args(command.get_args());
    same
}

impl Drop for Runtime {
    fn drop(&mut self) {
        for number in 0..self.made {
            drop(done(self.command(&["delete", "--force", &format!("nexcage-bench-{number}")])));
        }
    }
}

pub(super) fn exec(tools: &Path, directory: &Path, runs: usize) -> Result<(), Error> {
    // crun takes no device rules where it may not raise a limit for them.
    let config = Config::new(["/bin/sleep", "1000000"]).edit(|spec| {
        spec.linux_mut().get_or_insert_default().set_resources(None);
    });
    let bundle = make_bundle(&directory.join("sleeping-for-exec"), &config)?;
    let mut ours = Nexcage::new(tools, &directory.join("exec"));
    let runtime =
        |program, inside| Runtime { program, root: directory.join("exec").join(program), inside, made: 0 };
    let mut runc = runtime("runc", None);
    let mut crun =
        runtime("crun", if UnifiedOnly::is_needed() { Some(UnifiedOnly::enter(directory)?) } else { None });
    let (our_id, runc_id) = (ours.create(bundle.path())?, runc.create(bundle.path())?);
    done(ours.command(&["start", &our_id]))?;
    done(runc.command(&["start", &runc_id]))?;
    pair(
        "true executed in a container",
        ("nexcage exec", ours.command(&["exec", &our_id, "/bin/true"])),
        ("runc exec", runc.command(&["exec", &runc_id, "/bin/true"])),
        runs,
    )?;
    pair(
        "the state of a container",
        ("nexcage state", ours.command(&["state", &our_id])),
        ("runc state", runc.command(&["state", &runc_id])),
        runs,
    )?;
    say(&format!("\nmaking {MANY} containers for each of the lists"));
    for _ in 1..MANY {
        ours.create(bundle.path())?;
        runc.create(bundle.path())?;
        crun.create(bundle.path())?;
    }
    crun.create(bundle.path())?;
    let mut subjects = vec![
        Subject::new("nexcage list", ours.command(&["list"])),
        Subject::new("runc list", runc.command(&["list"])),
        Subject::new("crun list", crun.command(&["list"])),
    ];
    measure(&mut subjects, runs)?;
    heading(&format!("a list of {MANY} containers, {runs} runs by turns"));
    report(&subjects);
    Ok(())
}

fn pair(
    title: &str,
    ours: (&'static str, Command),
    other: (&'static str, Command),
    runs: usize,
) -> Result<(), Error> {
    let mut subjects = [Subject::new(ours.0, ours.1), Subject::new(other.0, other.1)];
    measure(&mut subjects, runs)?;
    heading(&format!("{title}, {runs} runs by turns"));
    report(&subjects);
    Ok(())
}

fn report(subjects: &[Subject]) {
    let Some((ours, others)) = subjects.split_first() else { return };
    row(ours, "");
    for other in others {
        row(other, &format!("ours takes {:.2}x of it", ours.median() / other.median()));
    }
}
