//! One container of the demo: run, looked at while it lives, and seen to its end.

use super::{Backend, ID, RENDERED, Stage};
use crate::error::Error;
use crate::step::{say, shown};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

/// What was seen of a container.
pub(super) struct Seen {
    pub(super) output: String,
    pub(super) errors: String,
    pub(super) status: Option<i32>,
    /// Whether it lived long enough to be looked at.
    pub(super) inspected: bool,
}

impl Stage {
    pub(super) fn run_container(&self, bundle: &Path, backend: &Backend<'_>) -> Result<Seen, Error> {
        let mut run = self.tool("nexcage-shim");
        run.args(["run", "--id", ID, "--bundle"]).arg(bundle);
        run.args(["--config", RENDERED, "--backend", backend.name()]);
        let mut line = shown(&run);
        if let Backend::Pct(proxmox) = backend {
            line = proxmox.configure(&mut run) + &line;
        }
        say(&format!("$ echo hello | {line}"));
        run.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = run.spawn().map_err(|source| Error::Start { program: line.clone(), source })?;
        let echoes = (echo(child.stdout.take()), echo(child.stderr.take()));
        // "hello" is on its way while another user looks at the container.
        let running = self.await_running(&mut child)?;
        let looked = running.as_ref().map_or(Ok(()), |state| self.inspect(state, backend));
        if let Some(mut stdin) = child.stdin.take() {
            // The process may have ended without reading.
            drop(stdin.write_all(b"hello\n"));
        }
        let status = child.wait().map_err(|source| Error::Start { program: line, source })?.code();
        let [output, errors] = [echoes.0, echoes.1].map(|echo| echo.join().unwrap_or_default());
        looked?;
        Ok(Seen { output, errors, status, inspected: running.is_some() })
    }

    /// Waits until the container runs, and gives its state; `None` if it ends before it is seen.
    fn await_running(&self, child: &mut Child) -> Result<Option<Value>, Error> {
        loop {
            let mut inspect = self.tool("state-inspect");
            let state = inspect.args(["--format", "json", ID]).stderr(Stdio::null()).output();
            let state =
                state.map_err(|source| Error::Start { program: "state-inspect".to_owned(), source })?;
            let state: Option<Value> = serde_json::from_slice(&state.stdout).ok();
            if let Some(state) = state.filter(|state| state[0]["status"] == "running") {
                return Ok(Some(state[0].clone()));
            }
            if !matches!(child.try_wait(), Ok(None)) {
                return Ok(None);
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Shows the container as its tools show it, and a CT also as Proxmox does.
    fn inspect(&self, state: &Value, backend: &Backend<'_>) -> Result<(), Error> {
        for format in ["table", "json"] {
            self.type_and_run(self.tool("state-inspect").args(["--format", format]), None)?;
        }
        if let Backend::Pct(proxmox) = backend {
            let vmid = state["backend"]["vmid"].to_string();
            self.type_and_run(proxmox.pct().arg("list"), None)?;
            self.type_and_run(proxmox.pct().args(["config", &vmid]), None)?;
        }
        Ok(())
    }
}

/// Copies a stream to stdout, line by line, and keeps it.
fn echo(stream: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut seen = String::new();
        let mut line = Vec::new();
        let Some(stream) = stream else { return seen };
        let mut stream = BufReader::new(stream);
        while stream.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            let text = String::from_utf8_lossy(&line);
            say(text.trim_end_matches('\n'));
            seen.push_str(&text);
            line.clear();
        }
        seen
    })
}
