//! Whether a state holds: the MUST rules of its document, its process, its bundle.

use crate::Container;
use crate::container::{FIELDS, Origin};
use nexcage_cli::escape_controls;
use nexcage_record::ProcessId;
use serde_json::{Map, Value};
use std::fmt;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Something that is not so, or may not be so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The container, as [`Container::name`] calls it.
    pub container: String,
    /// The rule's stable name.
    pub rule: &'static str,
    /// The field concerned, as a JSON pointer; empty for the whole document.
    pub pointer: String,
    /// What is wrong, in one line.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { container, rule, pointer, message } = self;
        let at = if pointer.is_empty() { "" } else { " " };
        f.write_str(&escape_controls(&format!("{container}: error[{rule}]{at}{pointer}: {message}")))
    }
}

/// The rules: name, and what is wrong when it finds something.
pub const RULES: &[(&str, &str)] = &[
    ("STATE-REQUIRED", "A field that the specification requires is missing or empty."),
    ("STATE-TYPE", "A field has another type than the specification gives it."),
    ("STATE-VERSION", "ociVersion is no version of SemVer 2.0.0."),
    ("STATE-STATUS", "status is neither one of the specification nor paused."),
    (
        "STATE-STALE",
        "The process is gone, or its pid belongs to a process that is younger than the container.",
    ),
    ("STATE-BUNDLE", "The bundle is not named absolutely, or has no readable config.json."),
    ("STATE-ANNOTATIONS", "An annotation of the bundle is missing in the state or differs there."),
];

/// The states that runtime.md#state names, and the one that runc and crun add.
const STATUSES: [&str; 5] = ["creating", "created", "running", "stopped", "paused"];

/// How much later than `created` a process may seem to start: the clock may have been set since.
const TOLERANCE: Duration = Duration::from_secs(2);

/// Checks a state: its document by the rules of runtime.md#state, and against this host.
#[must_use]
pub fn check(container: &Container) -> Vec<Finding> {
    let mut findings = Findings { container, list: vec![] };
    findings.document();
    findings.process();
    findings.bundle();
    findings.list
}

struct Findings<'c> {
    container: &'c Container,
    list: Vec<Finding>,
}

impl Findings<'_> {
    fn add(&mut self, rule: &'static str, field: &str, message: impl Into<String>) {
        debug_assert!(RULES.iter().any(|(name, _)| *name == rule), "{rule} is in no table");
        let pointer = if field.is_empty() { String::new() } else { format!("/{field}") };
        let container = self.container.name();
        self.list.push(Finding { container, rule, pointer, message: message.into() });
    }

    fn document(&mut self) {
        let state = self.container.state();
        for field in ["ociVersion", "id", "status", "bundle"] {
            match state.get(field) {
                None => self.add("STATE-REQUIRED", "", format!("`{field}` is required")),
                Some(Value::String(text)) if text.is_empty() => {
                    self.add("STATE-REQUIRED", field, "it is empty");
                }
                Some(Value::String(_)) => {}
                Some(_) => self.add("STATE-TYPE", field, "expected a string"),
            }
        }
        let version = self.container.text("ociVersion");
        if !version.is_empty() && !is_semver(version) {
            self.add("STATE-VERSION", "ociVersion", format!("{version} is no version of SemVer 2.0.0"));
        }
        let status = self.container.text("status");
        if !status.is_empty() && !STATUSES.contains(&status) {
            self.add("STATE-STATUS", "status", format!("{status} is none of {}", STATUSES.join(", ")));
        }
        self.pid(status);
        if state.get("annotations").is_some_and(|map| !is_string_map(map)) {
            self.add("STATE-TYPE", "annotations", "expected an object of strings");
        }
        let bundle = self.container.text("bundle");
        if !bundle.is_empty() && !Path::new(bundle).is_absolute() {
            self.add("STATE-BUNDLE", "bundle", "it is not absolute");
        }
    }

    fn pid(&mut self, status: &str) {
        let live = matches!(status, "created" | "running" | "paused");
        match self.container.state().get("pid") {
            None if live => self.add("STATE-REQUIRED", "", format!("`pid` is required when {status}")),
            None => {}
            Some(pid) => match pid.as_i64() {
                Some(1..=0x7fff_ffff) => {}
                Some(0) if !live => {}
                _ => self.add("STATE-TYPE", "pid", "expected the number of a process"),
            },
        }
    }

    /// The process of the state against the one that has its pid now.
    fn process(&mut self) {
        if let Origin::Record(_, observed) = self.container.origin() {
            if observed.stale {
                let message = "its process is gone, and nobody was there to write its end down";
                self.add("STATE-STALE", "", message);
            }
            return;
        }
        let Some(pid) = self.container.pid().and_then(|pid| i32::try_from(pid).ok()) else { return };
        let now = ProcessId::of(pid).filter(|process| process.is_alive());
        let status = self.container.text("status");
        match (status, now) {
            ("created" | "running" | "paused", None) => {
                self.add("STATE-STALE", "pid", format!("there is no process {pid}"));
            }
            ("created" | "running" | "paused", Some(process)) if self.is_later(process) => {
                self.add("STATE-STALE", "pid", format!("process {pid} is younger than the container"));
            }
            _ => {}
        }
    }

    /// Whether a process started after the container was made, and so is not the container's.
    fn is_later(&self, process: ProcessId) -> bool {
        let (Some(created), Some(started)) = (self.container.created(), start(process)) else {
            return false;
        };
        started > created + TOLERANCE
    }

    fn bundle(&mut self) {
        let bundle = Path::new(self.container.text("bundle"));
        if !bundle.is_absolute() {
            return;
        }
        let config = match fs::read(bundle.join("config.json")) {
            Ok(text) => text,
            Err(error) => {
                let message = format!("{} cannot be read: {error}", bundle.join("config.json").display());
                return self.add("STATE-BUNDLE", "bundle", message);
            }
        };
        let Ok(config) = serde_json::from_slice::<Value>(&config) else {
            return self.add("STATE-BUNDLE", "bundle", "its config.json is not JSON");
        };
        let none = Map::new();
        let annotations = |value: Option<&Value>| value.and_then(Value::as_object).cloned();
        let meant = annotations(config.get("annotations"));
        let told = annotations(self.container.state().get("annotations"));
        for (key, value) in meant.as_ref().unwrap_or(&none) {
            if told.as_ref().unwrap_or(&none).get(key) != Some(value) {
                self.add("STATE-ANNOTATIONS", "annotations", format!("{key} is not as in the bundle"));
            }
        }
    }
}

