//! Which findings are told, and how much they weigh: what the user says, after the rules.

use super::baseline::{Baseline, Recorder};
use super::form::{LeftOut, Totals};
use super::{Finding, Report, Severity};

/// What the user says about rules and findings.
#[derive(Debug)]
pub(crate) struct Selection {
    /// Rules whose findings are errors.
    pub(crate) denied: Vec<&'static str>,
    /// Rules whose findings are dropped.
    pub(crate) allowed: Vec<&'static str>,
    /// Findings that are known.
    pub(crate) known: Known,
    /// Most findings of a rule in a document that are printed; `None` prints all.
    pub(crate) most: Option<usize>,
}

/// What is done about findings that are known.
#[derive(Debug)]
pub(crate) enum Known {
    /// The ones of this baseline are dropped.
    Dropped(Baseline),
    /// All are recorded, and dropped.
    Recorded(Recorder),
}

impl Known {
    /// Whether a finding is to be dropped.
    fn drops(&mut self, finding: &Finding) -> bool {
        match self {
            Known::Dropped(baseline) => baseline.take(finding),
            Known::Recorded(recorder) => {
                recorder.add(finding);
                true
            }
        }
    }
}

/// What is told of a document.
#[derive(Debug, Default)]
pub(crate) struct Selected {
    pub(crate) findings: Vec<Finding>,
    pub(crate) left_out: Vec<LeftOut>,
}

impl Selection {
    /// Chooses what is told of the report on one document, and counts everything.
    pub(crate) fn of(&mut self, report: Report, totals: &mut Totals) -> Selected {
        let mut selected = Selected::default();
        let mut printed: Vec<(&'static str, usize)> = vec![];
        for mut finding in report.into_findings() {
            let id = finding.rule.id;
            // That not everything was looked for is always told.
            let told = finding.ends_the_list();
            if !told && self.allowed.contains(&id) {
                totals.allowed += 1;
                continue;
            }
            if !told && self.known.drops(&finding) {
                totals.baseline += 1;
                continue;
            }
            if self.denied.contains(&id) {
                finding.severity = Severity::Error;
            }
            totals.count(finding.severity);
            let index = printed.iter().position(|(rule, _)| *rule == id).unwrap_or_else(|| {
                printed.push((id, 0));
                printed.len() - 1
            });
            let count = &mut printed[index].1;
            *count += 1;
            if self.most.is_none_or(|most| *count <= most) {
                selected.findings.push(finding);
                continue;
            }
            totals.left_out += 1;
            match selected.left_out.iter_mut().find(|left_out| left_out.rule == id) {
                Some(left_out) => left_out.count += 1,
                None => selected.left_out.push(LeftOut { rule: id, count: 1 }),
            }
        }
        selected
    }
}
