//! `fidelity PROBE lxc|pct|both [NAME]`: the test as a program, started by `cargo xtask fidelity`.

use nexcage_fidelity::{Case, Reasons, Report, cases, compare};
use nexcage_tests::Backend;
use std::env;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

/// Where it exists, all controllers are those of cgroup v2.
const UNIFIED: &str = "/sys/fs/cgroup/cgroup.controllers";

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (probe, backends, name) = match words[..] {
        [probe, backend] => (probe, backend, None),
        [probe, backend, name] => (probe, backend, Some(name)),
        _ => return failed("expected PROBE lxc|pct|both [NAME]"),
    };
    let backends: &[Backend] = match backends {
        "lxc" => &[Backend::Lxc],
        "pct" => &[Backend::Pct],
        "both" => &[Backend::Lxc, Backend::Pct],
        other => return failed(&format!("{other}: expected lxc, pct or both")),
    };
    let all = match cases() {
        Ok(cases) => cases,
        Err(error) => return failed(&format!("recordings of engines: {error}")),
    };
    let chosen: Vec<Case> =
        all.into_iter().filter(|case| name.is_none_or(|name| case.name.contains(name))).collect();
    if chosen.is_empty() {
        return failed("no bundle has that name");
    }
    let reasons = Reasons::listed();
    let show = |report: &Report| say(&report.text(name.is_some()));
    let score = compare(chosen, backends, Path::new(probe), &reasons, show);
    // Reasons of bundles that were not run, or of one backend, are not wrong.
    let unused = if name.is_none() && backends.len() == 2 { reasons.unused() } else { Vec::new() };
    for line in &unused {
        say(&format!("reasons.txt: no such difference: {line}"));
    }
    say(score.to_string().trim_end());
    if score.unexplained() == 0 && unused.is_empty() {
        return ExitCode::SUCCESS;
    }
    if Path::new(UNIFIED).exists() {
        say("NOT JUDGED: reasons.txt is of hosts with cgroup v1; here what differs may be the host's");
        return ExitCode::SUCCESS;
    }
    ExitCode::FAILURE
}

/// A reader that has gone away does not stop the work.
fn say(text: &str) {
    if !text.is_empty() {
        drop(writeln!(io::stdout().lock(), "{text}"));
    }
}

fn failed(message: &str) -> ExitCode {
    drop(writeln!(io::stderr().lock(), "fidelity: {message}"));
    ExitCode::from(2)
}
