//! Baselines: findings that are known and shall not be told again.
//!
//! The file is text, a line a finding: its fingerprint, and for people its rule and its pointer as
//! a JSON string. The first line names the format. It does not name documents, so a baseline holds
//! wherever a bundle is unpacked; a finding that is in it once is known once.

use super::Finding;
use std::collections::HashMap;
use std::fmt;

const HEADER: &str = "bundle-validate-baseline 1";

/// Findings that are known.
#[derive(Debug, Default)]
pub(crate) struct Baseline {
    known: HashMap<String, usize>,
}

impl Baseline {
    /// Reads a baseline.
    pub(crate) fn parse(text: &str) -> Result<Baseline, Malformed> {
        let mut lines = text.lines();
        if lines.next() != Some(HEADER) {
            return Err(Malformed { line: 1, expected: HEADER });
        }
        let mut baseline = Baseline::default();
        for (index, line) in lines.enumerate() {
            let malformed = Malformed { line: index + 2, expected: "FINGERPRINT RULE \"POINTER\"" };
            let fingerprint = fingerprint(line).ok_or(malformed)?;
            *baseline.known.entry(fingerprint.to_owned()).or_default() += 1;
        }
        Ok(baseline)
    }

    /// Whether a finding is known; it is forgotten by that.
    pub(super) fn take(&mut self, finding: &Finding) -> bool {
        if self.known.is_empty() {
            return false;
        }
        match self.known.get_mut(&finding.fingerprint()) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        }
    }
}

/// The fingerprint of a line that is well-formed.
fn fingerprint(line: &str) -> Option<&str> {
    let mut parts = line.splitn(3, ' ');
    let (fingerprint, rule, pointer) = (parts.next()?, parts.next()?, parts.next()?);
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let well_formed = fingerprint.len() == 16
        && fingerprint.bytes().all(hex)
        && rule.starts_with("OCI-")
        && serde_json::from_str::<String>(pointer).is_ok();
    well_formed.then_some(fingerprint)
}

/// A baseline that is written: findings in the order of their lines, so that two of them compare.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    lines: Vec<String>,
}

impl Recorder {
    pub(crate) fn add(&mut self, finding: &Finding) {
        let pointer = serde_json::Value::from(finding.pointer.as_str());
        self.lines.push(format!("{} {} {pointer}\n", finding.fingerprint(), finding.rule.id));
    }

    /// The text of the file.
    pub(crate) fn text(mut self) -> String {
        self.lines.sort_unstable_by(|a, b| a[16..].cmp(&b[16..]).then_with(|| a.cmp(b)));
        format!("{HEADER}\n{}", self.lines.concat())
    }
}

/// A line that is not of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed {
    line: usize,
    expected: &'static str,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: expected {}", self.line, self.expected)
    }
}

impl std::error::Error for Malformed {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_baseline_is_strict() {
        let good = format!("{HEADER}\n0123456789abcdef OCI-P2 \"/process/cwd\"\n");
        assert_eq!(Baseline::parse(&good).unwrap().known.len(), 1);
        assert_eq!(Baseline::parse("").unwrap_err().line, 1);
        for line in [
            "",
            "0123456789abcdef",
            "0123456789ABCDEF OCI-P2 \"\"",
            "0123456789abcdef OCI-P2 /a",
            "x OCI-P2 \"\"",
        ] {
            let error = Baseline::parse(&format!("{good}{line}\n")).unwrap_err();
            assert_eq!(error.line, 3, "{line}");
        }
    }
}
