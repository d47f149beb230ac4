//! Two ways to decide about a system call: the kernel's, by interpreting a filter, and the
//! specification's, by reading the policy.
#![cfg(target_arch = "x86_64")]

use libseccomp::{ScmpArch, ScmpSyscall};
use lxc_render_config::{Action, Argument, Operator, Rule, Seccomp};

/// A system call as a filter sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    pub(super) number: u32,
    pub(super) architecture: u32,
    pub(super) arguments: [u64; 6],
}

pub(super) const X86_64: u32 = 0xc000_003e;
pub(super) const X86: u32 = 0x4000_0003;
pub(super) const AARCH64: u32 = 0xc000_00b7;
/// The bit of a number that means x32.
pub(super) const X32: u32 = 1 << 30;

// SECCOMP_RET_*.
pub(super) const KILL_THREAD: u32 = 0;
pub(super) const ERRNO: u32 = 0x0005_0000;
pub(super) const ALLOW: u32 = 0x7fff_0000;

/// Runs a filter: the part of classic BPF that libseccomp and the stub use.
pub(super) fn run(program: &[u8], call: &Call) -> u32 {
    let words: Vec<u32> = [call.number, call.architecture, 0, 0]
        .into_iter()
        .chain(call.arguments.into_iter().flat_map(|value| [low(value), low(value >> 32)]))
        .collect();
    let (mut accumulator, mut at) = (0_u32, 0);
    loop {
        let instruction = &program[at * 8..at * 8 + 8];
        let code = u16::from_ne_bytes([instruction[0], instruction[1]]);
        let (if_true, if_false) = (usize::from(instruction[2]), usize::from(instruction[3]));
        let constant = u32::from_ne_bytes(instruction[4..].try_into().unwrap());
        let jump = |condition: bool| if condition { if_true } else { if_false };
        at += 1;
        match code {
            0x20 => accumulator = words[usize::try_from(constant / 4).unwrap()],
            0x54 => accumulator &= constant,
            0x05 => at += usize::try_from(constant).unwrap(),
            0x15 => at += jump(accumulator == constant),
            0x25 => at += jump(accumulator > constant),
            0x35 => at += jump(accumulator >= constant),
            0x45 => at += jump(accumulator & constant != 0),
            0x06 => return constant,
            other => panic!("instruction {other:#x}"),
        }
    }
}

/// What the specification says, with what runc adds to it.
pub(super) fn decide(policy: &Seccomp, call: &Call) -> u32 {
    let listed = |architecture: ScmpArch| {
        policy.architectures.iter().any(|name| name.parse::<ScmpArch>().unwrap() == architecture)
    };
    let is_minus_one = call.number == u32::MAX;
    let architecture = match (call.architecture, call.number & X32 != 0) {
        (X86_64, true) if listed(ScmpArch::X32) || !is_minus_one => ScmpArch::X32,
        (X86_64, _) => ScmpArch::X8664,
        (X86, _) => ScmpArch::X86,
        (AARCH64, _) => ScmpArch::Aarch64,
        _ => return KILL_THREAD,
    };
    if !listed(architecture) && architecture != ScmpArch::native() {
        return KILL_THREAD;
    }
    let number = |name: &str| {
        let call = ScmpSyscall::from_name_by_arch(name, architecture).ok()?;
        u32::try_from(call.as_raw_syscall()).ok()
    };
    let last = policy.rules.iter().flat_map(|rule| &rule.names).filter_map(|name| number(name)).max();
    let denies = !matches!(policy.default, Action::Allow | Action::Log | Action::Trace(_));
    let is_newer = last.is_some_and(|last| last > 0 && call.number > last);
    // Minus one is no number of x86-64's own to the stub: its bit for x32 is set.
    if denies && listed(architecture) && is_newer && !(architecture == ScmpArch::X8664 && is_minus_one) {
        return ERRNO | 38;
    }
    let is_narrow = matches!(architecture, ScmpArch::X86 | ScmpArch::X32);
    let speaks_of_it = |rule: &&Rule| rule.names.iter().any(|name| number(name) == Some(call.number));
    let mut rules = policy.rules.iter().filter(speaks_of_it);
    let action = rules.find(|rule| matches(rule, call, is_narrow)).map_or(policy.default, |rule| rule.action);
    super::return_value(action)
}

fn matches(rule: &Rule, call: &Call, is_narrow: bool) -> bool {
    let holds = |argument: &Argument| {
        // Where pointers have 32 bits, libseccomp compares the lower halves.
        let width = if is_narrow { u64::from(u32::MAX) } else { u64::MAX };
        let (left, right) = (call.arguments[argument.index as usize] & width, argument.value & width);
        match argument.operator {
            Operator::Ne => left != right,
            Operator::Lt => left < right,
            Operator::Le => left <= right,
            Operator::Eq => left == right,
            Operator::Ge => left >= right,
            Operator::Gt => left > right,
            Operator::MaskedEq(mask) => left & mask == right & mask & width,
        }
    };
    let repeats = (0..6).any(|index| rule.arguments.iter().filter(|one| one.index == index).count() > 1);
    match rule.arguments.as_slice() {
        [] => true,
        some if repeats => some.iter().any(holds),
        all => all.iter().all(holds),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the other half is a word of its own")]
fn low(value: u64) -> u32 {
    value as u32
}
