//! `list` in its forms.

use super::waiting;
use crate::text;
use nexcage_tests::Sandbox;
use serde_json::Value;

#[test]
fn containers_are_listed_as_a_table_as_json_and_by_id() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&waiting());
    let list = |words: &[&str]| {
        let output = sandbox.nexcage("list").args(words).assert().code(0).stderr("").get_output().clone();
        text(&output.stdout)
    };
    assert_eq!((list(&["-q"]).as_str(), list(&["--format", "json"]).trim()), ("", "[]"));
    assert_eq!(list(&[]).lines().count(), 1, "the heading");
    let created = sandbox.hold(sandbox.making_as("one", "create", &bundle));
    let running = sandbox.hold(sandbox.making_as("two", "run", &bundle).arg("-d"));
    let stopped = sandbox.hold(sandbox.making_as("three", "run", &bundle).arg("-d"));
    stopped.kill("KILL");
    stopped.await_status("stopped");
    let mut ids: Vec<String> = list(&["-q"]).lines().map(str::to_owned).collect();
    ids.sort();
    assert_eq!(ids, ["one", "three", "two"]);
    let json: Vec<Value> = serde_json::from_str(&list(&["-f", "json"])).unwrap();
    assert_eq!(json.len(), 3);
    for container in [&created, &running, &stopped] {
        let listed = json.iter().find(|listed| listed["id"] == *container.id).unwrap();
        assert_eq!(*listed, container.state());
    }
    let table = list(&[]);
    let headings: Vec<&str> = table.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(headings, ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]);
    for (id, status) in [("one", "created"), ("two", "running"), ("three", "stopped")] {
        let words: Vec<&str> = table
            .lines()
            .map(|line| line.split_whitespace().collect())
            .find(|words: &Vec<&str>| words[0] == id)
            .unwrap();
        assert_eq!((words[2], words[3]), (status, bundle.path().to_str().unwrap()), "{table}");
        assert_eq!(words[1] == "0", status == "stopped", "{table}");
    }
    created.remove();
    running.remove();
    stopped.delete();
    assert_eq!(list(&["-q"]), "");
}
