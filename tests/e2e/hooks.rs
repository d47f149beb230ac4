//! Hooks: when they run, what they are told, and what becomes of their failures.

use crate::text;
use nexcage_tests::{Bundle, Config, Sandbox};
use oci_spec::runtime::Mount;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

const KINDS: [&str; 6] =
    ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];

/// Makes a bundle with hooks, which `Config` has no words for.
fn bundle(sandbox: &Sandbox, config: &Config, hooks: &Value) -> Bundle {
    let bundle = sandbox.bundle(config);
    let mut text: Value = serde_json::from_slice(&fs::read(bundle.config()).unwrap()).unwrap();
    text["hooks"] = hooks.clone();
    text["annotations"] = json!({"key": "value"});
    fs::write(bundle.config(), text.to_string()).unwrap();
    bundle
}

fn shell(script: &str, words: &[&Path]) -> Value {
    let mut args: Vec<String> = ["sh", "-c", script, "sh"].map(str::to_owned).to_vec();
    args.extend(words.iter().map(|word| word.display().to_string()));
    json!({"path": "/bin/sh", "args": args, "env": ["PATH=/bin:/usr/bin"]})
}

fn log(sandbox: &Sandbox) -> PathBuf {
    let log = sandbox.path().join("log");
    fs::write(&log, "").unwrap();
    log
}

/// A hook of each kind that notes its name; inside the container it writes to a bound file.
fn noting(kind: &str, log: &Path) -> Value {
    let inside = kind == "startContainer";
    let log = if inside { Path::new("/log") } else { log };
    shell(&format!("echo {kind} >> \"$1\""), &[log])
}

