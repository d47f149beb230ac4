//! What real engines hand to a runtime.

use crate::{bundle, lxc_info};
use lxc_render_config::CgroupVersion::{V1, V2};
use serde_json::Value;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

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

#[test]
fn documents_of_engines_render_for_either_version_of_cgroups() {
    for file in corpus() {
        let dir = bundle::make(&Value::Null);
        fs::write(dir.path().join("file"), "").unwrap();
        let config = replaced(&file, dir.path());
        bundle::write(dir.path(), &config);
        for version in [V1, V2] {
            let rendered = bundle::render_in(dir.path(), version);
            let rendered = rendered.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            assert_eq!(rendered.seccomp.is_some(), config.pointer("/linux/seccomp").is_some());
            lxc_info::reads(&rendered.config).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        }
    }
}
