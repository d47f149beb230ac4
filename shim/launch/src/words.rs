//! A short-lived nexcage-shim, and what it says when it fails.

use crate::Error;
use nexcage_cli::Code;
use rustix::fs::{MemfdFlags, memfd_create};
use serde_json::Value;
use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};

/// Runs the command to its end. Its words go to memory, not to a pipe: a daemon that it leaves
/// behind may hold stderr for as long as it likes.
pub(crate) fn run(mut command: Command) -> Result<(), Error> {
    let program = PathBuf::from(command.get_program());
    let start = |source| Error::Start { program: program.clone(), source };
    let (mut words, stderr) = memory().map_err(start)?;
    command.args(["--log-format", "json"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
    let status = command.status().map_err(start)?;
    let mut said = Vec::new();
    words.rewind().and_then(|()| words.read_to_end(&mut said)).map_err(start)?;
    judge(status, &String::from_utf8_lossy(&said))
}

fn memory() -> io::Result<(File, File)> {
    let words = File::from(memfd_create("nexcage-shim", MemfdFlags::CLOEXEC)?);
    let stderr = words.try_clone()?;
    Ok((words, stderr))
}

/// Passes on what was logged, and makes an error of the last line if the command failed.
fn judge(status: ExitStatus, said: &str) -> Result<(), Error> {
    let mut failure = None;
    for line in said.lines() {
        match serde_json::from_str(line) {
            Ok(Value::Object(line)) if line.contains_key("code") => failure = Some(line),
            Ok(Value::Object(line)) => pass_on(&line),
            // A panic, say.
            _ => log::error!("nexcage-shim: {line}"),
        }
    }
    if status.success() {
        return Ok(());
    }
    let Some(line) = failure else { return Err(Error::Died { how: status.to_string() }) };
    let text = |key: &str| line.get(key).and_then(Value::as_str).map(ToOwned::to_owned);
    let code = text("code").and_then(|name| Code::by_name(&name)).unwrap_or(Code::Shim);
    Err(Error::Refused { code, text: text("msg").unwrap_or_default(), hint: text("hint") })
}

fn pass_on(line: &serde_json::Map<String, Value>) {
    let text = |key: &str| line.get(key).and_then(Value::as_str).unwrap_or_default();
    let level = match text("level") {
        "error" => log::Level::Error,
        "info" => log::Level::Info,
        "debug" => log::Level::Debug,
        "trace" => log::Level::Trace,
        _ => log::Level::Warn,
    };
    log::log!(level, "{}", text("msg"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexcage_cli::Diagnose as _;

    fn shell(script: &str) -> Result<(), Error> {
        let mut command = Command::new("/bin/sh");
        // The options that are added become parameters of the script.
        command.args(["-c", script]);
        run(command)
    }

    #[test]
    fn a_failure_keeps_its_code_its_words_and_its_hint() {
        let line = r#"{"level":"error","msg":"the id is taken","code":"NX-EXISTS","hint":"take another"}"#;
        let error =
            shell(&format!("echo '{{\"level\":\"debug\"}}' >&2; echo '{line}' >&2; exit 1")).unwrap_err();
        assert_eq!(error.code(), Code::Exists);
        assert_eq!(
            (error.to_string(), error.hint()),
            ("the id is taken".into(), Some("take another".into()))
        );
    }

    #[test]
    fn a_daemon_that_keeps_stderr_is_not_waited_for() {
        let before = std::time::Instant::now();
        assert!(shell("sleep 20 & exit 0").is_ok());
        assert!(before.elapsed().as_secs() < 10);
    }

    #[test]
    fn an_end_without_a_word_says_how() {
        let error = shell("kill -KILL $$").unwrap_err();
        assert!(error.to_string().contains("signal: 9"), "{error}");
        assert_eq!(error.code(), Code::Shim);
        let error = run(Command::new("/no/such/program")).unwrap_err();
        assert!(error.to_string().contains("/no/such/program"), "{error}");
    }
}
