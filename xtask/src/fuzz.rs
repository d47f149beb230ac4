//! `cargo xtask fuzz TARGET --seconds N`: feeds a part of the product with what a fuzzer makes up,
//! guided by the code that it reaches. A target is a file in `tests/fuzz/src/bin` and a line of
//! [`TARGETS`]; nothing else has to know it.

use crate::build::{cargo, workspace};
use crate::error::Error;
use crate::packages;
use crate::step::{run, say, shown, step};
use bundle_validate::rules;
use std::env::consts::ARCH;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What can be fuzzed, and the directories of `tests/fuzz/seeds` that it starts from.
static TARGETS: &[(&str, &[&str])] =
    &[("json", &["json"]), ("task_api", &["task_api"]), ("validate", &["json", "validate"])];

/// What makes the stable compiler count which code was reached and what was compared.
const COVERAGE: [&str; 6] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "--cfg=fuzzing",
];

/// The names that can be given, for messages.
pub(crate) fn names() -> String {
    TARGETS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// Fuzzes a target for some seconds. What was learnt stays in `target/fuzz` for the next time.
///
/// # Errors
/// [`Error::Unexpected`] if an input was found that makes the target panic, hang or take too much
/// memory; it is in a file.
pub(crate) fn fuzz(target: &str, seconds: u32) -> Result<(), Error> {
    let Some((name, seeds)) = TARGETS.iter().find(|(name, _)| *name == target) else {
        return Err(Error::Unexpected(format!("no target {target}: there are {}", names())));
    };
    // libFuzzer is C++.
    packages::require(&[("c++", "g++")])?;
    let place = workspace().join("target/fuzz");
    let mut binary = PathBuf::new();
    step(&format!("build of {name} with counters"), || {
        binary = build(name, &place.join("build"))?;
        Ok(())
    })?;
    let place = place.join(name);
    let [corpus, examples, crashes] = ["corpus", "examples", "crashes"].map(|child| place.join(child));
    for directory in [&corpus, &examples, &crashes] {
        fs::create_dir_all(directory).map_err(|source| failed(directory, source))?;
    }
    write_examples(&examples)?;
    let log = place.join("log");
    let mut fuzzer = Command::new(binary);
    let seeds = seeds.iter().map(|seeds| workspace().join("tests/fuzz/seeds").join(seeds));
    fuzzer
        .arg(format!("-max_total_time={seconds}"))
        .args(["-timeout=10", "-rss_limit_mb=1024", "-max_len=16384", "-print_final_stats=1"])
        .arg(prefixed("-artifact_prefix=", &crashes.join("")))
        .arg(&corpus)
        .args(seeds)
        .arg(&examples);
    say(&format!("$ {}", shown(&fuzzer)));
    let text = fs::File::create(&log).map_err(|source| failed(&log, source))?;
    let status = fuzzer.stdin(Stdio::null()).stdout(Stdio::null()).stderr(text).status();
    let status = status.map_err(|source| Error::Start { program: shown(&fuzzer), source })?;
    let bytes = fs::read(&log).map_err(|source| failed(&log, source))?;
    let text = String::from_utf8_lossy(&bytes);
    summary(&text).for_each(say);
    if status.success() {
        say("no finding");
        return Ok(());
    }
    let finding =
        text.lines().find(|line| line.starts_with("Test unit written to ")).unwrap_or("no input kept");
    Err(Error::Unexpected(format!("{name}: {status}; {finding}; see {}", log.display())))
}

/// The lines of libFuzzer's log that say how much was done.
fn summary(log: &str) -> impl Iterator<Item = &str> {
    let last = log.lines().rfind(|line| line.contains(" cov: "));
    last.into_iter().chain(log.lines().filter(|line| line.starts_with("Done ") || line.starts_with("stat::")))
}

/// Builds a target and gives its binary. The host is named so that build scripts and macros, which
/// run while building, are left without counters.
fn build(name: &str, directory: &Path) -> Result<PathBuf, Error> {
    let host = format!("{ARCH}-unknown-linux-gnu");
    let mut build = cargo(["build", "--release", "--locked", "--bin", name, "--target", &host]);
    build
        .arg("--manifest-path")
        .arg(workspace().join("tests/fuzz/Cargo.toml"))
        .arg("--target-dir")
        .arg(directory)
        .env("CARGO_ENCODED_RUSTFLAGS", COVERAGE.join("\u{1f}"));
    run(&mut build)?;
    Ok(directory.join(host).join("release").join(name))
}

/// The examples of the validator's rules, as inputs to start from.
fn write_examples(directory: &Path) -> Result<(), Error> {
    for rule in rules::all() {
        for (index, example) in rule.bad.iter().chain(rule.good).enumerate() {
            let path = directory.join(format!("{}-{index}", rule.id));
            fs::write(&path, example).map_err(|source| failed(&path, source))?;
        }
    }
    Ok(())
}

fn prefixed(option: &str, path: &Path) -> OsString {
    let mut text = OsString::from(option);
    text.push(path);
    text
}

fn failed(path: &Path, source: io::Error) -> Error {
    Error::File { path: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_a_file_and_seeds_and_every_file_is_a_target() {
        let crate_directory = workspace().join("tests/fuzz");
        let files = fs::read_dir(crate_directory.join("src/bin")).unwrap();
        let mut found: Vec<String> = files
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        found.sort();
        assert_eq!(found.join(", "), names());
        for directory in TARGETS.iter().flat_map(|(_, seeds)| *seeds) {
            let seeds = fs::read_dir(crate_directory.join("seeds").join(directory)).unwrap();
            assert!((1..100).contains(&seeds.count()), "{directory}");
        }
    }

    #[test]
    fn the_numbers_are_found_in_the_log() {
        let log =
            "#2\tINITED cov: 5 ft: 6\n#9\tNEW    cov: 7 ft: 8\nDone 9 runs in 1 second(s)\nstat::x: 3\n";
        let lines: Vec<&str> = summary(log).collect();
        assert_eq!(lines, ["#9\tNEW    cov: 7 ft: 8", "Done 9 runs in 1 second(s)", "stat::x: 3"]);
    }

    #[test]
    fn a_target_that_is_not_there_is_told() {
        assert!(fuzz("nothing", 1).unwrap_err().to_string().contains("json"));
    }
}
