//! What can be done to a container that lives, and what it tells: freezing, limits, figures, events.

mod limits;
mod memory;
mod pausing;
mod statistics;

use crate::text;
use nexcage_tests::{Bundle, Config, Container, Sandbox};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// A container that has said `up`.
fn started<'s>(sandbox: &'s Sandbox, bundle: &Bundle) -> Container<'s> {
    let mut container = sandbox.start(bundle);
    assert_eq!(container.line(), "up");
    container
}

/// A bundle with resources.
fn limited(sandbox: &Sandbox, config: &Config, resources: &Value) -> Bundle {
    let bundle = sandbox.bundle(config);
    let mut text: Value = serde_json::from_slice(&fs::read(bundle.config()).unwrap()).unwrap();
    text["linux"]["resources"] = resources.clone();
    fs::write(bundle.config(), text.to_string()).unwrap();
    bundle
}

/// A limit as it is in one of the versions of cgroups.
#[derive(Clone, Copy)]
struct Limit {
    controller: &'static str,
    /// The file and what is in it, of version 1 and 2.
    files: [&'static str; 2],
}

const MEMORY: Limit = Limit { controller: "memory", files: ["memory.limit_in_bytes", "memory.max"] };
const PIDS: Limit = Limit { controller: "pids", files: ["pids.max", "pids.max"] };
const SHARES: Limit = Limit { controller: "cpu", files: ["cpu.shares", "cpu.weight"] };
const QUOTA: Limit = Limit { controller: "cpu", files: ["cpu.cfs_quota_us", "cpu.max"] };

impl Limit {
    /// Its value for a container, and the version that it is of. The cgroup of the limits may be above
    /// that of the process.
    fn of(self, container: &Container<'_>) -> (String, usize) {
        let cgroups = fs::read_to_string(format!("/proc/{}/cgroup", container.pid())).unwrap();
        let line = |is: &dyn Fn(&str) -> bool| {
            let mut fields = cgroups.lines().map(|line| line.splitn(3, ':').collect::<Vec<_>>());
            fields.find(|fields| is(fields[1])).map(|fields| fields[2].trim_start_matches('/').to_owned())
        };
        let (root, path, version) = match line(&|names| names.split(',').any(|name| name == self.controller))
        {
            Some(path) => (PathBuf::from("/sys/fs/cgroup").join(self.controller), path, 0),
            None => (PathBuf::from("/sys/fs/cgroup"), line(&str::is_empty).unwrap(), 1),
        };
        let lowest = root.join(path);
        // LXC has the processes in a cgroup below, if it was asked for that.
        let own = if lowest.ends_with("ns") { lowest.parent().map(Path::to_owned).unwrap() } else { lowest };
        let file = own.join(self.files[version]);
        let value = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        (value.trim().to_owned(), version)
    }

    #[track_caller]
    fn check(self, container: &Container<'_>, expected: [&str; 2]) {
        let (value, version) = self.of(container);
        assert_eq!(value, expected[version], "{}", self.files[version]);
    }
}

#[test]
fn processes_are_shown_as_ps_has_them_and_by_pid() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::script("sleep 1234 & echo up; read line"));
    let container = started(&sandbox, &bundle);
    let ps = |words: &[&str]| {
        let output = sandbox.nexcage("ps").args(words).output();
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let table = ps(&[&container.id]);
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines.len() == 3 && lines[0].contains("PID") && table.contains("sleep 1234"), "{table}");
    let pids: Vec<i32> = serde_json::from_str(&ps(&["--format", "json", &container.id])).unwrap();
    assert!(pids.len() == 2 && pids.contains(&container.pid()), "{pids:?}");
    let wide = ps(&[&container.id, "-eo", "pid,comm"]);
    assert!(wide.lines().count() == 3 && wide.contains("sleep"), "{wide}");
    let output = sandbox.nexcage("ps").args([&container.id, "-eo", "comm"]).output();
    assert_eq!(output.status.code(), Some(1), "without PID nothing can be chosen");
    container.remove();
}

#[test]
fn logs_are_what_lxc_and_the_shim_said() {
    let sandbox = Sandbox::new();
    let mut config: Value = serde_json::from_str("{}").unwrap();
    config["poststart"] = serde_json::json!([{"path": "/bin/false"}]);
    let bundle = sandbox.bundle(&Config::script("echo up; read line"));
    let mut document: Value = serde_json::from_slice(&fs::read(bundle.config()).unwrap()).unwrap();
    document["hooks"] = config;
    fs::write(bundle.config(), document.to_string()).unwrap();
    let container = started(&sandbox, &bundle);
    let said = text(&container.verb("logs").assert().code(0).get_output().stdout);
    assert!(said.contains("/bin/false") && !said.contains("up\n"), "{said}");
    container.remove();
}
