//! What others' crates we build: their licences, those we do not want, and their sources. It reads
//! what `cargo metadata` knows and needs no network. The workspace of `tests/fuzz` is left out: nothing of
//! it is shipped, and its crates are on a machine only once somebody fuzzed there.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Licences of which one suffices.
const ALLOWED: &[&str] = &[
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "MIT",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Crates that must not come in, and why.
const BANNED: &[(&str, &str)] = &[
    ("clap", "lexopt parses our command lines"),
    ("structopt", "lexopt parses our command lines"),
    ("anyhow", "errors are enums with a code each"),
    ("eyre", "errors are enums with a code each"),
    ("tokio", "nothing here needs a runtime"),
    ("async-std", "nothing here needs a runtime"),
    ("nix", "rustix makes our system calls"),
    ("openssl", "nothing here speaks to a network"),
    ("openssl-sys", "nothing here speaks to a network"),
    ("reqwest", "nothing here speaks to a network"),
    ("lazy_static", "std has LazyLock"),
    ("once_cell", "std has OnceLock"),
    ("chrono", "humantime formats our times"),
];

/// Banned crates that tests alone may bring in.
const TOLERATED_IN_TESTS: &[&str] = &["once_cell"];

/// Our own packages that are not shipped.
const NOT_SHIPPED: &[&str] =
    &["xtask", "nexcage-tests", "nexcage-fidelity", "fidelity-probe", "pct-stand-in"];

/// Crates that are too large for a tool.
const ONLY_IN_TESTS: &[&str] = &["oci-spec", "regex", "proptest", "tempfile", "assert_cmd"];

/// What cargo answers, without a network.
fn cargo(args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO"));
    command
        .args(args)
        .args(["--locked", "--offline"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Every package that is built on Linux, for tests too.
fn packages() -> Vec<Value> {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let metadata = cargo(&["metadata", "--format-version=1", "--filter-platform", &platform]);
    let mut metadata: Value = serde_json::from_str(&metadata).unwrap();
    match metadata["packages"].take() {
        Value::Array(packages) => packages,
        other => panic!("{other}"),
    }
}

/// Names and versions of the crates that the tools are built of.
fn shipped() -> BTreeSet<(String, String)> {
    let tree = ["tree", "--edges=no-dev", "--prefix=none", "--format={p}", "--workspace"];
    let others = NOT_SHIPPED.iter().flat_map(|package| ["--exclude", package]);
    let listed = cargo(&tree.into_iter().chain(others).collect::<Vec<_>>());
    let lines = listed.lines().map(|line| line.split(' '));
    let named = lines.filter_map(|mut words| Some((words.next()?.to_owned(), words.next()?.to_owned())));
    named.collect()
}

fn name(package: &Value) -> &str {
    package["name"].as_str().unwrap()
}

/// Whether an SPDX expression of `OR`, `AND` and one level of brackets lets us use a crate.
fn is_allowed(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ");
    let mut conjuncts = Vec::new();
    for part in expression.split(" AND ") {
        conjuncts.push(part.trim_matches(['(', ')', ' ']));
    }
    conjuncts.iter().all(|part| {
        part.split(" OR ").any(|licence| ALLOWED.contains(&licence.trim_matches(['(', ')', ' '])))
    })
}

#[test]
fn every_crate_has_a_licence_that_we_allow() {
    let packages = packages();
    let wrong = packages.iter().filter(|package| !package["license"].as_str().is_some_and(is_allowed));
    let wrong: Vec<String> =
        wrong.map(|package| format!("{}: {}", name(package), package["license"])).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn expressions_are_read_as_spdx_means_them() {
    for (expression, allowed) in [
        ("MIT", true),
        ("MIT OR GPL-3.0", true),
        ("MIT/Apache-2.0", true),
        ("GPL-3.0", false),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
        ("MIT AND GPL-3.0", false),
        ("Apache-2.0 WITH LLVM-exception OR MIT", true),
    ] {
        assert_eq!(is_allowed(expression), allowed, "{expression}");
    }
}

#[test]
fn no_banned_crate_is_built() {
    let shipped = shipped();
    let is_shipped = |banned: &str| shipped.iter().any(|(name, _)| name == banned);
    let packages = packages();
    let wrong: Vec<String> = BANNED
        .iter()
        .filter(|(banned, _)| packages.iter().any(|package| name(package) == *banned))
        .filter(|(banned, _)| is_shipped(banned) || !TOLERATED_IN_TESTS.contains(banned))
        .map(|(banned, why)| format!("{banned}: {why}"))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_tool_is_built_of_what_only_tests_may_use() {
    let shipped = shipped();
    let only_in_tests = |name: &str| ONLY_IN_TESTS.contains(&name) || NOT_SHIPPED.contains(&name);
    let wrong: Vec<_> = shipped.iter().filter(|(name, _)| only_in_tests(name)).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn no_shipped_crate_is_built_in_two_versions() {
    let mut count: BTreeMap<String, u32> = BTreeMap::new();
    for (name, _) in shipped() {
        *count.entry(name).or_default() += 1;
    }
    count.retain(|_, count| *count > 1);
    assert!(count.is_empty(), "{count:?}");
}

#[test]
fn every_crate_comes_from_the_registry_or_is_ours() {
    for package in packages() {
        let registry = package["source"].as_str().is_some_and(|source| source.starts_with("registry+"));
        assert!(registry || package["source"].is_null(), "{}", package["id"]);
    }
}
