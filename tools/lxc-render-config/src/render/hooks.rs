//! Hooks: programs that the shim and nexcage-setup run.

use super::Draft;
use crate::field::Field;
use nexcage_setup::plan::Hook;

/// All hooks of a bundle, in its order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hooks {
    /// On the host, before pivot_root(2); before `create_runtime`.
    pub prestart: Vec<Hook>,
    /// On the host, before pivot_root(2).
    pub create_runtime: Vec<Hook>,
    /// In the container's namespaces, before pivot_root(2).
    pub create_container: Vec<Hook>,
    /// In the container, before the process begins.
    pub start_container: Vec<Hook>,
    /// On the host, after the process has begun.
    pub poststart: Vec<Hook>,
    /// On the host, after the container is gone.
    pub poststop: Vec<Hook>,
}

impl Hooks {
    /// Whether LXC's start has to be interrupted for any of them.
    #[must_use]
    pub fn interrupt_start(&self) -> bool {
        ![&self.prestart, &self.create_runtime, &self.create_container].iter().all(|hooks| hooks.is_empty())
    }
}

impl Draft<'_> {
    pub(super) fn hooks(document: Field<'_, '_>) -> Hooks {
        let Some(hooks) = document.get("hooks") else { return Hooks::default() };
        let list = |kind: &str| hooks.each(kind).filter_map(hook).collect();
        Hooks {
            prestart: list("prestart"),
            create_runtime: list("createRuntime"),
            create_container: list("createContainer"),
            start_container: list("startContainer"),
            poststart: list("poststart"),
            poststop: list("poststop"),
        }
    }
}

fn hook(field: Field<'_, '_>) -> Option<Hook> {
    let words = |key: &str| -> Vec<String> {
        let text = |word: Field<'_, '_>| {
            let text = word.str()?;
            if text.contains('\0') {
                word.refuse("it holds a NUL, which ends a string for the kernel", "remove it");
            } else if key == "env" && !text.contains('=') {
                word.refuse("it is no variable", "write NAME=VALUE");
            }
            Some(text.to_owned())
        };
        field.each(key).filter_map(text).collect()
    };
    let timeout = field.get("timeout").and_then(|timeout| {
        let seconds = timeout.u32();
        if seconds.is_none() {
            timeout.refuse("it is no number of seconds", "correct it");
        }
        seconds
    });
    let path = field.text("path")?.to_owned();
    let args = Some(words("args")).filter(|args| !args.is_empty()).unwrap_or_else(|| vec![path.clone()]);
    Some(Hook { pointer: field.pointer(), path, args, env: words("env"), timeout })
}
