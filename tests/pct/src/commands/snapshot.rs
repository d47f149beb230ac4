//! `pct snapshot`, `rollback`, `delsnapshot` and `listsnapshot`. A directory has no snapshots, on a storage or
//! not: all but the list end in a refusal, some of them half-way.

use super::{Session, check_lock};
use crate::command_line::Call;
use crate::conf::{Conf, Section, mount_points};
use crate::failure::Failure;
use std::process::Command;

pub(super) fn take(session: &Session<'_>, call: &Call) -> Result<(), Failure> {
    let vmid = call.vmid()?;
    let name = call.text(1);
    if name == "current" {
        return Err(Failure::died("unable to use snapshot name 'current' (reserved name)"));
    }
    session.task(|| {
        let _lock = session.store().lock(vmid)?;
        let conf = session.store().load(vmid)?;
        check_lock(&conf.main, &[])?;
        if conf.snapshots.contains_key(&name) {
            return Err(Failure::died(format!("snapshot name '{name}' already used")));
        }
        Err(Failure::died("snapshot feature is not available"))
    })
}

pub(super) fn roll_back(session: &Session<'_>, call: &Call) -> Result<(), Failure> {
    let vmid = call.vmid()?;
    session.task(|| {
        let _lock = session.store().lock(vmid)?;
        let conf = session.store().load(vmid)?;
        let snapshot = named(&conf, &call.text(1))?;
        Err(impossible(snapshot, "rollback"))
    })
}

/// The conf says what is under way before the first volume is asked, and keeps saying so.
pub(super) fn delete(session: &Session<'_>, call: &Call) -> Result<(), Failure> {
    let vmid = call.vmid()?;
    let name = call.text(1);
    session.task(|| {
        let _lock = session.store().lock(vmid)?;
        let mut conf = session.store().load(vmid)?;
        let snapshot = named(&conf, &name)?.clone();
        if call.is_set("force") {
            return Err(Failure::died("pct stand-in: delsnapshot by force is not covered"));
        }
        check_lock(&conf.main, &[])?;
        conf.main.put("lock", "snapshot-delete".into());
        conf.snapshots.entry(name).or_default().put("snapstate", "delete".into());
        session.store().save(vmid, &conf)?;
        Err(impossible(&snapshot, "delete"))
    })
}

fn named<'c>(conf: &'c Conf, name: &str) -> Result<&'c Section, Failure> {
    conf.snapshots.get(name).ok_or_else(|| Failure::died(format!("snapshot '{name}' does not exist")))
}

fn impossible(snapshot: &Section, what: &str) -> Failure {
    match mount_points(snapshot).map(|points| points.into_iter().next()) {
        Ok(Some((_, rootfs))) => {
            Failure::died(format!("snapshot {what} file/device '{}' is not possible", rootfs.volume))
        }
        Ok(None) => Failure::died("pct stand-in: a snapshot without volumes is not covered"),
        Err(failure) => failure,
    }
}

pub(super) fn list(session: &Session<'_>, call: &Call) -> Result<(), Failure> {
    let conf = session.store().load(call.vmid()?)?;
    let mut tree = Tree { conf: &conf, text: String::new() };
    tree.branch(None, "`->")?;
    session.console.say(&tree.text);
    Ok(())
}

struct Tree<'c> {
    conf: &'c Conf,
    text: String,
}

impl Tree<'_> {
    /// The snapshots that follow from `parent`, the oldest first, the present state last.
    fn branch(&mut self, parent: Option<&str>, prefix: &str) -> Result<(), Failure> {
        let conf = self.conf;
        let of = |section: &Section| {
            section.get("parent").filter(|name| conf.snapshots.contains_key(*name)) == parent
        };
        let mut children: Vec<_> = conf.snapshots.iter().filter(|(_, section)| of(section)).collect();
        children.sort_by_key(|(_, section)| section.number("snaptime"));
        for (name, section) in children {
            let description = section.description.lines().next_back().unwrap_or("no-description");
            self.line(prefix, name, &time(section)?, description);
            self.branch(Some(name), &format!(" {prefix}"))?;
        }
        if of(&conf.main) {
            self.line(prefix, "current", "", "You are here!");
        }
        Ok(())
    }

    fn line(&mut self, prefix: &str, name: &str, time: &str, description: &str) {
        let width = 30_usize.saturating_sub(prefix.len());
        self.text.push_str(&format!("{prefix} {name:<width$} {time:<23} {description}\n"));
    }
}

/// When a snapshot was taken, in the host's time.
fn time(section: &Section) -> Result<String, Failure> {
    let Some(seconds) = section.number("snaptime") else { return Ok(String::new()) };
    let output = Command::new("date").args(["-d", &format!("@{seconds}"), "+%F %H:%M:%S"]).output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}
