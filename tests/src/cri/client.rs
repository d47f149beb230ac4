//! The client of containerd's CRI: a program in Python, for gRPC is nothing to be written again and what
//! Rust has for it brings a runtime along.

use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cri");
/// Debian's, since Debian's packages are for it.
const PYTHON: &str = "/usr/bin/python3";

/// Why a call was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// gRPC's name of the kind, such as `NOT_FOUND`; `CLIENT` if there was no answer.
    pub code: String,
    /// What there is to be said.
    pub error: String,
}

#[derive(Debug)]
pub(super) struct Client {
    process: Child,
    calls: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Client {
    /// A client of the containerd at a socket; it keeps what it needs in a directory.
    pub(super) fn start(socket: &Path, directory: &Path) -> Self {
        let descriptors = directory.join("cri-descriptors");
        let mut protoc = Command::new("protoc");
        protoc.arg("--proto_path").arg(DIRECTORY).arg("--descriptor_set_out").arg(&descriptors);
        let status = protoc.arg("api.proto").status();
        let status = status.unwrap_or_else(|error| panic!("protoc: {error}: install protobuf-compiler"));
        assert!(status.success(), "protoc: {status}");
        let mut command = Command::new(PYTHON);
        command.arg(Path::new(DIRECTORY).join("client.py")).arg(socket).arg(descriptors);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap_or_else(|error| panic!("{PYTHON}: {error}"));
        let (Some(calls), Some(answers)) = (process.stdin.take(), process.stdout.take()) else {
            panic!("{PYTHON} has no pipes");
        };
        Client { process, calls, answers: BufReader::new(answers) }
    }

    /// Has one thing done, and gives the member of the answer that is named.
    pub(super) fn ask(&mut self, call: &Value, member: &str) -> Result<Value, Failed> {
        let mut line = String::new();
        let done = writeln!(self.calls, "{call}").and_then(|()| self.answers.read_line(&mut line));
        done.unwrap_or_else(|error| panic!("the client is gone: {error}"));
        let missing = "it needs python3-grpcio, python3-protobuf and python3-websocket";
        let mut answer: Value = serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("the client says {line:?}: {error}; {missing}"));
        match answer.get_mut(member) {
            Some(value) => Ok(value.take()),
            None => {
                let text = |member: &str| answer[member].as_str().unwrap_or_default().to_owned();
                Err(Failed { code: text("code"), error: text("error") })
            }
        }
    }

    pub(super) fn call(&mut self, method: &str, request: &Value) -> Result<Value, Failed> {
        self.ask(&json!({ "method": method, "request": request }), "response")
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
