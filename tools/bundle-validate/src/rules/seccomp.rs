//! Seccomp: config-linux.md#seccomp.

use super::Check::{Document, Structure};
use super::rules;
use super::shape::{Field, STRING, Shape, UINT32, UINT64, optional, required};
use crate::Severity::Error;
use crate::SpecVersion::V1_1_0;
use crate::json::Node;
use crate::report::Sink;

pub(super) static SECCOMP: Shape = Shape::Object(FIELDS);

static FIELDS: &[Field] = &[
    required("defaultAction", &ACTIONS, &DEFAULT),
    optional("defaultErrnoRet", &UINT32, &ERRNO).since(V1_1_0),
    optional("architectures", &Shape::Array(&ARCHITECTURES), &NAMES),
    optional("flags", &Shape::Array(&FLAGS), &NAMES),
    optional("listenerPath", &STRING, &LISTENER).since(V1_1_0),
    optional("listenerMetadata", &STRING, &LISTENER).since(V1_1_0),
    optional("syscalls", &Shape::Array(&SYSCALL), &CALLS),
];

static SYSCALL: Shape = Shape::Object(&[
    required("names", &Shape::NonEmptyArray(&STRING), &CALLS),
    required("action", &ACTIONS, &CALLS),
    optional("errnoRet", &UINT32, &ERRNO).since(V1_1_0),
    optional("args", &Shape::Array(&ARGUMENT), &ARGUMENTS),
]);

static ARGUMENT: Shape = Shape::Object(&[
    required("index", &UINT32, &ARGUMENTS),
    required("value", &UINT64, &ARGUMENTS),
    optional("valueTwo", &UINT64, &ARGUMENTS),
    required("op", &OPERATORS, &ARGUMENTS),
]);

static ACTIONS: Shape = Shape::Word(&[
    "SCMP_ACT_KILL",
    "SCMP_ACT_KILL_PROCESS",
    "SCMP_ACT_KILL_THREAD",
    "SCMP_ACT_TRAP",
    "SCMP_ACT_ERRNO",
    "SCMP_ACT_TRACE",
    "SCMP_ACT_ALLOW",
    "SCMP_ACT_LOG",
    "SCMP_ACT_NOTIFY",
]);

static OPERATORS: Shape = Shape::Word(&[
    "SCMP_CMP_NE",
    "SCMP_CMP_LT",
    "SCMP_CMP_LE",
    "SCMP_CMP_EQ",
    "SCMP_CMP_GE",
    "SCMP_CMP_GT",
    "SCMP_CMP_MASKED_EQ",
]);

static FLAGS: Shape = Shape::Word(&[
    "SECCOMP_FILTER_FLAG_TSYNC",
    "SECCOMP_FILTER_FLAG_LOG",
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
]);

static ARCHITECTURES: Shape = Shape::Word(&[
    "SCMP_ARCH_X86",
    "SCMP_ARCH_X86_64",
    "SCMP_ARCH_X32",
    "SCMP_ARCH_ARM",
    "SCMP_ARCH_AARCH64",
    "SCMP_ARCH_LOONGARCH64",
    "SCMP_ARCH_M68K",
    "SCMP_ARCH_MIPS",
    "SCMP_ARCH_MIPS64",
    "SCMP_ARCH_MIPS64N32",
    "SCMP_ARCH_MIPSEL",
    "SCMP_ARCH_MIPSEL64",
    "SCMP_ARCH_MIPSEL64N32",
    "SCMP_ARCH_PPC",
    "SCMP_ARCH_PPC64",
    "SCMP_ARCH_PPC64LE",
    "SCMP_ARCH_S390",
    "SCMP_ARCH_S390X",
    "SCMP_ARCH_PARISC",
    "SCMP_ARCH_PARISC64",
    "SCMP_ARCH_RISCV64",
    "SCMP_ARCH_SH",
    "SCMP_ARCH_SHEB",
]);

