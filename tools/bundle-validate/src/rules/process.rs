//! The process: config.md#process.

use super::Check::{Document, Structure};
use super::platform::Platform;
use super::scheduling::{self, AFFINITY, IO_PRIORITY, SCHEDULER};
use super::shape::{
    BOOL, Field, Form, INT64, STRING, STRINGS, Shape, UINT32, UINT32S, UINT64, optional, required,
};
use super::{forms, rules};
use crate::Severity::{Error, Warning};
use crate::SpecVersion::{V1_1_0, V1_2_1};
use crate::json::Node;
use crate::report::Sink;
use std::collections::HashSet;

pub(super) static PROCESS: Shape = Shape::Object(FIELDS);

static FIELDS: &[Field] = &[
    optional("terminal", &BOOL, &SWITCHES),
    optional("consoleSize", &CONSOLE_SIZE, &CONSOLE),
    required("cwd", &STRING, &CWD),
    optional("env", &STRINGS, &ENV),
    optional("args", &STRINGS, &ARGS),
    optional("commandLine", &STRING, &COMMAND_LINE),
    optional("user", &USER, &IDS),
    optional("rlimits", &Shape::Array(&RLIMIT), &LIMITS),
    optional("apparmorProfile", &STRING, &LABELS),
    optional("selinuxLabel", &STRING, &LABELS),
    optional("capabilities", &CAPABILITIES, &CAPABILITY_SETS),
    optional("noNewPrivileges", &BOOL, &SWITCHES),
    optional("oomScoreAdj", &INT64, &OOM),
    optional("scheduler", &SCHEDULER, &scheduling::POLICY).since(V1_1_0),
    optional("ioPriority", &IO_PRIORITY, &scheduling::IO).since(V1_1_0),
    optional("execCPUAffinity", &AFFINITY, &scheduling::CPUS).since(V1_2_1),
];

static CONSOLE_SIZE: Shape =
    Shape::Object(&[required("height", &UINT64, &CONSOLE), required("width", &UINT64, &CONSOLE)]);

static USER: Shape = Shape::Object(&[
    optional("uid", &UINT32, &IDS),
    optional("gid", &UINT32, &IDS),
    optional("umask", &UINT32, &IDS),
    optional("additionalGids", &UINT32S, &IDS),
    optional("username", &STRING, &USERNAME),
]);

static RLIMIT: Shape = Shape::Object(&[
    required("type", &RLIMIT_TYPE, &RESOURCE),
    required("soft", &UINT64, &LIMITS),
    required("hard", &UINT64, &LIMITS),
]);

static RLIMIT_TYPE: Shape =
    Shape::Form(&Form { name: "a resource such as RLIMIT_NOFILE", accepts: |text| resource(text).is_some() });

/// The name of a resource without its prefix, if it is spelt like one.
fn resource(text: &str) -> Option<&str> {
    let name = text.strip_prefix("RLIMIT_")?;
    (!name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase())).then_some(name)
}

static CAPABILITIES: Shape = Shape::Object(&[
    optional("bounding", &STRINGS, &CAPABILITY_SETS),
    optional("effective", &STRINGS, &CAPABILITY_SETS),
    optional("permitted", &STRINGS, &CAPABILITY_SETS),
    optional("inheritable", &STRINGS, &CAPABILITY_SETS),
    optional("ambient", &STRINGS, &CAPABILITY_SETS),
]);

