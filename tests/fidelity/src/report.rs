//! What differs, and the score.

use crate::{Case, Facts, Observed, Reasons};
use nexcage_tests::Backend;
use std::collections::BTreeSet;
use std::fmt;

const ABSENT: &str = "(absent)";

/// The comparison of one bundle on one backend.
#[derive(Debug, Clone)]
pub struct Report {
    /// The bundle.
    pub name: String,
    /// Where it ran.
    pub backend: Backend,
    /// Facts that are the same.
    pub equal: usize,
    /// Differences, with whether they have a reason: fact, reference, ours.
    pub differences: Vec<(String, String, String, bool)>,
    /// What ours said if it did not run the bundle.
    pub refusal: Option<String>,
    /// What the reference said if it did not run the bundle.
    pub reference_refusal: Option<String>,
}

impl Report {
    /// Compares our run with the reference, corrected by what the case expects.
    #[must_use]
    pub fn new(
        case: &Case,
        backend: Backend,
        reference: &Observed,
        ours: &Observed,
        reasons: &Reasons,
    ) -> Self {
        let mut wanted = if case.only_expected { Facts::new() } else { reference.facts.clone() };
        wanted.extend(case.expect.clone());
        let names: BTreeSet<&String> = match case.only_expected {
            true => wanted.keys().collect(),
            false => wanted.keys().chain(ours.facts.keys()).collect(),
        };
        let outcome = |facts: &Facts| facts.get("run.outcome").cloned().unwrap_or_default();
        let refused = wanted.get("run.outcome").is_none_or(|outcome| outcome == "ran") && !ours.ran();
        let all = refused && reasons.explain(&case.name, backend, "run.outcome", &outcome(&ours.facts));
        let mut report = Report {
            name: case.name.clone(),
            backend,
            equal: 0,
            differences: Vec::new(),
            refusal: refused.then(|| ours.diagnostics.trim().to_owned()),
            reference_refusal: (!reference.ran()).then(|| reference.diagnostics.trim().to_owned()),
        };
        for name in names {
            let value = |facts: &Facts| facts.get(name).map_or(ABSENT, |value| value).to_owned();
            let (theirs, own) = (value(&wanted), value(&ours.facts));
            if theirs == own {
                report.equal += 1;
            } else {
                let explained = all || reasons.explain(&case.name, backend, name, &own);
                report.differences.push((name.clone(), theirs, own, explained));
            }
        }
        report
    }

    /// The number of differences that have no reason.
    #[must_use]
    pub fn unexplained(&self) -> usize {
        self.differences.iter().filter(|(.., explained)| !explained).count()
    }

    /// The differences, all or those without a reason; nothing if there are none.
    #[must_use]
    pub fn text(&self, all: bool) -> String {
        let shown = self.differences.iter().filter(|(.., explained)| all || !explained);
        let shown: Vec<String> = shown
            .map(|(fact, theirs, ours, explained)| {
                let mark = if *explained { "reason " } else { "" };
                format!("  {mark}{fact}: {theirs:?}, ours {ours:?}")
            })
            .collect();
        let head = format!("{} on {}", self.name, backend_name(self.backend));
        let head = match &self.reference_refusal {
            Some(said) if all => format!("{head} (the reference did not run it: {})", first_line(said)),
            _ => head,
        };
        match &self.refusal {
            Some(said) if !shown.is_empty() => {
                format!("{head}: not run, {} facts: {}", shown.len(), first_line(said))
            }
            _ if shown.is_empty() => String::new(),
            _ => format!("{head}:\n{}", shown.join("\n")),
        }
    }
}

fn first_line(said: &str) -> &str {
    said.lines().next().unwrap_or("it said nothing")
}

/// The name that `--backend` takes.
fn backend_name(backend: Backend) -> &'static str {
    match backend {
        Backend::Lxc => "lxc",
        Backend::Pct => "pct",
    }
}

/// Sums over all bundles.
#[derive(Debug, Clone, Default)]
pub struct Score {
    lines: Vec<(Backend, [usize; 4])>,
}

impl Score {
    /// Counts a report.
    pub fn add(&mut self, report: &Report) {
        let at = self.lines.iter().position(|(backend, _)| *backend == report.backend);
        let at = at.unwrap_or_else(|| {
            self.lines.push((report.backend, [0; 4]));
            self.lines.len() - 1
        });
        let [bundles, equal, explained, unexplained] = &mut self.lines[at].1;
        *bundles += 1;
        *equal += report.equal;
        *unexplained += report.unexplained();
        *explained += report.differences.len() - report.unexplained();
    }

    /// The differences without a reason.
    #[must_use]
    pub fn unexplained(&self) -> usize {
        self.lines.iter().map(|(_, [.., unexplained])| unexplained).sum()
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (backend, [bundles, equal, explained, unexplained]) in &self.lines {
            let total = equal + explained + unexplained;
            writeln!(
                f,
                "{}: {bundles} bundles, {equal} of {total} facts equal, {explained} differences with a reason, \
                 {unexplained} unexplained",
                backend_name(*backend),
            )?;
        }
        Ok(())
    }
}
