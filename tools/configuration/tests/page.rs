//! nexcage.json(5) says what the table of keys says, and its example is one.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use nexcage_cli::causes;
use nexcage_configuration::{Configuration, FILE, KEYS, Key, Vmids};
use std::path::Path;

const PAGE: &str = include_str!("../../../man/nexcage.json.5");

/// The entry that a key has in the page: a sentence a line.
fn entry(key: &Key) -> String {
    let (first, rest) = key.form.split_at(1);
    let meaning = key.meaning.replace(". ", ".\n");
    let default = key.default.unwrap_or("absent");
    format!(".It Pa {}\n{}{rest}.\n{meaning}\nDefault: {default}.\n", key.pointer, first.to_uppercase())
}

fn section(name: &str) -> &'static str {
    let start = PAGE.split(&format!(".Sh {name}\n")).nth(1).unwrap();
    start.split("\n.Sh ").next().unwrap()
}

#[test]
fn the_page_has_every_key_and_no_other() {
    for key in KEYS {
        assert!(PAGE.contains(&entry(key)), "nexcage.json.5 lacks:\n{}", entry(key));
    }
    assert_eq!(section("KEYS").lines().filter(|line| line.starts_with(".It ")).count(), KEYS.len());
}

#[test]
fn the_examples_are_what_they_say() {
    let literals = section("EXAMPLES").split(".Bd -literal -offset indent\n").skip(1);
    let literals: Vec<&str> = literals.map(|rest| rest.split(".Ed").next().unwrap()).collect();
    let [good, message] = literals[..] else { panic!("{literals:?}") };
    let configuration = Configuration::parse(Path::new(FILE), good.into()).unwrap();
    assert_eq!(configuration.pct.vmids, Vmids { first: 5000, last: 5999 });
    // The mistake that the message is about.
    let bad = good.replace("timeoutSeconds", "timeout");
    assert_eq!(causes(&Configuration::parse(Path::new(FILE), bad.into()).unwrap_err()), message.trim_end());
}
