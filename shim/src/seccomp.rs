//! From a seccomp policy to the filter that the kernel takes, as runc makes it.

mod enosys;
mod layers;
pub(crate) mod lxc_policy;
#[cfg(test)]
mod machine;
pub(crate) mod notify;
#[cfg(test)]
mod tests;

use libseccomp::error::SeccompError;
use libseccomp::{ScmpAction, ScmpArch, ScmpArgCompare, ScmpCompareOp, ScmpFilterContext, ScmpSyscall};
use lxc_render_config::{Action, Argument, Operator, Seccomp};
use nexcage_cli::{Code, Diagnose};
use nexcage_handover::SeccompBuf;
use rustix::fs::{MemfdFlags, memfd_create};
use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Seek as _};

/// Most instructions of a filter (`BPF_MAXINSNS`).
const MAX_INSTRUCTIONS: usize = 4096;
/// The length of a `struct sock_filter`.
const INSTRUCTION_LEN: usize = 8;
/// `SECCOMP_FILTER_FLAG_NEW_LISTENER`.
const NEW_LISTENER: u32 = 1 << 3;

/// Why a policy has no filter.
#[derive(Debug)]
pub(crate) enum CompileError {
    /// The host's libseccomp, or its kernel, does not know an architecture or an action.
    Unsupported { what: String, source: SeccompError },
    /// A rule contradicts an earlier one, or cannot be expressed.
    Rule { number: usize, name: String, source: SeccompError },
    /// The filter has more instructions than the kernel takes.
    TooLarge { instructions: usize },
    /// libseccomp does not give its filter away.
    Export(io::Error),
}

/// Compiles a policy.
pub(crate) fn compile(policy: &Seccomp) -> Result<SeccompBuf, CompileError> {
    let mut compiled = enosys::stub(policy);
    for layer in layers::before(policy) {
        compiled.extend(layers::falling_through(program(&layer)?, return_value(policy.default)));
    }
    compiled.extend(program(&layers::main(policy))?);
    warn_of_unknown(policy);
    let instructions = compiled.len() / INSTRUCTION_LEN;
    if instructions > MAX_INSTRUCTIONS {
        return Err(CompileError::TooLarge { instructions });
    }
    let listener = if policy.listener.is_some() { NEW_LISTENER } else { 0 };
    Ok(SeccompBuf { flags: policy.flags | listener, program: compiled })
}

/// The instructions for all architectures.
fn program(policy: &Seccomp) -> Result<Vec<u8>, CompileError> {
    let native = ScmpArch::native();
    let mut own = filter(policy, native, "the machine's own architecture")?;
    let mut program = Vec::new();
    for name in &policy.architectures {
        let unsupported = || unsupported(name);
        let architecture: ScmpArch = name.parse().map_err(unsupported())?;
        let other = filter(policy, architecture, name)?;
        if enosys::audit(architecture) == enosys::audit(native) {
            if !own.is_arch_present(architecture).map_err(unsupported())? {
                own.merge(other).map_err(unsupported())?;
            }
        } else if let Some(audit) = enosys::audit(architecture) {
            enosys::only_for(&mut program, audit, &export(&other).map_err(CompileError::Export)?);
        }
    }
    program.extend(export(&own).map_err(CompileError::Export)?);
    Ok(program)
}

/// The rules for one architecture. A filter for several at once may be wrong: where they share a
/// rule, libseccomp 2.5 shares its instructions, and forgets to load the number on the way there.
fn filter(policy: &Seccomp, architecture: ScmpArch, name: &str) -> Result<ScmpFilterContext, CompileError> {
    let mut filter = ScmpFilterContext::new(action(policy.default))
        .map_err(unsupported(&format!("the default action {:?}", policy.default)))?;
    filter.add_arch(architecture).map_err(unsupported(name))?;
    if architecture != ScmpArch::native() {
        filter.remove_arch(ScmpArch::Native).map_err(unsupported(name))?;
    }
    for (number, rule) in policy.rules.iter().enumerate() {
        // libseccomp refuses what would change nothing.
        if rule.action == policy.default {
            continue;
        }
        let alternatives: Vec<Vec<ScmpArgCompare>> = layers::alternatives(rule)
            .map(|alternative| alternative.iter().map(condition).collect())
            .collect();
        for name in rule.names.iter().filter(|name| exists(name, architecture)) {
            // libseccomp wants the machine's own number and translates it.
            let call = ScmpSyscall::from_name(name);
            let added = call.and_then(|call| {
                alternatives.iter().try_for_each(|conditions| {
                    filter.add_rule_conditional(action(rule.action), call, conditions).map(drop)
                })
            });
            added.map_err(|source| CompileError::Rule { number, name: name.clone(), source })?;
        }
    }
    Ok(filter)
}

