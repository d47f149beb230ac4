//! Every way in which the real `pct start` was seen to fail.

use super::foreign::Foreign;
use super::{failure, node, sandbox};
use nexcage_tests::{Config, FIRST_VMID};
use pct_stand_in::Fault;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;

/// The distinct failures of `pct start` in the recordings: the name of the first of each.
fn recorded(recordings: &[Value]) -> BTreeMap<(String, String, u8), String> {
    let mut failures = BTreeMap::new();
    for recording in recordings {
        let argv: Vec<&str> = recording["argv"].as_array().unwrap().iter().flat_map(Value::as_str).collect();
        let status = recording["exit"].as_u64().and_then(|status| u8::try_from(status).ok()).unwrap_or(0);
        if argv.starts_with(&["pct", "start"]) && status != 0 {
            let [name, stdout, stderr] =
                ["name", "stdout", "stderr"].map(|key| recording[key].as_str().unwrap().to_owned());
            failures.entry((stdout, stderr, status)).or_insert(name);
        }
    }
    failures
}

#[test]
fn each_is_told_in_pct_s_own_words_and_leaves_nothing() {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/facts/pct-transcripts/transcripts.json");
    let Ok(recordings) = fs::read(&file) else {
        // The recordings stand beside the repository, so a bare checkout has none. Written past the
        // test harness, which would swallow it.
        let notice = format!("NOT RUN: there are no recordings at {}\n", file.display());
        std::io::stderr().write_all(notice.as_bytes()).unwrap();
        return;
    };
    let recordings: Vec<Value> = serde_json::from_slice(&recordings).unwrap();
    let failures = recorded(&recordings);
    assert!(failures.len() > 10, "only {} recordings of failing starts", failures.len());
    let sandbox = sandbox();
    let bundle = sandbox.bundle(&Config::script("exit 0"));
    let mut without_hint = Vec::new();
    for ((stdout, stderr, status), name) in failures {
        let foreign = Foreign::make(node(&sandbox), FIRST_VMID);
        let last = stderr.trim_end().lines().last().unwrap_or_default().to_owned();
        node(&sandbox).set_fault(Some(&Fault::Fail { stdout, stderr, status })).unwrap();
        let code = match &*last {
            lock if lock.contains("is locked (") || lock.contains("can't lock file") => "NX-CT-LOCKED",
            storage if storage.starts_with("storage '") => "NX-STORAGE",
            _ => "NX-PCT-START",
        };
        let message = failure(sandbox.run(&bundle), code);
        assert!(message.contains(&last), "{name}: no {last:?} in: {message}");
        if !message.contains("hint: ") {
            without_hint.push(format!("{name}: {message}"));
        }
        foreign.remove();
        sandbox.assert_nothing_left();
    }
    assert!(without_hint.is_empty(), "without a hint:\n{}", without_hint.concat());
}
