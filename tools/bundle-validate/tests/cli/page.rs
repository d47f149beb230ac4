//! The examples of the man page do what they say.

use super::{VALID, make};
use std::path::Path;
use std::process::Command;

/// The commands of the section EXAMPLES, as a reader would type them.
fn commands(page: &str) -> Vec<String> {
    let examples = page.split(".Sh EXAMPLES").nth(1).unwrap().split(".Sh ").next().unwrap();
    let commands = examples.lines().filter_map(|line| line.strip_prefix(".Dl $ "));
    commands.map(|command| command.replace("\\(dq", "\"")).collect()
}

#[test]
fn every_example_runs() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../man/bundle-validate.1");
    let commands = commands(&std::fs::read_to_string(&page).unwrap());
    assert!(commands.len() >= 10, "{commands:?}");
    let place = tempfile::tempdir().unwrap();
    make(&place, "bundle", VALID);
    make(&place, "bundles/good", VALID);
    make(&place, "bundles/bad", &VALID.replace("\"/\"", "\"tmp\""));
    let program = assert_cmd::cargo::cargo_bin("bundle-validate");
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    for command in &commands {
        let output = Command::new("sh").args(["-c", command]).current_dir(&place).env("PATH", &path).output();
        let output = output.unwrap();
        let (text, stderr) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(stderr, "", "{command}");
        // Over all bundles the bad one is found, unless it shall not be told.
        let told = command.contains("bundles") && !command.contains("known.txt") && !command.contains('|');
        assert_eq!(output.status.code(), Some(i32::from(told)), "{command}: {text}");
        if command.contains('|') {
            assert_eq!(text, "/process/cwd\n", "{command}");
        }
    }
    for (file, needle) in
        [("results.sarif", "\"ruleId\":\"OCI-P2\""), ("report.xml", "<failure "), ("known.txt", "OCI-P2")]
    {
        let text = std::fs::read_to_string(place.path().join(file)).unwrap();
        assert!(text.contains(needle), "{file}: {text}");
    }
}
