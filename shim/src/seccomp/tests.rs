//! Filters against policies.
#![cfg(target_arch = "x86_64")]

use super::machine::{AARCH64, ALLOW, Call, ERRNO, KILL_THREAD, X32, X86, X86_64, decide, run};
use super::{CompileError, compile};
use libseccomp::{ScmpArch, ScmpSyscall};
use lxc_render_config::{Action, Argument, Listener, Operator, Rule, Seccomp};
use nexcage_cli::Diagnose as _;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// System calls that no architecture multiplexes over another.
const NAMES: [&str; 8] =
    ["read", "getpid", "personality", "mkdir", "prctl", "ioctl", "close_range", "no_such_call"];

fn rule(name: &str, action: Action, arguments: Vec<Argument>) -> Rule {
    Rule { names: vec![name.to_owned()], action, arguments }
}

fn policy(default: Action, architectures: &[&str], rules: Vec<Rule>) -> Seccomp {
    let architectures = architectures.iter().map(|name| (*name).to_owned()).collect();
    Seccomp { default, architectures, flags: 0, rules, listener: None }
}

fn call(name: &str, arguments: [u64; 6]) -> Call {
    let number = ScmpSyscall::from_name(name).unwrap().as_raw_syscall();
    Call { number: number.try_into().unwrap(), architecture: X86_64, arguments }
}

fn actions() -> impl Strategy<Value = Action> {
    prop_oneof![
        Just(Action::KillThread),
        Just(Action::KillProcess),
        Just(Action::Trap),
        // libseccomp takes no higher one.
        (0..4095_u16).prop_map(Action::Errno),
        any::<u16>().prop_map(Action::Trace),
        Just(Action::Allow),
        Just(Action::Log),
    ]
}

/// Values that meet each other often, and the halves of 64 bits.
fn values() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..4_u64,
        (0..3_u64, 0..3_u64).prop_map(|(high, low)| high << 32 | low),
        Just(u64::MAX),
        any::<u64>()
    ]
}

prop_compose! {
    fn arguments()(
        index in 0..3_u32,
        value in values(),
        operator in prop_oneof![
            Just(Operator::Ne), Just(Operator::Lt), Just(Operator::Le), Just(Operator::Eq), Just(Operator::Ge),
            Just(Operator::Gt), values().prop_map(Operator::MaskedEq),
        ],
    ) -> Argument {
        Argument { index, operator, value }
    }
}

prop_compose! {
    /// The rules of a system call have one action: what libseccomp makes of several is its own
    /// business, and runc's the same.
    fn policies()(
        default in actions(),
        architectures in subsequence(vec!["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_AARCH64"], 0..=4),
        names in subsequence(NAMES.to_vec(), 0..=8),
        parts in vec((actions(), prop_oneof![vec(vec(arguments(), 0..4), 1), vec(vec(arguments(), 1..3), 2..4)]), 8),
    ) -> Seccomp {
        let rules = names.into_iter().zip(parts).flat_map(|(name, (action, alternatives))| {
            alternatives.into_iter().map(move |arguments| rule(name, action, arguments))
        });
        policy(default, &architectures, rules.collect())
    }
}

