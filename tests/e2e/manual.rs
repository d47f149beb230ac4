//! The example of nexcage(7) does what it says: its lines that begin with `$` are commands.

use crate::text;
use nexcage_tests::Sandbox;
use serde_json::json;
use std::fs;
use std::path::Path;

#[test]
fn the_worked_example_runs() {
    let sandbox = Sandbox::new();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../man/nexcage.7");
    let page = fs::read_to_string(page).unwrap();
    let commands: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("$ ")).collect();
    assert!(commands.len() > 10, "{commands:?}");
    // The state directory and, on Proxmox VE, the node are the test's own.
    let configuration = fs::read_to_string(sandbox.configuration()).unwrap();
    let mut configuration: serde_json::Value = serde_json::from_str(&configuration).unwrap();
    configuration["root"] = json!(sandbox.root());
    fs::write(sandbox.configuration(), configuration.to_string()).unwrap();
    let tools = sandbox.tool_path("nexcage");
    let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", tools.parent().unwrap().display());
    // The ids are in the namespace "default", under a root of the test's own.
    let script = format!("set -e\n{}\n", commands.join("\n"));
    let script =
        script.replace("state-inspect ", &format!("state-inspect --root {} ", sandbox.root().display()));
    let run = sandbox.command("sh").args(["-c", &script]).env("PATH", path);
    let output = run.env("NEXCAGE_CONFIG", sandbox.configuration()).output();
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{shown}{}", text(&output.stderr));
    for part in ["greeter", "running"] {
        assert!(shown.contains(part), "{shown}");
    }
    assert_eq!(fs::read_to_string(sandbox.path().join("greeting")).unwrap(), "hello\n");
}
