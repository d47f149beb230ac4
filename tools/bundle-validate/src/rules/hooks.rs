//! Hooks: config.md#posix-platform-hooks.

use super::Check::Structure;
use super::forms::ABSOLUTE;
use super::rules;
use super::shape::{Field, STRINGS, Shape, optional, required};
use crate::Severity::Error;

pub(super) static HOOKS: Shape = Shape::Object(FIELDS);

static FIELDS: &[Field] = &[
    optional("prestart", &ARRAY, &LIST),
    optional("createRuntime", &ARRAY, &LIST),
    optional("createContainer", &ARRAY, &LIST),
    optional("startContainer", &ARRAY, &LIST),
    optional("poststart", &ARRAY, &LIST),
    optional("poststop", &ARRAY, &LIST),
];

static ARRAY: Shape = Shape::Array(&HOOK);

static HOOK: Shape = Shape::Object(&[
    required("path", &ABSOLUTE, &LIST),
    optional("args", &STRINGS, &WORDS),
    optional("env", &STRINGS, &WORDS),
    optional("timeout", &Shape::Integer(1, i64::MAX as i128), &TIMEOUT),
]);

rules! {
    LIST {
        id: "OCI-H1",
        severity: Error,
        section: "config.md#posix-platform-hooks",
        explanation: "A hook needs the absolute path of its program.",
        check: Structure,
        bad: &[
            r#"{"hooks": {"createRuntime": [{"args": ["x"]}]}}"#,
            r#"{"hooks": {"startContainer": [{"path": "bin/x"}]}}"#,
            r#"{"hooks": {"poststop": {"path": "/bin/x"}}}"#,
            r#"{"hooks": []}"#,
        ],
        good: &[r#"{"hooks": {"prestart": [{"path": "/bin/x"}], "createContainer": []}}"#],
    }
    TIMEOUT {
        id: "OCI-H2",
        severity: Error,
        section: "config.md#posix-platform-hooks",
        explanation: "The time-out of a hook, in seconds, has to be greater than zero.",
        check: Structure,
        bad: &[r#"{"hooks": {"poststart": [{"path": "/x", "timeout": 0}]}}"#, r#"{"hooks": {"poststart": [{"path": "/x", "timeout": "1s"}]}}"#],
        good: &[r#"{"hooks": {"poststart": [{"path": "/x", "timeout": 1}]}}"#],
    }
    WORDS {
        id: "OCI-H4",
        severity: Error,
        section: "config.md#posix-platform-hooks",
        explanation: "args and env of a hook are arrays of strings.",
        check: Structure,
        bad: &[r#"{"hooks": {"prestart": [{"path": "/x", "args": "a b"}]}}"#, r#"{"hooks": {"prestart": [{"path": "/x", "env": [1]}]}}"#],
        good: &[r#"{"hooks": {"prestart": [{"path": "/x", "args": ["x"], "env": ["a=b"]}]}}"#],
    }
}
