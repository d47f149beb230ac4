//! What real engines hand to a runtime.

use crate::bundle;
use lxc_render_config::CgroupVersion::V1;
use lxc_render_config::RenderError;
use serde_json::Value;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// What of these documents this version refuses: fields, and what the host of the test lacks.
const REFUSED: &[(&str, &str)] = &[
    ("/linux/seccomp", "not supported yet"),
    ("/hooks", "not supported yet"),
    ("/mounts/*/options/*", "tmpcopyup"),
    ("/mounts/*", "only if it is read-only too"),
    ("/linux/devices/*", "the host"),
    ("/linux/devices/*/*", "the host"),
];

/// The documents; none in a bare checkout, since they stand beside the repository.
fn corpus() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/engines");
    let Ok(entries) = fs::read_dir(&dir) else {
        // Written past the test harness, which would swallow it.
        let notice = format!("NOT RUN: there is no corpus at {}\n", dir.display());
        std::io::stderr().write_all(notice.as_bytes()).unwrap();
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The document with paths of this host in place of the engine's.
fn replaced(file: &Path, dir: &Path) -> Value {
    let mut config: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    config["root"]["path"] = "rootfs".into();
    for mount in config["mounts"].as_array_mut().unwrap() {
        if mount["type"] == "bind" {
            let is_file = mount["destination"].as_str().unwrap().contains(['.', 'h']);
            mount["source"] = dir.join(if is_file { "file" } else { "rootfs" }).to_str().unwrap().into();
        }
    }
    config
}

fn is_expected(pointer: &str, reason: &str) -> bool {
    REFUSED.iter().any(|(pattern, part)| {
        let names = pointer.split('/').count() == pattern.split('/').count();
        let fits = |(have, want): (&str, &str)| want == "*" || have == want;
        names && pointer.split('/').zip(pattern.split('/')).all(fits) && reason.contains(part)
    })
}

#[test]
fn documents_of_engines_render_or_are_refused_for_known_reasons() {
    let mut rendered = 0;
    let files = corpus();
    for file in &files {
        let dir = bundle::make(&Value::Null);
        fs::write(dir.path().join("file"), "").unwrap();
        bundle::write(dir.path(), &replaced(file, dir.path()));
        match bundle::render_in(dir.path(), V1) {
            Ok(_) => rendered += 1,
            Err(RenderError::Refused(refusals)) => {
                for refusal in refusals {
                    assert!(is_expected(&refusal.pointer, &refusal.reason), "{}: {refusal}", file.display());
                }
            }
            Err(error) => panic!("{}: {error}", file.display()),
        }
    }
    assert!(rendered >= 1 || files.is_empty(), "not one document was rendered");
}

#[test]
fn documents_of_engines_render_without_what_is_refused() {
    for file in corpus() {
        let dir = bundle::make(&Value::Null);
        fs::write(dir.path().join("file"), "").unwrap();
        let mut config = replaced(&file, dir.path());
        for (object, field) in [("", "hooks"), ("/linux", "seccomp"), ("/linux", "devices")] {
            config.pointer_mut(object).unwrap().as_object_mut().unwrap().remove(field);
        }
        for mount in config["mounts"].as_array_mut().unwrap() {
            let bind = mount["type"] == "bind";
            let Some(options) = mount["options"].as_array_mut() else { continue };
            options.retain(|option| option != "tmpcopyup");
            if bind {
                options.push("ro".into());
            }
        }
        bundle::write(dir.path(), &config);
        let result = bundle::render_in(dir.path(), V1);
        assert!(result.is_ok(), "{}: {}", file.display(), result.unwrap_err());
    }
}