rules! {
    OBJECT {
        id: "OCI-P1",
        severity: Error,
        section: "config.md#process",
        explanation: "process is an object.",
        check: Structure,
        bad: &[r#"{"process": ["sh"]}"#],
        good: &[r#"{"process": {"terminal": false}}"#],
    }
    MISSING {
        id: "OCI-P1-START",
        severity: Warning,
        section: "config.md#process",
        explanation: "A container without process can be created but not started.",
        check: Document(process_is_there),
        bad: &[r#"{"process": null}"#],
        good: &[r#"{"process": {"terminal": false}}"#],
    }
    CWD {
        id: "OCI-P2",
        severity: Error,
        section: "config.md#process",
        explanation: "The working directory is required and has to be an absolute path.",
        check: Document(cwd_is_absolute),
        bad: &[
            r#"{"process": {"cwd": null}}"#,
            r#"{"process": {"cwd": "usr"}}"#,
            r#"{"process": {"cwd": ""}}"#,
            r#"{"root": null, "linux": null, "windows": {"layerFolders": ["x"], "hyperv": {}}, "process": {"cwd": "usr"}}"#,
        ],
        good: &[
            r#"{"process": {"cwd": "/usr"}}"#,
            r#"{"root": null, "linux": null, "windows": {"layerFolders": ["x"], "hyperv": {}}, "process": {"cwd": "C:\\usr"}}"#,
        ],
    }
    ARGS {
        id: "OCI-P3",
        severity: Error,
        section: "config.md#process",
        explanation: "args is an array of strings, and on every platform but Windows it has to name a program.",
        check: Document(args_name_a_program),
        bad: &[
            r#"{"process": {"args": null}}"#,
            r#"{"process": {"args": []}}"#,
            r#"{"process": {"args": ["sh", 1]}}"#,
        ],
        good: &[r#"{"process": {"args": ["sh", ""]}}"#],
    }
    COMMAND_LINE {
        id: "OCI-P4",
        severity: Error,
        section: "config.md#process",
        explanation: "On Windows commandLine is required if args is absent.",
        check: Document(windows_has_a_command),
        bad: &[
            r#"{"root": null, "linux": null, "windows": {"layerFolders": ["x"], "hyperv": {}}, "process": {"args": null}}"#,
            r#"{"process": {"commandLine": 1}}"#,
        ],
        good: &[r#"{"root": null, "linux": null, "windows": {"layerFolders": ["x"], "hyperv": {}}, "process": {"args": null, "commandLine": "a b"}}"#],
    }
    CONSOLE {
        id: "OCI-P5",
        severity: Error,
        section: "config.md#process",
        explanation: "A console size needs a height and a width, in characters.",
        check: Structure,
        bad: &[r#"{"process": {"consoleSize": {"height": 25}}}"#, r#"{"process": {"consoleSize": {"height": 25, "width": -1}}}"#],
        good: &[r#"{"process": {"consoleSize": {"height": 25, "width": 80}}}"#],
    }
    ENV {
        id: "OCI-P6",
        severity: Error,
        section: "config.md#process",
        explanation: "The environment is an array of name=value strings, as in environ(7), and a name is not empty.",
        check: Document(env_has_names),
        bad: &[r#"{"process": {"env": ["PATH"]}}"#, r#"{"process": {"env": ["=x"]}}"#, r#"{"process": {"env": {"A": "b"}}}"#],
        good: &[r#"{"process": {"env": ["A=", "b.c-d=1=2"]}}"#],
    }
    SWITCHES {
        id: "OCI-P7",
        severity: Error,
        section: "config.md#process",
        explanation: "terminal and noNewPrivileges are booleans.",
        check: Structure,
        bad: &[r#"{"process": {"terminal": 1}}"#, r#"{"process": {"noNewPrivileges": "true"}}"#],
        good: &[r#"{"process": {"terminal": true, "noNewPrivileges": false}}"#],
    }
    RESOURCE {
        id: "OCI-P8",
        severity: Error,
        section: "config.md#posix-process",
        explanation: "The type of an rlimit has to be a resource that the kernel knows.",
        check: Document(resources_are_known),
        bad: &[
            r#"{"process": {"rlimits": [{"soft": 1, "hard": 1}]}}"#,
            r#"{"process": {"rlimits": [{"type": "NOFILE", "soft": 1, "hard": 1}]}}"#,
            r#"{"process": {"rlimits": [{"type": "RLIMIT_FILES", "soft": 1, "hard": 1}]}}"#,
        ],
        good: &[r#"{"process": {"rlimits": [{"type": "RLIMIT_NOFILE", "soft": 1, "hard": 1}]}}"#],
    }
    LIMITS {
        id: "OCI-P9",
        severity: Error,
        section: "config.md#posix-process",
        explanation: "An rlimit needs a soft and a hard limit, both uint64.",
        check: Structure,
        bad: &[r#"{"process": {"rlimits": [{"type": "RLIMIT_CPU", "soft": 1}]}}"#, r#"{"process": {"rlimits": {}}}"#],
        good: &[r#"{"process": {"rlimits": [{"type": "RLIMIT_CPU", "soft": 0, "hard": 18446744073709551615}]}}"#],
    }
    TWICE {
        id: "OCI-P10",
        severity: Error,
        section: "config.md#posix-process",
        explanation: "There may be one entry for each resource.",
        check: Document(rlimits_are_unique),
        bad: &[r#"{"process": {"rlimits": [{"type": "RLIMIT_CPU", "soft": 1, "hard": 1}, {"type": "RLIMIT_CPU", "soft": 1, "hard": 1}]}}"#],
        good: &[r#"{"process": {"rlimits": [{"type": "RLIMIT_CPU", "soft": 1, "hard": 1}, {"type": "RLIMIT_AS", "soft": 1, "hard": 1}]}}"#],
    }
    CAPABILITY_SETS {
        id: "OCI-P11",
        severity: Error,
        section: "config.md#linux-process",
        explanation: "The five capability sets are arrays of strings.",
        check: Structure,
        bad: &[r#"{"process": {"capabilities": ["CAP_KILL"]}}"#, r#"{"process": {"capabilities": {"bounding": "all"}}}"#],
        good: &[r#"{"process": {"capabilities": {"bounding": ["CAP_KILL"], "ambient": []}}}"#],
    }
    CAPABILITY {
        id: "OCI-P11-NAME",
        severity: Warning,
        section: "config.md#linux-process",
        explanation: "A capability that the kernel does not know cannot be granted; runtimes warn and go on.",
        check: Document(capabilities_are_known),
        bad: &[r#"{"process": {"capabilities": {"bounding": ["KILL"]}}}"#, r#"{"process": {"capabilities": {"ambient": ["CAP_FLY"]}}}"#],
        good: &[r#"{"process": {"capabilities": {"bounding": ["CAP_KILL", "CAP_CHECKPOINT_RESTORE"]}}}"#],
    }
    OOM {
        id: "OCI-P12",
        severity: Error,
        section: "config.md#linux-process",
        explanation: "oomScoreAdj is an integer.",
        check: Structure,
        bad: &[r#"{"process": {"oomScoreAdj": "100"}}"#, r#"{"process": {"oomScoreAdj": 0.5}}"#],
        good: &[r#"{"process": {"oomScoreAdj": -1000}}"#],
    }
    LABELS {
        id: "OCI-P16",
        severity: Error,
        section: "config.md#linux-process",
        explanation: "apparmorProfile and selinuxLabel are strings.",
        check: Structure,
        bad: &[r#"{"process": {"apparmorProfile": true}}"#, r#"{"process": {"selinuxLabel": {}}}"#],
        good: &[r#"{"process": {"apparmorProfile": "p", "selinuxLabel": "u:r:t:s0"}}"#],
    }
    IDS {
        id: "OCI-U1",
        severity: Error,
        section: "config.md#posix-platform-user",
        explanation: "A POSIX user has a uid and a gid; these, umask and additionalGids are uint32.",
        check: Document(user_has_ids),
        bad: &[
            r#"{"process": {"user": {"gid": null}}}"#,
            r#"{"process": {"user": {"uid": "root"}}}"#,
            r#"{"process": {"user": {"umask": 4294967296}}}"#,
            r#"{"process": {"user": {"additionalGids": [-1]}}}"#,
            r#"{"process": {"user": "root"}}"#,
        ],
        good: &[r#"{"process": {"user": {"uid": 1, "gid": 1, "umask": 18, "additionalGids": [5]}}}"#],
    }
    USERNAME {
        id: "OCI-U2",
        severity: Error,
        section: "config.md#windows-user",
        explanation: "The name of a Windows user is a string.",
        check: Structure,
        bad: &[r#"{"process": {"user": {"username": 1}}}"#],
        good: &[r#"{"root": null, "linux": null, "windows": {"layerFolders": ["x"], "hyperv": {}}, "process": {"user": {"username": "ContainerUser", "uid": null}}}"#],
    }
}

fn process_is_there(config: Node<'_>, sink: &mut Sink<'_>) {
    if config.get("process").is_none() {
        sink.add(config, "without `process` the container cannot be started");
    }
}

fn cwd_is_absolute(config: Node<'_>, sink: &mut Sink<'_>) {
    let absolute = match Platform::of(config) {
        Platform::Windows => super::windows::is_absolute,
        Platform::Linux | Platform::Posix => forms::is_absolute,
    };
    let cwd = config.at("/process/cwd").and_then(|node| Some((node, node.as_str()?)));
    if let Some((node, _)) = cwd.filter(|(_, path)| !absolute(path)) {
        sink.add(node, format!("expected an absolute path, found {}", forms::excerpt(node.raw())));
    }
}

fn args_name_a_program(config: Node<'_>, sink: &mut Sink<'_>) {
    let Some(process) = config.get("process") else { return };
    match process.get("args") {
        None if Platform::of(config) != Platform::Windows => sink.add(process, "`args` is required"),
        Some(args) if args.kind() == crate::json::Kind::Array && args.len() == 0 => {
            sink.add(args, "there must be at least one entry, the program");
        }
        _ => {}
    }
}

fn windows_has_a_command(config: Node<'_>, sink: &mut Sink<'_>) {
    let Some(process) = config.get("process") else { return };
    let nothing = process.get("args").is_none() && process.get("commandLine").is_none();
    if Platform::of(config) == Platform::Windows && nothing {
        sink.add(process, "`commandLine` is required where `args` is absent");
    }
}

fn env_has_names(config: Node<'_>, sink: &mut Sink<'_>) {
    for entry in config.at("/process/env").into_iter().flat_map(|env| env.elements()) {
        match entry.as_str().map(|text| text.find('=')) {
            Some(None) => sink.add(entry, "expected name=value, there is no '='"),
            Some(Some(0)) => sink.add(entry, "expected name=value, the name is empty"),
            _ => {}
        }
    }
}

fn rlimits(config: Node<'_>) -> impl Iterator<Item = (Node<'_>, &str)> {
    let entries = config.at("/process/rlimits").into_iter().flat_map(|rlimits| rlimits.elements());
    entries.filter_map(|entry| entry.get("type")).filter_map(|kind| Some((kind, kind.as_str()?)))
}

/// Resources of Linux, without their prefix: getrlimit(2).
static RESOURCES: &[&str] = &[
    "AS",
    "CORE",
    "CPU",
    "DATA",
    "FSIZE",
    "LOCKS",
    "MEMLOCK",
    "MSGQUEUE",
    "NICE",
    "NOFILE",
    "NPROC",
    "RSS",
    "RTPRIO",
    "RTTIME",
    "SIGPENDING",
    "STACK",
];

fn resources_are_known(config: Node<'_>, sink: &mut Sink<'_>) {
    if Platform::of(config) != Platform::Linux {
        return;
    }
    for (node, name) in rlimits(config) {
        // What is not spelt like a resource breaks the shape already.
        if resource(name).is_some_and(|resource| !RESOURCES.contains(&resource)) {
            sink.add(node, format!("Linux has no resource {}", forms::excerpt(name)));
        }
    }
}

fn rlimits_are_unique(config: Node<'_>, sink: &mut Sink<'_>) {
    let mut seen = HashSet::new();
    for (node, name) in rlimits(config).filter(|(_, name)| !seen.insert(*name)) {
        sink.add(node, format!("there is an entry for {} already", forms::excerpt(name)));
    }
}

/// Capabilities of Linux, without their prefix: capabilities(7).
static NAMES: &[&str] = &[
    "AUDIT_CONTROL",
    "AUDIT_READ",
    "AUDIT_WRITE",
    "BLOCK_SUSPEND",
    "BPF",
    "CHECKPOINT_RESTORE",
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "IPC_OWNER",
    "KILL",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "MKNOD",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_RAW",
    "PERFMON",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYSLOG",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_CHROOT",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "WAKE_ALARM",
];

fn capabilities_are_known(config: Node<'_>, sink: &mut Sink<'_>) {
    let sets = config.at("/process/capabilities").into_iter().flat_map(|sets| sets.members());
    for node in sets.flat_map(|set| set.value.elements()) {
        let Some(name) = node.as_str() else { continue };
        if !name.strip_prefix("CAP_").is_some_and(|name| NAMES.contains(&name)) {
            sink.add(node, format!("Linux has no capability {}", forms::excerpt(node.raw())));
        }
    }
}

fn user_has_ids(config: Node<'_>, sink: &mut Sink<'_>) {
    let Some(user) = config.at("/process/user").filter(|user| user.kind() == crate::json::Kind::Object)
    else {
        return;
    };
    if Platform::of(config) == Platform::Windows {
        return;
    }
    for id in ["uid", "gid"].iter().filter(|id| user.get(id).is_none()) {
        sink.add(user, format!("`{id}` is required"));
    }
}
