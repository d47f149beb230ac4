//! What is packaged for containerd, and what nexcage-containerd(7) shows of it.

use crate::text;
use nexcage_tests::{Cri, Sandbox, containerd_directory};
use std::fs;
use std::path::Path;

const PAGE: &str = include_str!("../../../man/nexcage-containerd.7");

/// A packaged file without comments and empty lines.
fn packaged(name: &str) -> String {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/containerd");
    let file = fs::read_to_string(directory.join(name)).unwrap();
    let lines = file.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn the_page_shows_what_is_packaged_and_containerd_takes_it() {
    for name in ["config-v2.toml", "config-v3.toml", "runtimeclass.yaml"] {
        assert!(PAGE.contains(&packaged(name)), "{name} is not in the page");
    }
    let sandbox = Sandbox::new();
    let (version, name) = if Cri::is_version("1.") { (2, "config-v2.toml") } else { (3, "config-v3.toml") };
    let file = sandbox.path().join("config.toml");
    fs::write(&file, format!("version = {version}\n{}", packaged(name))).unwrap();
    let containerd = sandbox.command(containerd_directory().join("containerd"));
    let dump = containerd.arg("--config").arg(&file).args(["config", "dump"]).output();
    let dumped = text(&dump.stdout);
    let section = dumped.split("containerd.runtimes.nexcage]").nth(1).unwrap_or_default();
    let section = section.split("\n\n").next().unwrap_or_default();
    assert!(section.contains("io.containerd.nexcage.v2"), "{dump:?}");
}