rules! {
    DEFAULT {
        id: "OCI-L29",
        severity: Error,
        section: "config-linux.md#seccomp",
        explanation: "A seccomp policy needs a default action, one of nine.",
        check: Structure,
        bad: &[r#"{"linux": {"seccomp": {}}}"#, r#"{"linux": {"seccomp": {"defaultAction": "ALLOW"}}}"#],
        good: &[r#"{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_LOG"}}}"#],
    }
    ERRNO {
        id: "OCI-L30",
        severity: Error,
        section: "config-linux.md#seccomp",
        explanation: "An errno is for the actions ERRNO and TRACE; with another one runtimes have to fail.",
        check: Document(errnos_are_returned),
        bad: &[
            r#"{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 1}}}"#,
            r#"{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_KILL", "errnoRet": 1}]}}}"#,
            r#"{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": "EPERM"}}}"#,
        ],
        good: &[r#"{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
            "syscalls": [{"names": ["read"], "action": "SCMP_ACT_TRACE", "errnoRet": 1}]}}}"#],
    }
    NAMES {
        id: "OCI-L31",
        severity: Error,
        section: "config-linux.md#seccomp",
        explanation: "Architectures and flags are those that the specification lists.",
        check: Structure,
        bad: &[
            r#"{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_LOG", "architectures": ["x86_64"]}}}"#,
            r#"{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_LOG", "flags": ["LOG"]}}}"#,
        ],
        good: &[r#"{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_LOG", "architectures": ["SCMP_ARCH_RISCV64"], "flags": []}}}"#],
    }
    LISTENER {
        id: "OCI-L32",
        severity: Error,
        section: "config-linux.md#seccomp",
        explanation: "Metadata for a listener must not be set without the path of the listener.",
        check: Document(metadata_has_a_listener),
        bad: &[
            r#"{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_LOG", "listenerMetadata": "x"}}}"#,
            r#"{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_LOG", "listenerPath": 1}}}"#,
        ],
        good: &[r#"{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_LOG", "listenerPath": "/x", "listenerMetadata": "x"}}}"#],
    }
    CALLS {
        id: "OCI-L33",
        severity: Error,
        section: "config-linux.md#seccomp",
        explanation: "A seccomp rule needs an action and the name of at least one system call.",
        check: Structure,
        bad: &[
            r#"{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_LOG", "syscalls": [{"names": [], "action": "SCMP_ACT_LOG"}]}}}"#,
            r#"{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_LOG", "syscalls": [{"action": "SCMP_ACT_LOG"}]}}}"#,
            r#"{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_LOG", "syscalls": [{"names": ["read"]}]}}}"#,
        ],
        good: &[r#"{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_LOG", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_LOG"}]}}}"#],
    }
    ARGUMENTS {
        id: "OCI-L34",
        severity: Error,
        section: "config-linux.md#seccomp",
        explanation: "A comparison of a system call's argument needs its index, a value and one of seven operators.",
        check: Structure,
        bad: &[
            r#"{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_LOG", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_LOG",
                "args": [{"index": 0, "value": 1}]}]}}}"#,
            r#"{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_LOG", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_LOG",
                "args": [{"index": 0, "value": 1, "op": "=="}]}]}}}"#,
        ],
        good: &[r#"{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_LOG", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_LOG",
            "args": [{"index": 0, "value": 1, "valueTwo": 18446744073709551615, "op": "SCMP_CMP_MASKED_EQ"}]}]}}}"#],
    }
}

fn errnos_are_returned(config: Node<'_>, sink: &mut Sink<'_>) {
    let Some(seccomp) = config.at("/linux/seccomp") else { return };
    errno_is_returned(seccomp, "defaultAction", "defaultErrnoRet", sink);
    for call in seccomp.get("syscalls").into_iter().flat_map(|calls| calls.elements()) {
        errno_is_returned(call, "action", "errnoRet", sink);
    }
}

fn errno_is_returned(object: Node<'_>, action: &str, errno: &str, sink: &mut Sink<'_>) {
    let action = object.get(action).and_then(|node| node.as_str());
    if let (Some(errno), Some(action)) = (object.get(errno), action) {
        if !matches!(action, "SCMP_ACT_ERRNO" | "SCMP_ACT_TRACE") {
            sink.add(errno, format!("{} takes no errno", super::forms::excerpt(action)));
        }
    }
}

fn metadata_has_a_listener(config: Node<'_>, sink: &mut Sink<'_>) {
    let Some(seccomp) = config.at("/linux/seccomp") else { return };
    if let (Some(metadata), None) = (seccomp.get("listenerMetadata"), seccomp.get("listenerPath")) {
        sink.add_at_key(metadata, "there is no `listenerPath`");
    }
}
