//! One run of a case: facts from the probe, from its hooks, and from the host.

use crate::facts::{Facts, Mask};
use crate::scene::Scene;
use crate::{Case, cgroups};
use nexcage_tests::{Backend, Sandbox};
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Output;

/// Who runs the bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runtime {
    /// The reference.
    Runc,
    /// Ours.
    Nexcage(Backend),
}

/// What was seen of a run.
#[derive(Debug, Clone)]
pub struct Observed {
    /// By name.
    pub facts: Facts,
    /// What the runtime said on stderr.
    pub diagnostics: String,
}

impl Observed {
    /// Whether the probe ran to its end.
    #[must_use]
    pub fn ran(&self) -> bool {
        self.facts.get("run.outcome").is_some_and(|outcome| outcome == "ran")
    }
}

/// The host's name, which LXC changes if it is told a name and no namespace for it.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";

/// Runs a case.
///
/// # Panics
/// The scene cannot be set.
#[must_use]
pub fn observe(case: &Case, runtime: Runtime, probe: &Path) -> Observed {
    let sandbox = match runtime {
        Runtime::Runc => Sandbox::on(Backend::Lxc),
        Runtime::Nexcage(backend) => Sandbox::on(backend),
    };
    let scene = Scene::new(case, &sandbox, probe);
    let scene = scene.unwrap_or_else(|error| panic!("{}: the scene: {error}", case.name));
    let mask = scene.mask(&sandbox);
    let mut run = match runtime {
        Runtime::Runc => sandbox.runc(&scene.bundle),
        Runtime::Nexcage(_) => sandbox.run_as(&format!("{}-run", sandbox.namespace()), &scene.bundle),
    };
    if let Some((rows, columns)) = case.terminal {
        run = run.through([
            probe.as_os_str(),
            "pty".as_ref(),
            rows.to_string().as_ref(),
            columns.to_string().as_ref(),
        ]);
    }
    let name = fs::read(HOST_NAME).unwrap_or_default();
    let mut running = run.start();
    let mut lines = Vec::new();
    let ran = loop {
        match running.line() {
            line if line.is_empty() => break false,
            line if line.trim_end() == "end=" => break true,
            line => lines.push(line),
        }
    };
    let mut facts = Facts::new();
    if ran {
        let namespaces = Namespaces::new(&scene);
        for line in &lines {
            let (name, value) = line.trim_end().split_once('=').unwrap_or((line, "not a fact"));
            let value = mask.text(&settled(name, value, &namespaces));
            facts.insert(mask.text(name), value);
        }
        host(case, &scene, &mask, &mut facts);
    }
    let output = running.wait();
    ended(ran, &output, &mut facts);
    hooks(&scene, &mask, &mut facts);
    let renamed = fs::read(HOST_NAME).is_ok_and(|now| now != name);
    if renamed {
        drop(fs::write(HOST_NAME, name));
    }
    facts.insert("left.host_name".to_owned(), if renamed { "changed" } else { "as before" }.to_owned());
    left(&sandbox, &scene, runtime, &mut facts);
    Observed { facts, diagnostics: mask.text(&String::from_utf8_lossy(&output.stderr)) }
}

/// Ids of namespaces, for comparison.
struct Namespaces<'a>(&'a Scene);

impl<'a> Namespaces<'a> {
    fn new(scene: &'a Scene) -> Self {
        Namespaces(scene)
    }

    fn whose(&self, kind: &str, id: &str) -> String {
        let own = fs::read_link(format!("/proc/self/ns/{kind}")).unwrap_or_default();
        let held =
            self.0.holder.as_ref().and_then(|holder| fs::read_link(holder.namespaces().join(kind)).ok());
        match id {
            id if own.to_string_lossy() == id => "the host's".to_owned(),
            id if held.is_some_and(|held| held.to_string_lossy() == id) => "the one given".to_owned(),
            id if id.contains(":[") => "new".to_owned(),
            other => other.to_owned(),
        }
    }
}

