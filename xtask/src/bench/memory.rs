//! What takes memory as long as a container sleeps.

use super::nexcage::Nexcage;
use super::peers::{Conmon, Containerd, parent};
use super::{first_line, make_bundle};
use crate::error::Error;
use crate::memory::{Takes, takes};
use crate::step::say;
use nexcage_tests::Config;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

/// Goals, in KiB: of one shim, and of each of many.
const RSS_GOAL: u64 = 3 * 1024;
const PSS_GOAL: u64 = 1024;
const PSS_GOAL_OF_MANY: u64 = 400;
const MANY: u32 = 20;

/// How long they are left alone before they are looked at.
const IDLE: Duration = Duration::from_secs(2);

pub(super) fn memory(tools: &Path, directory: &Path) -> Result<(), Error> {
    let bundle = make_bundle(&directory.join("sleeping"), &Config::new(["/bin/sleep", "1000000"]))?;
    let mut ours = Nexcage::new(tools, directory);
    let mut containerd = Containerd::start(directory)?;
    let (shim, process) = ours.run(bundle.path())?;
    let monitor = parent(process)?;
    let go = containerd.run(&bundle.rootfs(), &["/bin/sleep", "1000000"])?;
    let conmon = Conmon::start(directory, bundle.path())?;
    thread::sleep(IDLE);
    let [shim, monitor, go, conmon_takes] = [shim, monitor, go, conmon.pid].map(takes);
    let (shim, monitor, go, conmon_takes) = (shim?, monitor?, go?, conmon_takes?);
    say(&format!(
        "\nmemory in KiB beside one sleeping container each\n{:24}{:>9}{:>9}{:>9}{:>9}",
        "", "RSS", "PSS", "private", "threads"
    ));
    row("nexcage-shim", shim, &goals(shim));
    row("LXC's monitor", monitor, &format!("LXC {}", first_line(Command::new("lxc-start").arg("--version"))));
    row("containerd-shim-runc-v2", go, &first_line(Command::new("containerd").arg("--version")));
    row("conmon", conmon_takes, &first_line(Command::new("conmon").arg("--version")));
    let whole = shim.pss + monitor.pss;
    say(&format!(
        "nexcage-shim with LXC's monitor: PSS {whole}, {:.2}x of the Go shim's; nexcage-shim alone {:.2}x",
        ratio(whole, go.pss),
        ratio(shim.pss, go.pss)
    ));
    many(&mut ours, &mut containerd, &bundle)
}

/// Shims under containerd: one alone, and each of these.
pub(super) fn show_shims(one: Takes, all: &[u32]) -> Result<(), Error> {
    say(&format!(
        "\nmemory in KiB of shims under containerd\n{:24}{:>9}{:>9}{:>9}{:>9}",
        "", "RSS", "PSS", "private", "threads"
    ));
    row("one", one, &goals(one));
    let each = average(all)?;
    let goal = format!("PSS {} {PSS_GOAL_OF_MANY}", comparison(each.pss, PSS_GOAL_OF_MANY));
    row(&format!("each of {}", all.len()), each, &goal);
    Ok(())
}

/// A crowd shares what is the same in each.
fn many(
    ours: &mut Nexcage,
    containerd: &mut Containerd,
    bundle: &nexcage_tests::Bundle,
) -> Result<(), Error> {
    let (mut shims, mut monitors, mut gos) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..MANY {
        let (shim, process) = ours.run(bundle.path())?;
        shims.push(shim);
        monitors.push(parent(process)?);
        gos.push(containerd.run(&bundle.rootfs(), &["/bin/sleep", "1000000"])?);
    }
    thread::sleep(IDLE);
    say(&format!("\nthe same of each of {MANY} at a time, on average"));
    let shim = average(&shims)?;
    let goal = format!("PSS {} {PSS_GOAL_OF_MANY}", comparison(shim.pss, PSS_GOAL_OF_MANY));
    row("nexcage-shim", shim, &goal);
    row("LXC's monitor", average(&monitors)?, "");
    let go = average(&gos)?;
    row("containerd-shim-runc-v2", go, &format!("ours takes {:.3}x of its PSS", ratio(shim.pss, go.pss)));
    Ok(())
}

fn average(pids: &[u32]) -> Result<Takes, Error> {
    let all: Vec<Takes> = pids.iter().map(|pid| takes(*pid)).collect::<Result<_, _>>()?;
    let count = u64::try_from(all.len()).unwrap_or(1).max(1);
    let mean = |part: fn(&Takes) -> u64| all.iter().map(part).sum::<u64>() / count;
    let most = |part: fn(&Takes) -> usize| all.iter().map(part).max().unwrap_or(0);
    Ok(Takes {
        rss: mean(|takes| takes.rss),
        pss: mean(|takes| takes.pss),
        private: mean(|takes| takes.private),
        descriptors: most(|takes| takes.descriptors),
        threads: most(|takes| takes.threads),
    })
}

fn row(name: &str, takes: Takes, remark: &str) {
    let Takes { rss, pss, private, threads, .. } = takes;
    say(&format!("{name:24}{rss:>9}{pss:>9}{private:>9}{threads:>9}  {remark}"));
}

fn goals(takes: Takes) -> String {
    let (rss, pss) = (comparison(takes.rss, RSS_GOAL), comparison(takes.pss, PSS_GOAL));
    format!("RSS {rss} {RSS_GOAL}, PSS {pss} {PSS_GOAL}")
}

/// Whether a goal is reached, in its own words.
fn comparison(value: u64, goal: u64) -> &'static str {
    if value <= goal { "within the goal of" } else { "MISSES the goal of" }
}

#[expect(clippy::cast_precision_loss, reason = "few kibibytes")]
fn ratio(ours: u64, other: u64) -> f64 {
    ours as f64 / other as f64
}
