//! Diagnostics: filtered by `NEXCAGE_LOG`, as text or JSON lines, on stderr or in a file.

use crate::{Code, Diagnose, Failure};
use env_logger::{Builder, Env};
use log::{Level, LevelFilter, Log, Metadata, Record};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};
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
static VERBOSE: AtomicBool = AtomicBool::new(false);
static LOG_FILE: OnceLock<Mutex<File>> = OnceLock::new();

/// The form that diagnostics have.
#[must_use]
pub fn log_format() -> LogFormat {
    if JSON.load(Ordering::Relaxed) { LogFormat::Json } else { LogFormat::Text }
}

pub(crate) fn set_format(format: LogFormat) {
    JSON.store(format == LogFormat::Json, Ordering::Relaxed);
}

/// Logs everything up to the level *debug* from now on, whatever `NEXCAGE_LOG` says.
pub fn log_verbosely() {
    VERBOSE.store(true, Ordering::Relaxed);
    log::set_max_level(LevelFilter::Debug.max(log::max_level()));
}

/// Appends diagnostics to a file from now on. The error that the tool ends with goes to stderr as
/// well, as text.
///
/// # Errors
/// The file cannot be opened.
pub fn log_to(path: &Path) -> Result<(), Failure> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    let file = file.map_err(|source| FileError { path: path.to_owned(), source })?;
    // The first file stays: two can only be asked for by mistake.
    drop(LOG_FILE.set(Mutex::new(file)));
    Ok(())
}

pub(crate) fn has_file() -> bool {
    LOG_FILE.get().is_some()
}

/// The logger: which records are wanted is env_logger's to say.
struct Logger(env_logger::Logger);

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.0.enabled(metadata) || VERBOSE.load(Ordering::Relaxed) && metadata.level() <= Level::Debug
    }

    fn log(&self, record: &Record<'_>) {
        let verbose = VERBOSE.load(Ordering::Relaxed) && record.level() <= Level::Debug;
        if verbose || self.0.matches(record) {
            write(line(record).as_bytes());
        }
    }

    fn flush(&self) {}
}

/// Sets up the logger; a second call changes nothing.
pub(crate) fn init() {
    let logger = Builder::from_env(Env::default().filter_or("NEXCAGE_LOG", "warn")).build();
    let most = logger.filter();
    let written = log::set_boxed_logger(Box::new(Logger(logger)));
    debug_assert!(written.is_ok() || cfg!(test), "the logger was set up twice");
    log::set_max_level(most);
}

fn line(record: &Record<'_>) -> String {
    let level = match record.level() {
        Level::Error => "error",
        Level::Warn => "warning",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    };
    let message = record.args().to_string();
    match log_format() {
        LogFormat::Text => format!("{level}: {}\n", crate::output::escape_controls(&message)),
        LogFormat::Json => format!("{}\n", serde_json::Value::Object(json_object(level, &message))),
    }
}

pub(crate) fn json_object(level: &str, message: &str) -> serde_json::Map<String, serde_json::Value> {
    let time = humantime::format_rfc3339_nanos(SystemTime::now()).to_string();
    [("time", time.as_str()), ("level", level), ("msg", message)]
        .map(|(key, value)| (key.to_owned(), value.into()))
        .into_iter()
        .collect()
}

/// Writes to the file if there is one, else to stderr; when that fails there is nobody left to tell.
pub(crate) fn write(line: &[u8]) {
    match LOG_FILE.get().map(Mutex::lock) {
        Some(Ok(mut file)) => drop(file.write_all(line)),
        _ => write_stderr(line),
    }
}

/// Writes to stderr.
pub(crate) fn write_stderr(line: &[u8]) {
    drop(io::stderr().write_all(line));
}

/// The file of `--log` cannot be opened.
#[derive(Debug)]
struct FileError {
    path: PathBuf,
    source: io::Error,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot open the log file {}", self.path.display())
    }
}

impl std::error::Error for FileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl Diagnose for FileError {
    fn code(&self) -> Code {
        Code::Output
    }
}
