//! The seccomp policy, as plain data: the shim compiles it, nexcage-init loads it.

use super::Draft;
use crate::field::Field;
use std::path::PathBuf;

/// The largest errno that the kernel lets a filter return (`MAX_ERRNO`).
const MAX_ERRNO: u32 = 4095;
/// What ERRNO and TRACE return unless the bundle says otherwise, as runc has it: EPERM.
const EPERM: u16 = 1;
/// How many arguments a system call has.
const ARGUMENTS: u32 = 6;

// SECCOMP_FILTER_FLAG_* of linux/seccomp.h.
const LOG: u32 = 1 << 1;
const SPEC_ALLOW: u32 = 1 << 2;
const WAIT_KILLABLE_RECV: u32 = 1 << 5;

/// A policy of config-linux.md#seccomp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seccomp {
    /// What becomes of a system call that no rule names.
    pub default: Action,
    /// Architectures besides the machine's own, as the specification names them.
    pub architectures: Vec<String>,
    /// `SECCOMP_FILTER_FLAG_*`, without TSYNC, which says nothing of a process of one thread.
    pub flags: u32,
    /// The rules in order.
    pub rules: Vec<Rule>,
    /// Who is told of [`Action::Notify`]; there is one if a rule says so.
    pub listener: Option<Listener>,
}

/// What becomes of a system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The thread is killed.
    KillThread,
    /// The process is killed, by SIGSYS.
    KillProcess,
    /// The thread gets SIGSYS.
    Trap,
    /// It fails with this errno.
    Errno(u16),
    /// A tracer is told, with this message.
    Trace(u16),
    /// It is allowed.
    Allow,
    /// It is allowed and logged.
    Log,
    /// The listener decides.
    Notify,
}

/// What becomes of some system calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Their names.
    pub names: Vec<String>,
    /// What becomes of them.
    pub action: Action,
    /// What has to be true of their arguments: all of it, but if two speak of the same argument
    /// each is a rule of its own, as for runc.
    pub arguments: Vec<Argument>,
}

/// A condition on an argument of a system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argument {
    /// Which one, from 0 to 5.
    pub index: u32,
    /// How it is compared.
    pub operator: Operator,
    /// What it is compared with; for [`Operator::MaskedEq`] after the mask.
    pub value: u64,
}

/// How an argument is compared with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the specification")]
pub enum Operator {
    Ne,
    Lt,
    Le,
    Eq,
    Ge,
    Gt,
    /// Equal in the bits of this mask.
    MaskedEq(u64),
}

/// Where the descriptor for notifications goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// A Unix stream socket, absolute.
    pub path: PathBuf,
    /// What the bundle has the listener told.
    pub metadata: Option<String>,
}

impl Draft<'_> {
    /// Reads the policy; `None` if there is none, or if something essential was refused.
    pub(super) fn seccomp(&self, document: Field<'_, '_>) -> Option<Seccomp> {
        let field = document.at("/linux/seccomp")?;
        // An empty object asks for nothing; the audit finds what stands without it.
        let default = field.get("defaultAction")?;
        let default_action = action(field, "defaultAction", "defaultErrnoRet")?;
        if default_action == Action::Notify {
            default.refuse("the listener would be asked before it has the descriptor", "name system calls");
        }
        let rules: Vec<Rule> = field.each("syscalls").filter_map(rule).collect();
        let notifies = rules.iter().any(|rule| rule.action == Action::Notify);
        let listener = field.filled("listenerPath").and_then(|(place, path)| {
            Some(Listener {
                path: self.host_path(place, path)?,
                metadata: field.text("listenerMetadata").map(ToOwned::to_owned),
            })
        });
        if notifies && listener.is_none() {
            field.refuse("a rule notifies, and there is no listenerPath", "give one");
        }
        let flags = field.each("flags").filter_map(|name| flag(name, notifies)).fold(0, |all, one| all | one);
        let architectures = field.each("architectures").filter_map(Field::str).map(ToOwned::to_owned);
        Some(Seccomp {
            default: default_action,
            architectures: architectures.collect(),
            flags,
            rules,
            listener: listener.filter(|_| notifies),
        })
    }
}

