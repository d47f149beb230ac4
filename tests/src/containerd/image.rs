//! An image of busybox, as an archive that containerd can import.

use crate::rootfs::populate;
use serde_json::{Value, json};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The name that the image has once it is imported.
pub const NAME: &str = "docker.io/library/busybox:test";

/// What it does unless told: nothing, until it is asked to end, as the first container of a pod.
const PAUSE: &str = "trap 'exit 0' TERM; while :; do sleep 1000 & wait; done";

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// Makes the archive in a directory of its own.
pub(super) fn make(directory: &Path) -> io::Result<PathBuf> {
    let (rootfs, layout) = (directory.join("image-rootfs"), directory.join("image"));
    populate(&rootfs)?;
    fs::create_dir_all(layout.join("blobs/sha256"))?;
    let layer = directory.join("layer.tar");
    tar(&rootfs, &layer)?;
    let layer = blob(&layout, &layer, LAYER)?;
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "config": { "Env": ["PATH=/bin"], "Cmd": ["/bin/sh", "-c", PAUSE] },
        "rootfs": { "type": "layers", "diff_ids": [layer["digest"]] },
    });
    let config = document(&layout, &config, CONFIG)?;
    let manifest = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer] });
    let mut manifest = document(&layout, &manifest, MANIFEST)?;
    manifest["annotations"] = json!({ "io.containerd.image.name": NAME });
    let index = json!({ "schemaVersion": 2, "manifests": [manifest] });
    fs::write(layout.join("index.json"), index.to_string())?;
    fs::write(layout.join("oci-layout"), json!({ "imageLayoutVersion": "1.0.0" }).to_string())?;
    let archive = directory.join("image.tar");
    tar(&layout, &archive)?;
    Ok(archive)
}

fn document(layout: &Path, document: &Value, kind: &str) -> io::Result<Value> {
    let path = layout.join("document");
    fs::write(&path, document.to_string())?;
    blob(layout, &path, kind)
}

/// Moves a file among the blobs and gives its descriptor.
fn blob(layout: &Path, file: &Path, kind: &str) -> io::Result<Value> {
    let output = Command::new("sha256sum").arg(file).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let digest = text.split(' ').next().unwrap_or_default();
    let size = fs::metadata(file)?.len();
    fs::rename(file, layout.join("blobs/sha256").join(digest))?;
    Ok(json!({ "mediaType": kind, "digest": format!("sha256:{digest}"), "size": size }))
}

fn tar(directory: &Path, archive: &Path) -> io::Result<()> {
    let status = Command::new("tar").arg("-C").arg(directory).arg("-cf").arg(archive).arg(".").status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("tar: {status}"))) }
}
