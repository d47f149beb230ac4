//! What containerd tells of its containers, as `ctr events` shows it.

use super::{Containerd, await_that};
use crate::Running;
use rustix::process::Signal;
use serde_json::Value;
use std::io::Read as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// See the module.
#[derive(Debug)]
pub struct Events<'c> {
    containerd: &'c Containerd<'c>,
    client: Running,
    shown: Arc<Mutex<Vec<u8>>>,
}

impl<'c> Events<'c> {
    pub(super) fn start(containerd: &'c Containerd<'c>) -> Self {
        let mut client = containerd.ctr(["events"]).start();
        let shown: Arc<Mutex<Vec<u8>>> = Arc::default();
        let stdout = client.stdout.take();
        let all = Arc::clone(&shown);
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            let mut stdout = stdout?;
            while let Ok(count @ 1..) = stdout.read(&mut buffer) {
                all.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..count]);
            }
            Some(())
        });
        let events = Events { containerd, client, shown };
        await_that("events come", || {
            events.mark("begin");
            !events.all().is_empty()
        });
        events
    }

    /// Has containerd tell something that can be known again.
    fn mark(&self, word: &str) {
        let namespace = self.containerd.namespace.as_str();
        let label = format!("mark={word}");
        self.containerd.ctr(["namespaces", "label", namespace, &label]).assert().code(0);
    }

    fn all(&self) -> Vec<(String, Value)> {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&shown).lines().filter_map(event).collect()
    }

    /// Everything about tasks so far, in its order: topic and event.
    #[must_use]
    pub fn of_tasks(&self) -> Vec<(String, Value)> {
        let all = self.all().into_iter();
        all.filter(|(topic, _)| topic.starts_with("/tasks/")).collect()
    }

    /// Everything about tasks, when nothing more is to come: a deletion of the container is the last thing.
    ///
    /// # Panics
    /// It is not told.
    #[must_use]
    #[track_caller]
    pub fn until_deletion_of(self, id: &str) -> Vec<(String, Value)> {
        await_that("the deletion is told", || {
            self.all().iter().any(|(topic, event)| topic == "/containers/delete" && event["id"] == id)
        });
        self.of_tasks()
    }
}

impl Drop for Events<'_> {
    fn drop(&mut self) {
        if self.client.is_running() {
            self.client.signal(Signal::TERM);
        }
    }
}

/// A line: date, time, zone twice, namespace, topic, event.
fn event(line: &str) -> Option<(String, Value)> {
    let mut words = line.splitn(7, ' ').skip(5);
    let topic = words.next()?.to_owned();
    Some((topic, serde_json::from_str(words.next()?).ok()?))
}
