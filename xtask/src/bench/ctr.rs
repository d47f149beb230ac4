//! Containers of containerd's, by `ctr`: what a run takes, and the memory of the shims.

use super::memory;
use super::peers::UnifiedOnly;
use super::run::compare;
use super::{done, first_line};
use crate::error::Error;
use crate::memory::takes;
use crate::step::say;
use nexcage_tests::{Backend, Containerd, IMAGE, Sandbox};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

const RUNC: &str = "io.containerd.runc.v2";
/// How many shims are looked at together.
const MANY: u32 = 20;
/// How long they are left alone before that.
const IDLE: Duration = Duration::from_secs(2);

/// `ctr run --rm` of a command that does nothing, by ours, runc and crun.
fn commands(containerd: &Containerd<'_>, options: &[&str]) -> [(&'static str, Command); 3] {
    let ours = containerd.run("bench", &[&["--rm"], options].concat(), &["/bin/true"]).into_command();
    let other = |more: &[&str]| {
        let run = containerd.ctr(["run", "--rm", "--runtime", RUNC]).args(options).args(more);
        run.args([IMAGE, "bench", "/bin/true"]).into_command()
    };
    let crun = ["--runc-binary", "crun"];
    [("ctr run, nexcage", ours), ("ctr run, runc", other(&[])), ("ctr run, crun", other(&crun))]
}

pub(super) fn ctr(tools: &Path, directory: &Path, runs: usize) -> Result<(), Error> {
    let versions = ["containerd", "runc", "crun"].map(|name| first_line(Command::new(name).arg("--version")));
    say(&format!("\n{}", versions.join("; ")));
    let sandbox = Sandbox::with(tools.to_owned(), directory, Backend::Lxc);
    let containerd = Containerd::start(&sandbox);
    let mut all = Vec::from(commands(&containerd, &[]));
    let crun = commands(&containerd, &[]).map(|(_, command)| command).into_iter().next_back();
    let crun_runs = crun.is_some_and(|command| done(command).is_ok());
    if !crun_runs {
        say("crun does not run this with this host's cgroups, and is compared further down");
        all.pop();
        drop(done(containerd.ctr(["containers", "rm", "bench"]).into_command()));
    }
    compare("ctr run --rm of true", all, runs)?;
    shims(&containerd)?;
    drop(containerd);
    if crun_runs || !UnifiedOnly::is_needed() {
        return Ok(());
    }
    let inside = UnifiedOnly::enter(directory)?;
    let sandbox = Sandbox::with(tools.to_owned(), directory, Backend::Lxc);
    let containerd = Containerd::start_through(&sandbox, &inside.wrapper());
    // Without controllers there are no limits to be set.
    let all = commands(&containerd, &["--privileged", "--cpu-shares", "0"]);
    compare("the same, privileged, where cgroup v2 is mounted alone", all.into(), runs)
}

/// The memory of one shim and of each of many.
fn shims(containerd: &Containerd<'_>) -> Result<(), Error> {
    let begin = |number: u32| {
        let id = format!("sleeping{number}");
        containerd.detach(&id, "exec sleep 1000000");
        u32::try_from(containerd.shim(&id)).unwrap_or_default()
    };
    let mut all = vec![begin(0)];
    thread::sleep(IDLE);
    let one = takes(all[0])?;
    all.extend((1..MANY).map(begin));
    thread::sleep(IDLE);
    memory::show_shims(one, &all)?;
    for number in 0..MANY {
        let id = format!("sleeping{number}");
        done(containerd.ctr(["tasks", "rm", "--force", &id]).into_command())?;
        done(containerd.ctr(["containers", "rm", &id]).into_command())?;
    }
    Ok(())
}
