//! How long a command takes.

use crate::error::Error;
use crate::step::shown;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Something to be measured.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    command: Command,
    times: Vec<Duration>,
}

impl Subject {
    pub(crate) fn new(name: &'static str, mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Subject { name, command, times: Vec::new() }
    }

    fn run(&mut self) -> Result<(), Error> {
        let program = shown(&self.command);
        let failed = |source| Error::Start { program: program.clone(), source };
        let start = Instant::now();
        let status = self.command.status().map_err(failed)?;
        self.times.push(start.elapsed());
        if status.success() { Ok(()) } else { Err(Error::Ended { program, status }) }
    }

    /// The time that this share of the runs did not exceed; in milliseconds.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let mut sorted = self.times.clone();
        sorted.sort_unstable();
        let last = sorted.len().saturating_sub(1);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "few runs"
        )]
        let index = (share * last as f64).round() as usize;
        sorted.get(index).map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
    }

    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }
}

/// Between two runs. The kernel makes moves between cgroups cheap for a while after one, so a subject
/// would gain by coming right after another.
const REST: Duration = Duration::from_millis(60);

/// Runs every subject `runs` times by turns, so that a slow moment of the machine meets all alike; a
/// first round warms caches up and is not counted.
pub(crate) fn measure(subjects: &mut [Subject], runs: usize) -> Result<(), Error> {
    for round in 0..=runs {
        for subject in &mut *subjects {
            thread::sleep(REST);
            subject.run()?;
            if round == 0 {
                subject.times.clear();
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_few_runs() {
        let mut subject = Subject::new("x", Command::new("true"));
        subject.times = [4, 1, 3, 2, 5].map(Duration::from_millis).to_vec();
        let close = |share: f64, expected: f64| (subject.quantile(share) - expected).abs() < 1e-9;
        assert!(close(0.0, 1.0) && close(0.5, 3.0) && close(0.95, 5.0) && close(1.0, 5.0));
    }

    #[test]
    fn a_command_is_measured_and_its_failure_is_an_error() {
        let mut subjects = [Subject::new("true", Command::new("/bin/true"))];
        measure(&mut subjects, 3).unwrap();
        assert!(subjects[0].times.len() == 3 && subjects[0].median() > 0.0);
        assert!(measure(&mut [Subject::new("false", Command::new("/bin/false"))], 1).is_err());
    }
}