prop_compose! {
    fn calls()(
        architecture in select(vec![X86_64, X86, AARCH64, X86_64, 0x1234]),
        named in (select(NAMES.to_vec()), any::<bool>()).prop_map(|(name, is_x32)| (name, is_x32)),
        number in prop_oneof![0..500_u32, Just(u32::MAX), Just(X32), Just(X32 + 600)],
        is_named in any::<bool>(),
        arguments in prop::array::uniform6(values()),
    ) -> Call {
        let (name, is_x32) = named;
        let scmp = match architecture {
            X86 => ScmpArch::X86,
            AARCH64 => ScmpArch::Aarch64,
            _ if is_x32 => ScmpArch::X32,
            _ => ScmpArch::X8664,
        };
        let found = ScmpSyscall::from_name_by_arch(name, scmp).ok();
        let found = found.and_then(|call| u32::try_from(call.as_raw_syscall()).ok());
        let number = found.filter(|_| is_named).unwrap_or(number);
        // The kernel gives 32 bits of an argument of a 32-bit process.
        let arguments = if architecture == X86 { arguments.map(|value| value & 0xffff_ffff) } else { arguments };
        Call { number, architecture, arguments }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_filter_decides_as_its_policy_says(policy in policies(), calls in vec(calls(), 40)) {
        let filter = compile(&policy).unwrap();
        for call in calls {
            prop_assert_eq!(run(&filter.program, &call), decide(&policy, &call), "{:x?}", call);
        }
    }
}

#[test]
fn conditions_on_different_arguments_all_have_to_hold() {
    let equal = |index| Argument { index, operator: Operator::Eq, value: 7 };
    let both = policy(Action::Allow, &[], vec![rule("read", Action::Errno(5), vec![equal(0), equal(1)])]);
    let filter = compile(&both).unwrap().program;
    for (arguments, expected) in [([7, 7], ERRNO | 5), ([7, 0], ALLOW), ([0, 7], ALLOW)] {
        let [first, second] = arguments;
        assert_eq!(run(&filter, &call("read", [first, second, 0, 0, 0, 0])), expected, "{arguments:?}");
    }
}

#[test]
fn conditions_on_one_argument_are_alternatives() {
    let equal = |index, value| Argument { index, operator: Operator::Eq, value };
    let conditions = vec![equal(0, 1), equal(0, 2), equal(1, 9)];
    let any = policy(Action::Allow, &[], vec![rule("read", Action::Errno(5), conditions)]);
    let filter = compile(&any).unwrap().program;
    for (arguments, expected) in
        [([1, 0], ERRNO | 5), ([2, 0], ERRNO | 5), ([3, 9], ERRNO | 5), ([3, 0], ALLOW)]
    {
        let [first, second] = arguments;
        assert_eq!(run(&filter, &call("read", [first, second, 0, 0, 0, 0])), expected, "{arguments:?}");
    }
}

#[test]
fn what_is_newer_than_the_policy_does_not_exist() {
    let newer = Call { number: 462, architecture: X86_64, arguments: [0; 6] };
    let rules = || vec![rule("read", Action::Allow, vec![]), rule("openat2", Action::Allow, vec![])];
    for (default, architectures, expected) in [
        (Action::Errno(1), &["SCMP_ARCH_X86_64"][..], ERRNO | 38),
        (Action::KillProcess, &["SCMP_ARCH_X86_64"], ERRNO | 38),
        (Action::Errno(1), &[], ERRNO | 1),
        (Action::Errno(1), &["SCMP_ARCH_X86"], ERRNO | 1),
        (Action::Log, &["SCMP_ARCH_X86_64"], 0x7ffc_0000),
    ] {
        let policy = policy(default, architectures, rules());
        assert_eq!(run(&compile(&policy).unwrap().program, &newer), expected, "{policy:?}");
    }
}

#[test]
fn other_architectures_are_killed() {
    let filter = compile(&policy(Action::Allow, &[], vec![])).unwrap().program;
    let foreign = Call { architecture: X86, ..call("read", [0; 6]) };
    assert_eq!(run(&filter, &foreign), KILL_THREAD);
    assert_eq!(run(&filter, &call("read", [0; 6])), ALLOW);
}

#[test]
fn flags_and_the_listener_are_passed_on() {
    let mut policy = policy(Action::Allow, &[], vec![rule("mkdir", Action::Notify, vec![])]);
    policy.flags = 6;
    assert_eq!(compile(&policy).unwrap().flags, 6);
    policy.listener = Some(Listener { path: "/x".into(), metadata: None });
    assert_eq!(compile(&policy).unwrap().flags, 14);
}

#[test]
fn what_cannot_be_compiled_is_named() {
    let check = |policy: &Seccomp, parts: &[&str]| {
        let error = compile(policy).map(drop).unwrap_err();
        let message = error.to_string();
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
        assert!(error.hint().is_some());
    };
    check(&policy(Action::Allow, &["SCMP_ARCH_NONE"], vec![]), &["SCMP_ARCH_NONE"]);
    let zero = || vec![Argument { index: 0, operator: Operator::Eq, value: 0 }];
    let contradiction =
        vec![rule("read", Action::Errno(1), zero()), rule("read", Action::KillProcess, zero())];
    check(&policy(Action::Allow, &[], contradiction), &["syscalls[1]", "read"]);
    let many = (0..5000).map(|value| Argument { index: 0, operator: Operator::Eq, value }).collect();
    let large =
        compile(&policy(Action::Allow, &[], vec![rule("read", Action::Trap, many)])).map(drop).unwrap_err();
    assert!(matches!(large, CompileError::TooLarge { instructions } if instructions > 4096), "{large}");
}
