//! Filters one after the other, for rules that libseccomp gets wrong in one.
//!
//! Of several ways to match a system call libseccomp 2.5 makes one tree, in which a condition that does
//! not hold may end the search: `< 2^32 or < 0` does not match 5. Only equalities of one argument are
//! sure. Otherwise each way but the first gets a filter of its own, whose default action is to go
//! on to the next filter.

use super::INSTRUCTION_LEN;
use lxc_render_config::{Argument, Operator, Rule, Seccomp};
use std::collections::{BTreeMap, BTreeSet};

/// The conditions of a rule that have to hold together, once for each way to match it: all of
/// them; or each alone if an argument is named twice, as runc reads it.
pub(super) fn alternatives(rule: &Rule) -> impl Iterator<Item = &[Argument]> {
    let mut seen = BTreeSet::new();
    let repeats = rule.arguments.iter().any(|argument| !seen.insert(argument.index));
    let size = if repeats { 1 } else { rule.arguments.len() };
    // A rule without conditions is one alternative too.
    let none = rule.arguments.is_empty().then_some(&[][..]);
    none.into_iter().chain(rule.arguments.chunks(size.max(1)))
}

/// The policy without what [`before`] has.
pub(super) fn main(policy: &Seccomp) -> Seccomp {
    let split = split(policy);
    let mut main = policy.clone();
    for rule in &mut main.rules {
        rule.names.retain(|name| !split.contains_key(name.as_str()));
    }
    main.rules.extend(split.iter().filter_map(|(name, rules)| rules.first().map(|first| named(name, first))));
    main
}

/// The policies whose filters stand before that of [`main`].
pub(super) fn before(policy: &Seccomp) -> Vec<Seccomp> {
    let split = split(policy);
    let deepest = split.values().map(Vec::len).max().unwrap_or_default();
    let layer = |depth: usize| {
        let rules = split.iter().filter_map(|(name, rules)| rules.get(depth).map(|rule| named(name, rule)));
        Seccomp { rules: rules.collect(), ..policy.clone() }
    };
    (1..deepest).map(layer).collect()
}

/// The system calls that need more than one filter, with a rule for each.
fn split(policy: &Seccomp) -> BTreeMap<&str, Vec<Rule>> {
    let mut calls: BTreeMap<&str, Vec<Rule>> = BTreeMap::new();
    for rule in policy.rules.iter().filter(|rule| rule.action != policy.default) {
        for name in &rule.names {
            let parts = alternatives(rule).map(|part| Rule {
                names: vec![],
                action: rule.action,
                arguments: part.to_vec(),
            });
            calls.entry(name).or_default().extend(parts);
        }
    }
    calls.retain(|_, rules| {
        // What wins of different actions is libseccomp's business, and is the same under runc.
        let alike = rules.windows(2).all(|pair| pair[0].action == pair[1].action);
        let conditional = rules.iter().all(|rule| !rule.arguments.is_empty());
        rules.len() > 1 && alike && conditional && !is_choice(rules)
    });
    calls
}

/// Whether the rules compare one and the same argument with values.
fn is_choice(rules: &[Rule]) -> bool {
    let choice = |rule: &Rule| match rule.arguments[..] {
        [Argument { index, operator: Operator::Eq, .. }] => Some(index),
        _ => None,
    };
    let first = rules.first().and_then(choice);
    first.is_some() && rules.iter().all(|rule| choice(rule) == first)
}

fn named(name: &str, rule: &Rule) -> Rule {
    Rule { names: vec![name.to_owned()], ..rule.clone() }
}

/// A filter that leads to what follows it where it would give `default` back.
pub(super) fn falling_through(mut program: Vec<u8>, default: u32) -> Vec<u8> {
    const RETURN: u16 = 0x06;
    const JUMP: u16 = 0x05;
    let instructions = program.len() / INSTRUCTION_LEN;
    for (index, instruction) in program.chunks_exact_mut(INSTRUCTION_LEN).enumerate() {
        let (operation, value) = instruction.split_at_mut(4);
        if operation[..2] == RETURN.to_ne_bytes() && value == default.to_ne_bytes() {
            operation[..2].copy_from_slice(&JUMP.to_ne_bytes());
            let rest = u32::try_from(instructions - index - 1).unwrap_or(u32::MAX);
            value.copy_from_slice(&rest.to_ne_bytes());
        }
    }
    program
}