/// Whether an architecture has a system call, be it by way of another one such as socketcall.
fn exists(name: &str, architecture: ScmpArch) -> bool {
    let call = ScmpSyscall::from_name_by_arch_rewrite(name, architecture);
    call.is_ok_and(|call| call.as_raw_syscall() >= 0)
}

/// What libseccomp knows on no architecture is ignored, as by runc: policies are written for many
/// versions.
fn warn_of_unknown(policy: &Seccomp) {
    let names = policy.rules.iter().flat_map(|rule| &rule.names);
    let unknown: BTreeSet<&str> =
        names.filter(|name| ScmpSyscall::from_name(name).is_err()).map(String::as_str).collect();
    if !unknown.is_empty() {
        let names: Vec<&str> = unknown.into_iter().collect();
        log::warn!("linux.seccomp: system calls that are not known here are ignored: {}", names.join(", "));
    }
}

fn action(action: Action) -> ScmpAction {
    match action {
        Action::KillThread => ScmpAction::KillThread,
        Action::KillProcess => ScmpAction::KillProcess,
        Action::Trap => ScmpAction::Trap,
        Action::Errno(errno) => ScmpAction::Errno(errno.into()),
        Action::Trace(message) => ScmpAction::Trace(message),
        Action::Allow => ScmpAction::Allow,
        Action::Log => ScmpAction::Log,
        Action::Notify => ScmpAction::Notify,
    }
}

fn condition(argument: &Argument) -> ScmpArgCompare {
    let operator = match argument.operator {
        Operator::Ne => ScmpCompareOp::NotEqual,
        Operator::Lt => ScmpCompareOp::Less,
        Operator::Le => ScmpCompareOp::LessOrEqual,
        Operator::Eq => ScmpCompareOp::Equal,
        Operator::Ge => ScmpCompareOp::GreaterEqual,
        Operator::Gt => ScmpCompareOp::Greater,
        Operator::MaskedEq(mask) => ScmpCompareOp::MaskedEqual(mask),
    };
    ScmpArgCompare::new(argument.index, operator, argument.value)
}

/// `SECCOMP_RET_*` with its data (seccomp(2)).
fn return_value(action: Action) -> u32 {
    match action {
        Action::KillThread => 0,
        Action::KillProcess => 0x8000_0000,
        Action::Trap => 0x0003_0000,
        Action::Errno(errno) => 0x0005_0000 | u32::from(errno),
        Action::Notify => 0x7fc0_0000,
        Action::Trace(message) => 0x7ff0_0000 | u32::from(message),
        Action::Log => 0x7ffc_0000,
        Action::Allow => 0x7fff_0000,
    }
}

/// The instructions; libseccomp 2.5 writes them to files only.
fn export(filter: &ScmpFilterContext) -> io::Result<Vec<u8>> {
    let mut file = File::from(memfd_create("seccomp", MemfdFlags::CLOEXEC)?);
    filter.export_bpf(&file).map_err(io::Error::other)?;
    file.rewind()?;
    let mut program = Vec::new();
    file.read_to_end(&mut program)?;
    Ok(program)
}

fn unsupported(what: &str) -> impl FnOnce(SeccompError) -> CompileError {
    let what = what.to_owned();
    move |source| CompileError::Unsupported { what, source }
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CompileError::Unsupported { what, .. } => {
                write!(f, "linux.seccomp: this host does not support {what}")
            }
            CompileError::Rule { number, name, .. } => {
                write!(f, "linux.seccomp.syscalls[{number}]: the rule for {name} cannot be added")
            }
            CompileError::TooLarge { instructions } => write!(
                f,
                "linux.seccomp: the filter has {instructions} instructions, the kernel takes {MAX_INSTRUCTIONS}"
            ),
            CompileError::Export(_) => f.write_str("linux.seccomp: libseccomp cannot make the filter"),
        }
    }
}

impl Error for CompileError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            CompileError::Unsupported { source, .. } | CompileError::Rule { source, .. } => Some(source),
            CompileError::Export(source) => Some(source),
            CompileError::TooLarge { .. } => None,
        }
    }
}

impl Diagnose for CompileError {
    fn code(&self) -> Code {
        match self {
            CompileError::Export(_) => Code::System,
            _ => Code::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            CompileError::Unsupported { .. } => "remove it, or use a newer libseccomp or kernel",
            CompileError::Rule { .. } => "an earlier rule may say otherwise of the same system call",
            CompileError::TooLarge { .. } => "merge rules, or name fewer architectures",
            CompileError::Export(_) => return None,
        };
        Some(hint.to_owned())
    }
}
