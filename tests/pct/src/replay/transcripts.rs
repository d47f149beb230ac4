//! Recorded calls.

use super::reasons::Reasons;
use super::scene::Scene;
use super::{Outcome, mask};
use crate::commands::Command;
use crate::usage;
use serde::Deserialize;
use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// One recording.
#[derive(Debug, Deserialize)]
pub(super) struct Recording {
    pub(super) name: String,
    pub(super) setup: Vec<String>,
    pub(super) argv: Vec<String>,
    stdin: Option<String>,
    pub(super) conf_before: Option<String>,
    /// None: the recorder ended it.
    exit: Option<i32>,
    stdout: String,
    stderr: String,
    conf_after: Option<String>,
}

/// What a call did.
struct Run {
    exit: Option<i32>,
    stdout: String,
    stderr: String,
}

/// How many calls are replayed at a time: most of them wait.
const WORKERS: usize = 4;
/// How long a call may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long one that the recorder had to end is given.
const SHORT_PATIENCE: Duration = Duration::from_secs(1);

/// Replays calls on nodes of their own, some at a time; the result is in their order.
pub(super) fn check_all(recordings: &[Recording], pct: &Path, reasons: &Reasons) -> Vec<(String, Outcome)> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(recording) = recordings.get(index) else { return done };
            let outcome = match reasons.not_run("transcripts", &recording.name) {
                Some(reason) => Outcome::NotCovered(reason.to_owned()),
                None => recording.check(pct),
            };
            done.push((index, (recording.name.clone(), outcome)));
        }
    };
    let mut outcomes: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().filter_map(|worker| worker.join().ok()).flatten().collect()
    });
    outcomes.sort_by_key(|(index, _)| *index);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

impl Recording {
    fn check(&self, pct: &Path) -> Outcome {
        match self.argv.get(1) {
            Some(command) if usage::has(command) && Command::named(command).is_none() => {
                return Outcome::NotCovered(format!("pct {command} is not covered"));
            }
            _ => {}
        }
        match self.run(pct) {
            Ok(None) => Outcome::Passed,
            Ok(Some(difference)) => Outcome::Failed(difference),
            Err(error) => Outcome::Failed(format!("    the scene cannot be set: {error}")),
        }
    }

    fn run(&self, pct: &Path) -> io::Result<Option<String>> {
        let scene = Scene::set(self, pct)?;
        let mut call = scene.call(&self.argv[1..]);
        let input = &self.stdin;
        call.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
        let mut child = call.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let patience = if self.exit.is_none() { SHORT_PATIENCE } else { PATIENCE };
        let run = finish(&mut child, input.as_deref().unwrap_or_default(), patience)?;
        let after = match fs::read_to_string(scene.conf_file()) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(self.differs(&scene, &run, after.as_deref()))
    }

    fn differs(&self, scene: &Scene, run: &Run, after: Option<&str>) -> Option<String> {
        let given = format!("{:?}{:?}", self.argv, self.conf_before);
        let show = |conf: Option<&str>| mask::addresses(&scene.unmap(conf.unwrap_or("(none)")), &given);
        let stdout = |text: &str| {
            let text = mask::general(&scene.unmap(text));
            match self.argv.get(1).map(String::as_str) {
                Some("status") => mask::status(&text),
                Some("df") => mask::figures(&text),
                _ => text,
            }
        };
        let stderr = |text: &str| mask::parameters(&mask::general(&scene.unmap(text)));
        let conf = || {
            if !scene.knows_conf() {
                return None;
            }
            mask::difference("conf", &show(self.conf_after.as_deref()), &show(after))
        };
        mask::difference("exit", &format!("{:?}", self.exit), &format!("{:?}", run.exit))
            .or_else(|| mask::difference("stdout", &stdout(&self.stdout), &stdout(&run.stdout)))
            .or_else(|| mask::difference("stderr", &stderr(&self.stderr), &stderr(&run.stderr)))
            .map(|difference| {
                let output = format!("{}{}", run.stdout, run.stderr);
                format!("{difference}\n    output: {:?}", scene.unmap(&output))
            })
            .or_else(conf)
    }
}

/// Feeds a call, gathers its output and ends it when it takes too long.
fn finish(child: &mut Child, input: &str, patience: Duration) -> io::Result<Run> {
    if let Some(mut stdin) = child.stdin.take() {
        // A call that does not read its input is as good.
        drop(stdin.write_all(input.as_bytes()));
    }
    let stdout = child.stdout.take().map(gather);
    let stderr = child.stderr.take().map(gather);
    let begin = Instant::now();
    let exit = loop {
        if let Some(status) = child.try_wait()? {
            break status.code();
        }
        if begin.elapsed() > patience {
            child.kill()?;
            child.wait()?;
            break None;
        }
        thread::sleep(Duration::from_millis(2));
    };
    let text = |reader: Option<thread::JoinHandle<String>>| reader.and_then(|reader| reader.join().ok());
    Ok(Run { exit, stdout: text(stdout).unwrap_or_default(), stderr: text(stderr).unwrap_or_default() })
}

fn gather(mut stream: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        drop(stream.read_to_end(&mut bytes));
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
