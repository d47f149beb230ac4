//! `bundle-validate` beside a program that only parses with oci-spec, and beside check-jsonschema.

use super::{heading, row};
use crate::build::{cargo, workspace};
use crate::error::Error;
use crate::memory;
use crate::step::{run, say};
use crate::timing::{Subject, measure};
use serde_json::{Value, json};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Most time that the validator may take for a small document, against parsing alone.
const SMALL_GOAL: f64 = 1.0;
/// Least megabytes (10⁶ bytes) a second that it may read of a large one.
const LARGE_GOAL: f64 = 200.0;
/// Most memory that it may take, in sizes of a large document.
const MEMORY_GOAL: f64 = 6.0;
/// check-jsonschema takes a quarter of a second to start, and many for a large document.
const FEW_RUNS: usize = 3;

/// The documents: what they are called, their volumes, the most runs, and whether check-jsonschema reads
/// them in bearable time.
static DOCUMENTS: &[(&str, usize, usize, Slow)] = &[
    ("small", 4, usize::MAX, Slow::Included),
    ("large", 9000, usize::MAX, Slow::Included),
    ("huge", 160_000, FEW_RUNS, Slow::LeftOut),
];

#[derive(Clone, Copy, PartialEq)]
enum Slow {
    Included,
    LeftOut,
}

pub(super) fn validate(tools: &Path, directory: &Path, runs: usize) -> Result<(), Error> {
    run(&mut cargo(["build", "--release", "--locked", "-p", "bundle-validate", "--example", PARSER]))?;
    let schema = directory.join("schema.json");
    write(&schema, &bundle_validate::rules::schema().to_string())?;
    let jsonschema = install_check_jsonschema();
    for (name, volumes, most_runs, slow) in DOCUMENTS {
        let bundle = directory.join(name);
        let size = make_bundle(&bundle, *volumes)?;
        let config = bundle.join("config.json");
        let mut ours = Command::new(tools.join("bundle-validate"));
        ours.arg(&bundle);
        let mut parser = Command::new(tools.join("examples").join(PARSER));
        parser.arg(&config);
        let mut peaks = vec![memory::peak(&ours)?, memory::peak(&parser)?];
        let mut subjects =
            vec![Subject::new("bundle-validate", ours), Subject::new("oci-spec, parse only", parser)];
        let runs = runs.min(*most_runs);
        measure(&mut subjects, runs)?;
        if let (Slow::Included, Ok(program)) = (slow, &jsonschema) {
            let mut command = Command::new(program);
            command.arg("--schemafile").arg(&schema).arg(&config);
            peaks.push(memory::peak(&command)?);
            let mut others = [Subject::new("check-jsonschema", command)];
            measure(&mut others, FEW_RUNS)?;
            subjects.extend(others);
        }
        heading(&format!("a {name} config.json, {size} bytes, {runs} runs by turns"));
        print(&subjects, &peaks, size);
        if let (Slow::Included, Err(why)) = (slow, &jsonschema) {
            say(&format!("NOT RUN: check-jsonschema: {why}"));
        }
        fs::remove_dir_all(&bundle).map_err(|source| failed(&bundle, source))?;
    }
    say(&format!(
        "goals: small, {SMALL_GOAL:.1}x of parsing; large, {LARGE_GOAL} MB/s and {MEMORY_GOAL}x the file in memory"
    ));
    Ok(())
}

const PARSER: &str = "oci_spec_parse";

#[expect(clippy::cast_precision_loss, reason = "sizes of files and processes")]
fn print(subjects: &[Subject], peaks: &[u64], size: usize) {
    let ours = subjects[0].median();
    for (subject, peak) in subjects.iter().zip(peaks) {
        let megabytes = size as f64 / 1000.0 / subject.median();
        let memory = (*peak * 1024) as f64 / size as f64;
        let ratio = ours / subject.median();
        let others = if ratio == 1.0 { String::new() } else { format!(", ours takes {ratio:.3}x of it") };
        row(subject, &format!("{megabytes:.1} MB/s, peak {peak} KiB = {memory:.1}x the file{others}"));
    }
}

/// Makes a bundle with this many volumes and rules of seccomp, written as engines do, and gives the
/// size of its document.
fn make_bundle(path: &Path, volumes: usize) -> Result<usize, Error> {
    let bin = path.join("rootfs/bin");
    fs::create_dir_all(&bin).map_err(|source| failed(&bin, source))?;
    let shell = bin.join("sh");
    fs::copy("/bin/sh", &shell).map_err(|source| failed(&shell, source))?;
    let text = format!("{:#}\n", config(volumes));
    write(&path.join("config.json"), &text)?;
    Ok(text.len())
}

fn config(volumes: usize) -> Value {
    let capabilities = ["CAP_CHOWN", "CAP_KILL", "CAP_SETGID", "CAP_SETUID"];
    let mounts = (0..volumes).map(|number| {
        json!({
            "destination": format!("/mnt/volume{number}/data"),
            "type": "bind",
            "source": format!("/srv/volumes/volume{number}/data"),
            "options": ["rbind", "rprivate", "nosuid", "nodev", "ro"],
        })
    });
    let calls =
        ["read", "write", "openat", "close", "mmap", "munmap", "brk", "fstat", "execve", "exit_group"];
    let syscalls = (0..volumes).map(|number| {
        json!({
            "names": calls,
            "action": "SCMP_ACT_ALLOW",
            "args": [{"index": number % 6, "value": number, "op": "SCMP_CMP_EQ"}],
        })
    });
    json!({
        "ociVersion": "1.2.0",
        "root": {"path": "rootfs"},
        "process": {
            "cwd": "/",
            "args": ["/bin/sh"],
            "env": ["PATH=/usr/bin:/bin", "TERM=xterm"],
            "user": {"uid": 0, "gid": 0},
            "capabilities": {"bounding": capabilities, "effective": capabilities, "permitted": capabilities},
        },
        "mounts": mounts.collect::<Vec<_>>(),
        "linux": {
            "namespaces": [{"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}],
            "maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/timer_list"],
            "readonlyPaths": ["/proc/sys", "/proc/irq"],
            "seccomp": {
                "defaultAction": "SCMP_ACT_ERRNO",
                "architectures": ["SCMP_ARCH_X86_64"],
                "syscalls": syscalls.collect::<Vec<_>>(),
            },
        },
    })
}

/// Installs check-jsonschema of PyPI apart from the system's Python, once.
///
/// # Errors
/// Why it cannot be had.
fn install_check_jsonschema() -> Result<PathBuf, Error> {
    let place = workspace().join("target/bench/python");
    let program = place.join("bin/check-jsonschema");
    if !program.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&place))?;
        run(Command::new(place.join("bin/pip")).args(["install", "--quiet", "check-jsonschema"]))?;
    }
    Ok(program)
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(|source| failed(path, source))
}

fn failed(path: &Path, source: io::Error) -> Error {
    Error::File { path: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_are_of_the_sizes_that_are_asked_for_and_valid() {
        for (volumes, least, most) in [(4, 3_400, 4_000), (9000, 5_000_000, 7_500_000)] {
            let text = format!("{:#}\n", config(volumes));
            assert!((least..most).contains(&text.len()), "{}", text.len());
            let document =
                bundle_validate::json::parse(text.into(), bundle_validate::json::Limits::default());
            let bundle = bundle_validate::Bundle::from_document(document.unwrap());
            let report = bundle_validate::validate(&bundle, &bundle_validate::Options::default());
            assert_eq!(report.human(), "");
        }
    }
}