/// Namespaces and clocks, as they are to the host's.
fn settled(name: &str, value: &str, namespaces: &Namespaces<'_>) -> String {
    if let Some((_, kind)) =
        name.rsplit_once("ns.").filter(|(head, _)| head.is_empty() || head.ends_with('.'))
    {
        return namespaces.whose(kind, value);
    }
    let clock = match name {
        "clock.monotonic" => ClockId::Monotonic,
        "clock.boottime" => ClockId::Boottime,
        _ => return value.to_owned(),
    };
    let Ok(inside) = value.parse::<i64>() else { return value.to_owned() };
    // A run takes a second or two at most.
    let ahead = (inside - clock_gettime(clock).tv_sec + 30).div_euclid(60) * 60;
    format!("{ahead} seconds ahead, to the minute")
}

/// What only the host sees.
fn host(case: &Case, scene: &Scene, mask: &Mask, facts: &mut Facts) {
    let Some(pid) = cgroups::process_of(&scene.bundle.rootfs().join("fidelity")) else {
        facts.insert("host.process".to_owned(), "not found".to_owned());
        return;
    };
    for file in &case.cgroup {
        facts.insert(format!("limits.{file}"), mask.text(&cgroups::value(pid, file)));
    }
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    for line in status.lines().filter(|line| line.starts_with("Uid:") || line.starts_with("Gid:")) {
        if let Some((name, value)) = line.split_once(":\t") {
            facts.insert(format!("host.{name}"), value.replace('\t', " "));
        }
    }
}

fn ended(ran: bool, output: &Output, facts: &mut Facts) {
    facts.insert("run.outcome".to_owned(), if ran { "ran" } else { "did not run" }.to_owned());
    let status = output.status.code().unwrap_or(128 + output.status.signal().unwrap_or(0));
    facts.insert(if ran { "exit.status" } else { "exit.failure" }.to_owned(), status.to_string());
}

/// The files that hooks have written.
fn hooks(scene: &Scene, mask: &Mask, facts: &mut Facts) {
    let namespaces = Namespaces::new(scene);
    let mut entries: Vec<_> = fs::read_dir(scene.scratch.join("hooks"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap_or_default();
        if name == "order" {
            facts.insert("hooks.order".to_owned(), text.trim().replace('\n', " "));
        } else if let Some(hook) = name.strip_suffix(".state") {
            match serde_json::from_str(&text) {
                Ok(state) => flatten(&format!("hook.{hook}.state"), &state, mask, facts),
                Err(error) => drop(facts.insert(format!("hook.{hook}.state"), error.to_string())),
            }
        } else {
            for line in text.lines() {
                let (fact, value) = line.split_once('=').unwrap_or((line, ""));
                facts.insert(format!("hook.{name}.{fact}"), mask.text(&settled(fact, value, &namespaces)));
            }
        }
    }
}

/// A fact for each leaf; the pid is one or none.
fn flatten(name: &str, value: &Value, mask: &Mask, facts: &mut Facts) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(key, value)| flatten(&format!("{name}.{key}"), value, mask, facts));
        }
        Value::Number(number) if name.ends_with(".pid") => {
            let pid = number.as_i64().unwrap_or(-1);
            facts.insert(name.to_owned(), if pid > 1 { "a pid".to_owned() } else { pid.to_string() });
        }
        Value::String(text) => drop(facts.insert(name.to_owned(), mask.text(text))),
        other => drop(facts.insert(name.to_owned(), other.to_string())),
    }
}

/// What is in the image and on the machine afterwards; the machine is cleared of it.
fn left(sandbox: &Sandbox, scene: &Scene, runtime: Runtime, facts: &mut Facts) {
    for path in scene.added() {
        let kind = fs::symlink_metadata(scene.bundle.rootfs().join(&path));
        let kind = kind.map_or("gone", |data| if data.is_dir() { "directory" } else { "file" });
        facts.insert(format!("image.added.{}", path.display()), kind.to_owned());
    }
    let cgroups = cgroups::named(sandbox.namespace());
    if runtime != Runtime::Runc {
        let traces = sandbox.traces();
        let mut left = traces.to_string();
        for cgroup in &cgroups {
            left.push_str(&format!("cgroup {}\n", cgroup.display()));
        }
        if !left.is_empty() {
            sandbox.clear();
        }
        facts.insert("left.behind".to_owned(), left.trim().replace('\n', "; "));
    } else {
        // What it leaves of a cgroup path's parents is no measure.
        facts.insert("left.behind".to_owned(), String::new());
    }
    for cgroup in cgroups {
        drop(fs::remove_dir(cgroup));
    }
}
