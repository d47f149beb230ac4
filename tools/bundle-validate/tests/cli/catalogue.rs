//! `--list-rules` and `--explain`.

use super::{stdout, tool};
use serde_json::Value;

#[test]
fn every_rule_is_listed_and_can_be_explained() {
    let table = stdout(tool().arg("--list-rules"));
    let rules: Value = serde_json::from_str(&stdout(tool().args(["--list-rules", "--format=json"]))).unwrap();
    let rules = rules.as_array().unwrap();
    assert_eq!(table.lines().count(), rules.len());
    for (line, rule) in table.lines().zip(rules) {
        let mut words = line.split_whitespace();
        assert_eq!(words.next(), rule["rule"].as_str());
        assert_eq!(words.next(), rule["severity"].as_str());
        assert!(line.ends_with(rule["explanation"].as_str().unwrap()), "{line}");
    }
}

#[test]
fn an_explanation_has_the_section_and_the_examples() {
    let text = stdout(tool().args(["--explain", "OCI-P2"]));
    for needle in [
        "OCI-P2: error\nhttps://github.com/opencontainers/runtime-spec/blob/v1.3.0/config.md#process\n",
        "In every version of the specification.",
        "\nThe working directory is required and has to be an absolute path.\n",
        "\nBreaks it:\n    {\"process\": {\"cwd\": null}}\n",
        "\nDoes not:\n    {\"process\": {\"cwd\": \"/usr\"}}\n",
    ] {
        assert!(text.contains(needle), "{needle:?} is not in:\n{text}");
    }
    let object: Value =
        serde_json::from_str(&stdout(tool().args(["--explain=OCI-P2", "--format=json"]))).unwrap();
    assert_eq!((&object["since"], &object["until"]), (&"1.0.2".into(), &Value::Null));
    let text = stdout(tool().args(["--explain", "OCI-JSON-UTF8"]));
    assert!(text.contains("\\u{feff}{}"), "{text}");
}