fn noted(log: &Path) -> Vec<String> {
    fs::read_to_string(log).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn every_kind_runs_at_its_time() {
    let sandbox = Sandbox::new();
    let log = log(&sandbox);
    let hooks: Value = KINDS.iter().map(|kind| (kind.to_string(), json!([noting(kind, &log)]))).collect();
    let script = "until grep -q poststart /log; do sleep 0.01; done; echo process >> /log; exit 3";
    let bundle = bundle(&sandbox, &Config::script(script).bind(&log, "/log"), &hooks);
    sandbox.run(&bundle).assert().code(3).stderr("");
    let order = [
        "prestart",
        "createRuntime",
        "createContainer",
        "startContainer",
        "poststart",
        "process",
        "poststop",
    ];
    assert_eq!(noted(&log), order);
}

#[test]
fn a_hook_is_told_the_state_and_is_in_its_namespaces() {
    let sandbox = Sandbox::new();
    let log = log(&sandbox);
    let note = |kind: &str| {
        let log = if kind == "startContainer" { Path::new("/log") } else { &*log };
        let script = "state=$(cat); pid=$(readlink /proc/self/ns/uts); \
            { echo \"$0 $A $(readlink /proc/self/ns/mnt) $(hostname)\"; echo \"$state\"; } >> \"$1\"";
        let mut hook = shell(script, &[log]);
        hook["env"] = json!(["PATH=/bin:/usr/bin", format!("A={kind}")]);
        hook
    };
    let hooks: Value = KINDS.iter().map(|kind| (kind.to_string(), json!([note(kind)]))).collect();
    let config = Config::script("until grep -q poststart /log; do sleep 0.01; done").bind(&log, "/log");
    let bundle = bundle(&sandbox, &config, &hooks);
    sandbox.run_as("c", &bundle).assert().code(0).stderr("");
    let lines = noted(&log);
    let own = fs::read_link("/proc/self/ns/mnt").unwrap().display().to_string();
    let expected = [
        ("creating", true),
        ("creating", true),
        ("creating", false),
        ("created", false),
        ("running", true),
        ("stopped", true),
    ];
    assert_eq!(lines.len(), 12, "{lines:?}");
    for ((pair, kind), (status, on_host)) in lines.chunks(2).zip(KINDS).zip(expected) {
        let words: Vec<&str> = pair[0].split(' ').collect();
        assert_eq!(words[..2], ["sh", kind]);
        assert_eq!((words[2] == own, words[3] == "box"), (on_host, !on_host), "{kind}");
        let state: Value = serde_json::from_str(&pair[1]).unwrap();
        assert_eq!((&state["id"], &state["status"]), (&json!("c"), &json!(status)), "{kind}");
        assert_eq!(state["bundle"], json!(bundle.path()));
        assert_eq!(state["annotations"], json!({"key": "value"}));
        match (kind, on_host) {
            ("poststop", _) => assert_eq!(state.get("pid"), None),
            (_, true) => assert!(state["pid"].as_i64().unwrap() > 1),
            (_, false) => assert_eq!(state["pid"], json!(1), "{kind}"),
        }
    }
}

#[test]
fn argv_and_environment_are_exact() {
    let sandbox = Sandbox::new();
    let out = sandbox.path().join("out");
    let script = format!(
        "tr '\\0' '|' < /proc/self/environ > {0}; tr '\\0' '|' < /proc/$$/cmdline >> {0}",
        out.display()
    );
    let hook =
        json!({"path": "/bin/sh", "args": ["other name", "-c", script, "", "a b"], "env": ["A=", "B=c=d"]});
    let bundle = bundle(&sandbox, &Config::script("exit 0"), &json!({"createRuntime": [hook]}));
    sandbox.run(&bundle).assert().code(0).stderr("");
    let seen = fs::read_to_string(&out).unwrap();
    // The shell's own child says it.
    assert!(seen.starts_with("A=|B=c=d|"), "{seen}");
    assert!(seen.contains("other name|-c|") && seen.ends_with("||a b|"), "{seen}");
}

#[test]
fn a_failure_before_the_process_ends_the_container_and_poststop_still_runs() {
    for kind in ["prestart", "createRuntime", "createContainer", "startContainer"] {
        let sandbox = Sandbox::new();
        let log = log(&sandbox);
        let bad = shell("echo too bad; echo worse >&2; exit 7", &[]);
        let hooks = json!({kind: [bad, noting(kind, &log)], "poststop": [noting("poststop", &log)]});
        let config = Config::script("echo process >> /log").bind(&log, "/log");
        let output = sandbox.run(&bundle(&sandbox, &config, &hooks)).output();
        let message = text(&output.stderr);
        assert_eq!((output.status.code(), message.lines().count()), (Some(125), 1), "{kind}: {message}");
        let pointer = format!("/hooks/{kind}/0");
        for part in ["NX-HOOK", "/bin/sh ended with status 7", "too bad\\nworse", &pointer] {
            assert!(message.contains(part), "no {part}: {message}");
        }
        assert_eq!(noted(&log), ["poststop"], "{kind}");
        sandbox.assert_nothing_left();
    }
}

#[test]
fn a_failure_after_the_process_is_only_told() {
    let sandbox = Sandbox::new();
    let log = log(&sandbox);
    let bad = shell("exit 7", &[]);
    let hooks = json!({"poststart": [bad], "poststop": [bad, noting("second", &log)]});
    let bundle = bundle(&sandbox, &Config::script("sleep 0.2; exit 4"), &hooks);
    let output = sandbox.run(&bundle).output();
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{message}");
    for pointer in ["/hooks/poststart/0", "/hooks/poststop/0"] {
        assert!(message.contains(pointer), "{message}");
    }
    assert_eq!(noted(&log), ["second"]);
}

#[test]
fn a_hook_that_takes_too_long_is_killed_with_its_children() {
    let sandbox = Sandbox::new();
    let mut slow = shell("sleep 77.7 & sleep 77.7", &[]);
    slow["timeout"] = json!(1);
    let bundle = bundle(&sandbox, &Config::script("exit 0"), &json!({"createContainer": [slow]}));
    let output = sandbox.run(&bundle).output();
    let message = text(&output.stderr);
    assert!(message.contains("NX-HOOK") && message.contains("longer than 1 s"), "{message}");
    let left = sandbox.command("pgrep").args(["-f", "^sleep 77.7"]).output();
    assert_eq!(text(&left.stdout), "");
}

#[test]
fn a_hook_in_the_container_has_the_process_s_rights_only() {
    let sandbox = Sandbox::new();
    let log = log(&sandbox);
    let look =
        "{ id -u; grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/self/status; cat /proc/self/cgroup; } >> /log";
    let hooks = json!({"startContainer": [shell(look, &[])]});
    let config = Config::script(look).bind(&log, "/log").user(1000, 1000);
    let bundle = bundle(&sandbox, &config, &hooks);
    sandbox.command("chmod").arg("666").arg(&log).assert().code(0);
    sandbox.run(&bundle).assert().code(0).stderr("");
    let lines = noted(&log);
    let (hook, process) = lines.split_at(lines.len() / 2);
    assert_eq!(hook, process);
}

#[test]
fn nothing_that_the_caller_has_open_reaches_a_hook() {
    let sandbox = Sandbox::new();
    let log = log(&sandbox);
    let hooks: Value = KINDS
        .iter()
        .map(|kind| {
            let log = if *kind == "startContainer" { Path::new("/log") } else { &*log };
            // The directory that is read is 3.
            let look = format!("echo {kind} $(ls /proc/self/fd) >> \"$1\"");
            (kind.to_string(), json!([shell(&look, &[log])]))
        })
        .collect();
    let config = Config::script("until grep -q poststart /log; do sleep 0.01; done").bind(&log, "/log");
    let bundle = bundle(&sandbox, &config, &hooks);
    let leaking = ["/bin/sh", "-c", "exec 7</etc 9</etc/passwd; exec \"$@\"", "sh"];
    sandbox.run(&bundle).through(leaking).assert().code(0).stderr("");
    assert_eq!(noted(&log), KINDS.map(|kind| format!("{kind} 0 1 2 3")));
}

#[test]
fn a_hook_in_the_container_cannot_write_to_the_shim_s_directory() {
    let sandbox = Sandbox::new();
    let log = log(&sandbox);
    sandbox.command("chmod").arg("666").arg(&log).assert().code(0);
    let write = "{ test -f /dev/.nexcage/init && echo init; true > /dev/.nexcage/new; } >> /log 2>&1; exit 0";
    let hooks = json!({"startContainer": [shell(write, &[])]});
    let config = || Config::script("exit 0").bind(&log, "/log");
    // LXC mounts it, or nexcage-setup where there is a mount that LXC cannot make.
    let sealed = || {
        let sealed = json!({"destination": "/sealed", "type": "tmpfs", "options": ["ro"]});
        let sealed: Mount = serde_json::from_value(sealed).unwrap();
        config().edit(|spec| spec.mounts_mut().get_or_insert_default().push(sealed))
    };
    for config in [config(), config().mapped_to(100_000), sealed(), sealed().mapped_to(100_000)] {
        sandbox.run(&bundle(&sandbox, &config, &hooks)).assert().code(0).stderr("");
        let noted = noted(&log);
        assert!(noted[0] == "init" && noted[1].ends_with("Read-only file system"), "{noted:?}");
        fs::write(&log, "").unwrap();
    }
}

#[test]
fn a_signal_ends_a_hook_that_does_not_end() {
    for kind in ["prestart", "createRuntime", "createContainer", "startContainer", "poststop"] {
        let sandbox = Sandbox::new();
        let log = log(&sandbox);
        let inside = if kind == "startContainer" { Path::new("/log") } else { &*log };
        let hangs = shell("echo hangs >> \"$1\"; exec sleep 88.8", &[inside]);
        let mut hooks = json!({"poststop": [noting("poststop", &log)]});
        if kind == "poststop" {
            hooks["poststop"] = json!([hangs, noting("poststop", &log)]);
        } else {
            hooks[kind] = json!([hangs]);
        }
        let config = Config::script("exit 4").bind(&log, "/log");
        let running = sandbox.run(&bundle(&sandbox, &config, &hooks)).start();
        while noted(&log).is_empty() {
            thread::sleep(Duration::from_millis(10));
        }
        running.signal(Signal::TERM);
        let signalled = Instant::now();
        let output = running.wait();
        assert!(signalled.elapsed() < Duration::from_secs(8), "{kind}: it is waited for");
        let status = if kind == "poststop" { 4 } else { 128 + 15 };
        assert_eq!(output.status.code(), Some(status), "{kind}: {}", text(&output.stderr));
        assert_eq!(noted(&log), ["hangs", "poststop"], "{kind}");
        let left = sandbox.command("pgrep").args(["-f", "^sleep 88.8"]).output();
        assert_eq!(text(&left.stdout), "", "{kind}");
        sandbox.assert_nothing_left();
    }
}

#[test]
fn a_signal_for_the_process_does_not_wait_for_ever_for_a_hook() {
    let sandbox = Sandbox::new();
    let log = log(&sandbox);
    let hangs = shell("echo hangs >> \"$1\"; exec sleep 99.9", &[&log]);
    let config = Config::script("trap 'exit 6' TERM; while :; do sleep 0.01; done").bind(&log, "/log");
    let running = sandbox.run(&bundle(&sandbox, &config, &json!({"poststart": [hangs]}))).start();
    while noted(&log).is_empty() {
        thread::sleep(Duration::from_millis(10));
    }
    // The trap is set.
    thread::sleep(Duration::from_millis(200));
    running.signal(Signal::TERM);
    let output = running.wait();
    assert_eq!(output.status.code(), Some(6), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("was interrupted (/hooks/poststart/0)"));
}
