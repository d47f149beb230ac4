//! The differences that are known, and why they are.

use nexcage_tests::Backend;
use std::sync::atomic::{AtomicBool, Ordering};

const LISTED: &str = include_str!("../reasons.txt");

/// The lines of `reasons.txt`: `BUNDLES FACTS BACKEND REASON`. `*` in the first two stands for any text;
/// FACTS may have `=VALUE` of ours; BACKEND is `lxc`, `pct` or `*`. A REASON that begins with `sometimes` is
/// for a difference that depends on time.
#[derive(Debug)]
pub struct Reasons(Vec<Reason>);

#[derive(Debug)]
struct Reason {
    line: &'static str,
    bundles: &'static str,
    fact: &'static str,
    value: &'static str,
    backend: &'static str,
    is_rare: bool,
    used: AtomicBool,
}

impl Reasons {
    /// Those of the project.
    ///
    /// # Panics
    /// A line is not what it should be.
    #[must_use]
    pub fn listed() -> Self {
        Reasons::parse(LISTED)
    }

    fn parse(text: &'static str) -> Self {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        Reasons(lines.map(Reason::parse).collect())
    }

    /// Whether a difference has a reason; the reason counts as used.
    pub(crate) fn explain(&self, bundle: &str, backend: Backend, fact: &str, ours: &str) -> bool {
        let mut explained = false;
        for reason in &self.0 {
            if reason.matches(bundle, backend, fact, ours) {
                reason.used.store(true, Ordering::Relaxed);
                explained = true;
            }
        }
        explained
    }

    /// The lines that no difference has used, but for those whose reason begins with `sometimes`.
    #[must_use]
    pub fn unused(&self) -> Vec<&'static str> {
        let unused = self.0.iter().filter(|reason| !reason.is_rare && !reason.used.load(Ordering::Relaxed));
        unused.map(|reason| reason.line).collect()
    }
}

impl Reason {
    fn parse(line: &'static str) -> Self {
        let mut words = line.splitn(4, ' ');
        let (Some(bundles), Some(fact), Some(backend @ ("lxc" | "pct" | "*")), Some(why)) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            panic!("reasons.txt: expected BUNDLES FACTS lxc|pct|* REASON: {line}")
        };
        let (fact, value) = fact.split_once('=').unwrap_or((fact, "*"));
        let is_rare = why.starts_with("sometimes ");
        Reason { line, bundles, fact, value, backend, is_rare, used: AtomicBool::new(false) }
    }

    fn matches(&self, bundle: &str, backend: Backend, fact: &str, ours: &str) -> bool {
        let name = match backend {
            Backend::Lxc => "lxc",
            Backend::Pct => "pct",
        };
        matches(self.backend, name)
            && matches(self.bundles, bundle)
            && matches(self.fact, fact)
            && matches(self.value, ours)
    }
}

/// Whether a text is as a pattern says, in which `*` stands for any text. Blanks in the text are `_` in
/// the pattern.
fn matches(pattern: &str, text: &str) -> bool {
    let text = text.replace(' ', "_");
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(head) else { return false };
    let mut pieces: Vec<&str> = rest.split('*').collect();
    let last = pieces.pop().unwrap_or_default();
    for piece in pieces {
        let Some(at) = text.find(piece) else { return false };
        text = &text[at + piece.len()..];
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::{Reasons, matches};
    use nexcage_tests::Backend;

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a", "a", true),
            ("a", "ab", false),
            ("a*", "ab", true),
            ("a*c", "abc", true),
            ("a*c", "abd", false),
            ("*.b.*", "a.b.c", true),
            ("ab*ba", "aba", false),
            ("a_b", "a b", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_reason_is_for_its_bundles_facts_values_and_backend() {
        let reasons = Reasons::parse("# comment\nm-* x.*=1 lxc because\n* y pct because\n");
        assert!(reasons.explain("m-a", Backend::Lxc, "x.a", "1"));
        assert!(!reasons.explain("m-a", Backend::Lxc, "x.a", "2"));
        assert!(!reasons.explain("m-a", Backend::Pct, "x.a", "1"));
        assert!(!reasons.explain("n-a", Backend::Lxc, "x.a", "1"));
        assert_eq!(reasons.unused(), ["* y pct because"]);
    }
}
