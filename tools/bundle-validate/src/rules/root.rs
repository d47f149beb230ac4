//! The root filesystem: config.md#root and bundle.md.

use super::Check::{Document, Files, Structure};
use super::platform::Platform;
use super::rules;
use super::shape::{BOOL, Field, STRING, Shape, optional, required};
use crate::Bundle;
use crate::Severity::Error;
use crate::json::Node;
use crate::report::Sink;
use rustix::fs::{AtFlags, FileType, statat};

pub(super) static ROOT: Shape = Shape::Object(FIELDS);

static FIELDS: &[Field] = &[required("path", &STRING, &PATH), optional("readonly", &BOOL, &READONLY)];

rules! {
    OBJECT {
        id: "OCI-R1",
        severity: Error,
        section: "config.md#root",
        explanation: "root is required, except for Hyper-V containers, which must not have it.",
        check: Document(root_is_there),
        bad: &[
            r#"{"root": null}"#,
            r#"{"root": "rootfs"}"#,
            r#"{"linux": null, "windows": {"layerFolders": ["C:\\l"], "hyperv": {}}}"#,
        ],
        good: &[
            r#"{"root": {"path": "rootfs"}}"#,
            r#"{"root": null, "windows": {"layerFolders": ["C:\\l"], "hyperv": {"utilityVMPath": "C:\\u"}}}"#,
        ],
    }
    PATH {
        id: "OCI-R2",
        severity: Error,
        section: "config.md#root",
        explanation: "root.path is required.",
        check: Structure,
        bad: &[r#"{"root": {"path": null}}"#, r#"{"root": {"path": 1}}"#],
        good: &[r#"{"root": {"path": "rootfs"}}"#],
    }
    DIRECTORY {
        id: "OCI-R3",
        severity: Error,
        section: "config.md#root",
        explanation: "A directory has to be at root.path, which is relative to the bundle unless it is absolute.",
        check: Files(directory_is_there),
        bad: &[
            r#"{"root": {"path": "missing"}}"#,
            r#"{"root": {"path": "config.json"}}"#,
            r#"{"root": {"path": ""}}"#,
        ],
        good: &[r#"{"root": {"path": "rootfs"}}"#, r#"{"root": {"path": "/"}}"#],
    }
    WINDOWS {
        id: "OCI-R4",
        severity: Error,
        section: "config.md#root",
        explanation: "On Windows root.path has to be a volume GUID path, and the root cannot be read-only.",
        check: Document(windows_root),
        bad: &[
            r#"{"linux": null, "windows": {"layerFolders": ["C:\\l"]}, "root": {"path": "C:\\rootfs"}}"#,
            r#"{"linux": null, "windows": {"layerFolders": ["C:\\l"]}, "root": {"readonly": true,
                "path": "\\\\?\\Volume{ec84d99e-3f02-11e7-ac6c-00155d7682cf}\\"}}"#,
        ],
        good: &[r#"{"linux": null, "windows": {"layerFolders": ["C:\\l"]}, "root": {"readonly": false,
            "path": "\\\\?\\Volume{ec84d99e-3f02-11e7-ac6c-00155d7682cf}\\"}}"#],
    }
    READONLY {
        id: "OCI-R5",
        severity: Error,
        section: "config.md#root",
        explanation: "root.readonly is a boolean.",
        check: Structure,
        bad: &[r#"{"root": {"readonly": "yes"}}"#],
        good: &[r#"{"root": {"readonly": true}}"#],
    }
}

fn root_is_there(config: Node<'_>, sink: &mut Sink<'_>) {
    match (config.get("root"), config.at("/windows/hyperv")) {
        (None, None) => sink.add(config, "`root` is required"),
        (Some(root), Some(_)) => sink.add_at_key(root, "`root` must not be set for a Hyper-V container"),
        _ => {}
    }
}

fn directory_is_there(bundle: &Bundle, sink: &mut Sink<'_>) {
    let config = bundle.document().root();
    let path = config.at("/root/path").and_then(|node| Some((node, node.as_str()?)));
    let (Some((node, path)), Some(handle)) = (path, bundle.handle()) else { return };
    if Platform::of(config) == Platform::Windows {
        return;
    }
    match statat(handle, path, AtFlags::empty()) {
        Err(error) => {
            let reason = std::io::Error::from(error);
            sink.add(node, format!("there is no directory at root.path: {reason}"));
        }
        Ok(found) if FileType::from_raw_mode(found.st_mode) != FileType::Directory => {
            sink.add(node, "what is at root.path is not a directory");
        }
        Ok(_) => {}
    }
}

fn windows_root(config: Node<'_>, sink: &mut Sink<'_>) {
    if Platform::of(config) != Platform::Windows || config.at("/windows/hyperv").is_some() {
        return;
    }
    let path = config.at("/root/path").and_then(|node| Some((node, node.as_str()?)));
    if let Some((node, _)) = path.filter(|(_, path)| !is_volume(path)) {
        sink.add(node, "expected a volume GUID path such as \\\\?\\Volume{GUID}\\");
    }
    if let Some(node) = config.at("/root/readonly").filter(|node| node.as_bool() == Some(true)) {
        sink.add(node, "the root cannot be read-only on Windows");
    }
}

/// `\\?\Volume{GUID}\`
fn is_volume(path: &str) -> bool {
    let guid = path.strip_prefix("\\\\?\\Volume{").and_then(|rest| rest.strip_suffix("}\\"));
    let lengths = |guid: &str| guid.split('-').map(str::len).eq([8, 4, 4, 4, 12]);
    guid.is_some_and(|guid| {
        lengths(guid) && guid.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
    })
}