fn is_string_map(value: &Value) -> bool {
    value.as_object().is_some_and(|map| map.values().all(Value::is_string))
}

/// Whether a text is a version of SemVer 2.0.0.
fn is_semver(text: &str) -> bool {
    let (text, build) = text.split_once('+').map_or((text, None), |(text, build)| (text, Some(build)));
    let (core, pre) = text.split_once('-').map_or((text, None), |(core, pre)| (core, Some(pre)));
    let number =
        |part: &str| part.bytes().all(|b| b.is_ascii_digit()) && (part == "0" || !part.starts_with('0'));
    let word = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let numeric = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    core.split('.').count() == 3
        && core.split('.').all(|part| !part.is_empty() && number(part))
        && pre.is_none_or(|pre| pre.split('.').all(|part| word(part) && (!numeric(part) || number(part))))
        && build.is_none_or(|build| build.split('.').all(word))
}

/// When a process started, by the clock of now.
fn start(process: ProcessId) -> Option<SystemTime> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let boot = stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    let ticks = rustix::param::clock_ticks_per_second();
    let seconds = process.start_time.checked_div(ticks)?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(boot) + Duration::from_secs(seconds))
}

/// The part of a state that the specification defines.
pub(crate) fn specified(state: &Map<String, Value>) -> Map<String, Value> {
    let fields = FIELDS.iter().filter_map(|field| Some(((*field).to_owned(), state.get(*field)?.clone())));
    fields.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rules(state: &Value) -> Vec<&'static str> {
        let Value::Object(state) = state else { panic!("no object") };
        check(&Container::of_document(state.clone(), "x".to_owned())).iter().map(|f| f.rule).collect()
    }

    #[test]
    fn versions_are_semver() {
        for good in ["1.0.2", "1.0.2-dev", "1.3.0+dev", "1.0.0-rc.1+x.5"] {
            assert!(is_semver(good), "{good}");
        }
        for bad in ["1.0", "01.0.2", "1.0.2-", "1.0.2-01", "v1.0.2", "1.0.2+", "1.0.2 ", ""] {
            assert!(!is_semver(bad), "{bad}");
        }
    }

    #[test]
    fn every_must_of_the_document_is_checked() {
        let bundle = tempfile::tempdir().unwrap();
        fs::write(bundle.path().join("config.json"), r#"{"annotations": {"a": "b"}}"#).unwrap();
        let good = json!({"ociVersion": "1.0.2-dev", "id": "x", "status": "running", "bundle": bundle.path(),
            "pid": std::process::id(), "annotations": {"a": "b"}});
        assert_eq!(rules(&good), [""; 0]);
        for (pointer, value, rule) in [
            ("/ociVersion", json!("one"), "STATE-VERSION"),
            ("/ociVersion", json!(1), "STATE-TYPE"),
            ("/id", json!(""), "STATE-REQUIRED"),
            ("/status", json!("dreaming"), "STATE-STATUS"),
            ("/pid", json!(0), "STATE-TYPE"),
            ("/pid", json!("7"), "STATE-TYPE"),
            ("/pid", json!(0x7fff_fffe), "STATE-STALE"),
            ("/bundle", json!("rel"), "STATE-BUNDLE"),
            ("/bundle", json!("/nowhere/at/all"), "STATE-BUNDLE"),
            ("/annotations", json!({"a": 1}), "STATE-TYPE"),
            ("/annotations", json!({"a": "c"}), "STATE-ANNOTATIONS"),
        ] {
            let mut bad = good.clone();
            *bad.pointer_mut(pointer).unwrap() = value.clone();
            assert!(rules(&bad).contains(&rule), "{pointer} {value}: {:?}", rules(&bad));
        }
        for field in ["ociVersion", "id", "status", "bundle", "pid"] {
            let mut bad = good.clone();
            bad.as_object_mut().unwrap().remove(field);
            assert_eq!(rules(&bad), ["STATE-REQUIRED"], "{field}");
        }
    }

    #[test]
    fn a_pid_that_was_given_again_is_not_the_containers() {
        let bundle = tempfile::tempdir().unwrap();
        fs::write(bundle.path().join("config.json"), "{}").unwrap();
        let mut state = json!({"ociVersion": "1.0.2", "id": "x", "status": "running", "bundle": bundle.path(),
            "pid": std::process::id(), "created": "2001-01-01T00:00:00Z"});
        assert_eq!(rules(&state), ["STATE-STALE"]);
        state["created"] = json!(humantime::format_rfc3339_nanos(SystemTime::now()).to_string());
        assert_eq!(rules(&state), [""; 0]);
    }
}
