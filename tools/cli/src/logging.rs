//! Diagnostics on stderr: env_logger, filtered by `NEXCAGE_LOG`, as text or JSON lines.

use env_logger::{Builder, Env};
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

/// The form of diagnostics, chosen by `--log-format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// `warning: message`, for people.
    Text,
    /// One JSON object a line with `time`, `level` and `msg`, as container engines expect.
    Json,
}

static JSON: AtomicBool = AtomicBool::new(false);

pub(crate) fn format() -> LogFormat {
    if JSON.load(Ordering::Relaxed) { LogFormat::Json } else { LogFormat::Text }
}

pub(crate) fn set_format(format: LogFormat) {
    JSON.store(format == LogFormat::Json, Ordering::Relaxed);
}

/// Sets up the logger; a second call changes nothing.
pub(crate) fn init() {
    let env = Env::default().filter_or("NEXCAGE_LOG", "warn");
    let written = Builder::from_env(env)
        .format(|target, record| {
            let level = match record.level() {
                log::Level::Error => "error",
                log::Level::Warn => "warning",
                log::Level::Info => "info",
                log::Level::Debug => "debug",
                log::Level::Trace => "trace",
            };
            let message = record.args().to_string();
            match format() {
                LogFormat::Text => {
                    writeln!(target, "{level}: {}", crate::output::escape_controls(&message))
                }
                LogFormat::Json => {
                    writeln!(target, "{}", serde_json::Value::Object(json_object(level, &message)))
                }
            }
        })
        .try_init();
    debug_assert!(written.is_ok() || cfg!(test), "the logger was set up twice");
}

pub(crate) fn json_object(level: &str, message: &str) -> serde_json::Map<String, serde_json::Value> {
    let time = humantime::format_rfc3339_nanos(SystemTime::now()).to_string();
    [("time", time.as_str()), ("level", level), ("msg", message)]
        .map(|(key, value)| (key.to_owned(), value.into()))
        .into_iter()
        .collect()
}

/// Writes to stderr; when that fails there is nobody left to tell.
pub(crate) fn write_stderr(line: &[u8]) {
    drop(std::io::stderr().write_all(line));
}