fn flag(field: Field<'_, '_>, notifies: bool) -> Option<u32> {
    match field.str()? {
        "SECCOMP_FILTER_FLAG_TSYNC" => None,
        "SECCOMP_FILTER_FLAG_LOG" => Some(LOG),
        "SECCOMP_FILTER_FLAG_SPEC_ALLOW" => Some(SPEC_ALLOW),
        "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" if notifies => Some(WAIT_KILLABLE_RECV),
        "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" => {
            field.refuse("no rule notifies, and the kernel refuses the flag then", "remove it");
            None
        }
        _ => {
            field.refuse("this flag is not known", "correct it");
            None
        }
    }
}

fn rule(field: Field<'_, '_>) -> Option<Rule> {
    let action = action(field, "action", "errnoRet")?;
    let mut names = Vec::new();
    for name in field.each("names") {
        match name.str()? {
            "" => name.refuse("no system call has this name", "correct it"),
            "write" if action == Action::Notify => {
                name.refuse("nexcage-init has to write before the listener can answer", "allow it");
            }
            text => names.push(text.to_owned()),
        }
    }
    Some(Rule { names, action, arguments: field.each("args").filter_map(argument).collect() })
}

fn action(field: Field<'_, '_>, name: &str, errno: &str) -> Option<Action> {
    let word = field.get(name)?;
    let (returned, most) =
        (field.get(errno), if word.str()? == "SCMP_ACT_ERRNO" { MAX_ERRNO } else { 0xffff });
    let value = returned.and_then(|field| match field.u32().filter(|value| *value <= most) {
        Some(value) => u16::try_from(value).ok(),
        None => {
            field.refuse(format!("the kernel takes numbers up to {most} here"), "use a smaller one");
            None
        }
    });
    let action = match word.str()? {
        "SCMP_ACT_KILL" | "SCMP_ACT_KILL_THREAD" => Action::KillThread,
        "SCMP_ACT_KILL_PROCESS" => Action::KillProcess,
        "SCMP_ACT_TRAP" => Action::Trap,
        "SCMP_ACT_ERRNO" => return Some(Action::Errno(value.unwrap_or(EPERM))),
        "SCMP_ACT_TRACE" => return Some(Action::Trace(value.unwrap_or(EPERM))),
        "SCMP_ACT_ALLOW" => Action::Allow,
        "SCMP_ACT_LOG" => Action::Log,
        "SCMP_ACT_NOTIFY" => Action::Notify,
        _ => {
            word.refuse("this action is not known", "correct it");
            return None;
        }
    };
    if let Some(returned) = returned {
        returned.refuse("this action returns no errno", "remove it");
    }
    Some(action)
}

fn argument(field: Field<'_, '_>) -> Option<Argument> {
    let (index, word) = (field.get("index")?, field.get("op")?);
    let (operator, value) = (word.str()?, field.get("value")?.u64()?);
    // Only a masked comparison has a second value; elsewhere it has no meaning.
    let second = field.get("valueTwo").and_then(Field::u64).unwrap_or_default();
    let Some(number) = index.u32().filter(|number| *number < ARGUMENTS) else {
        index.refuse("a system call has the arguments 0 to 5", "correct it");
        return None;
    };
    let operator = match operator {
        "SCMP_CMP_NE" => Operator::Ne,
        "SCMP_CMP_LT" => Operator::Lt,
        "SCMP_CMP_LE" => Operator::Le,
        "SCMP_CMP_EQ" => Operator::Eq,
        "SCMP_CMP_GE" => Operator::Ge,
        "SCMP_CMP_GT" => Operator::Gt,
        "SCMP_CMP_MASKED_EQ" => {
            return Some(Argument { index: number, operator: Operator::MaskedEq(value), value: second });
        }
        _ => {
            word.refuse("this operator is not known", "correct it");
            return None;
        }
    };
    Some(Argument { index: number, operator, value })
}
