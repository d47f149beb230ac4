//! The Task API as containerd has it: what each call is answered with, in each state.

use crate::peers::failure;
use nexcage_task_api::call::Method;
use nexcage_task_api::method::{
    Checkpoint, CloseIO, Connect, Create, Delete, Exec, Kill, Pause, Pids, ResizePty, Resume, Shutdown,
    Start, State, Stats, Wait,
};
use nexcage_task_api::task::{
    CheckpointTaskRequest, CloseIORequest, ConnectRequest, CreateTaskRequest, DeleteRequest,
    ExecProcessRequest, KillRequest, PauseRequest, PidsRequest, ResizePtyRequest, ResumeRequest,
    ShutdownRequest, StartRequest, StateRequest, StatsRequest, Status, WaitRequest,
};
use nexcage_task_api::{Any, Client, Code};
use nexcage_tests::{Bundle, Config, Sandbox};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

const ID: &str = "c";

/// A shim that was started as containerd does it, without one.
struct Shim {
    client: Client,
    bundle: Bundle,
}

impl Shim {
    fn start(sandbox: &Sandbox, config: &Config) -> Self {
        let bundle = sandbox.bundle(config);
        let name = sandbox.path().join("containerd-shim-nexcage-v2");
        symlink(sandbox.tool_path("nexcage-shim"), &name).unwrap();
        let mut configuration: Value =
            serde_json::from_slice(&fs::read(sandbox.configuration()).unwrap()).unwrap();
        configuration["root"] = json!(sandbox.root());
        let file = sandbox.path().join("shim.json");
        fs::write(&file, configuration.to_string()).unwrap();
        let words = ["-namespace", sandbox.namespace(), "-id", ID, "-address", "/nowhere", "start"];
        let run = sandbox.command("/usr/bin/env").arg("-C").arg(bundle.path()).arg(name).args(words);
        let run = run.env("NEXCAGE_CONFIG", file).env("TTRPC_ADDRESS", sandbox.path().join("no.sock"));
        let output = run.assert().code(0).stderr("").get_output().stdout.clone();
        let socket = PathBuf::from(crate::text(&output).strip_prefix("unix://").unwrap());
        Shim { client: Client::connect(&socket).unwrap(), bundle }
    }

    fn call<M: Method>(&mut self, request: &M::Request) -> M::Response {
        self.client.call::<M>(request).unwrap()
    }

    #[track_caller]
    fn refused<M: Method>(&mut self, request: &M::Request) -> Code
    where
        M::Response: std::fmt::Debug,
    {
        failure(self.client.call::<M>(request)).code
    }

    fn status(&mut self) -> Status {
        self.call::<State>(&StateRequest { id: ID.into(), exec_id: String::new() }).status
    }

    fn create(&self) -> CreateTaskRequest {
        let bundle = self.bundle.path().to_string_lossy().into_owned();
        CreateTaskRequest { id: ID.into(), bundle, ..CreateTaskRequest::default() }
    }
}

fn id() -> String {
    ID.to_owned()
}

fn start(exec: &str) -> StartRequest {
    StartRequest { id: id(), exec_id: exec.into() }
}

fn delete(exec: &str) -> DeleteRequest {
    DeleteRequest { id: id(), exec_id: exec.into() }
}

fn wait(exec: &str) -> WaitRequest {
    WaitRequest { id: id(), exec_id: exec.into() }
}

fn kill(exec: &str, signal: u32) -> KillRequest {
    KillRequest { id: id(), exec_id: exec.into(), signal, all: false }
}

fn exec(exec: &str, script: &str) -> ExecProcessRequest {
    let process = json!({ "cwd": "/", "args": ["/bin/sh", "-c", script], "env": ["PATH=/bin"], "user": { "uid": 0, "gid": 0 } });
    let spec = Any { type_url: "types.containerd.io/x".into(), value: process.to_string().into_bytes() };
    ExecProcessRequest { id: id(), exec_id: exec.into(), spec: Some(spec), ..ExecProcessRequest::default() }
}

/// What is not there is not found, but for Connect, by which containerd looks whether a shim lives.
fn assert_nothing_is_found(shim: &mut Shim, id: &str) {
    let id = || id.to_owned();
    let exec_id = String::new;
    assert_eq!(shim.refused::<State>(&StateRequest { id: id(), exec_id: exec_id() }), Code::NotFound);
    assert_eq!(shim.refused::<Pids>(&PidsRequest { id: id() }), Code::NotFound);
    assert_eq!(shim.refused::<Wait>(&WaitRequest { id: id(), exec_id: exec_id() }), Code::NotFound);
    assert_eq!(shim.refused::<Delete>(&DeleteRequest { id: id(), exec_id: exec_id() }), Code::NotFound);
    let kill = KillRequest { id: id(), exec_id: exec_id(), signal: 9, all: true };
    assert_eq!(shim.refused::<Kill>(&kill), Code::NotFound);
    assert_ne!(shim.call::<Connect>(&ConnectRequest { id: id() }).shim_pid, 0);
}

#[test]
fn each_call_is_answered_as_containerd_expects_it_in_each_state() {
    let sandbox = Sandbox::new();
    let mut shim = Shim::start(&sandbox, &Config::script("trap 'exit 5' TERM; while :; do sleep 0.1; done"));
    assert_nothing_is_found(&mut shim, ID);
    let pid = shim.call::<Create>(&shim.create()).pid;
    assert_eq!(shim.refused::<Create>(&shim.create()), Code::AlreadyExists);
    assert_eq!(shim.status(), Status::Created);
    assert_nothing_is_found(&mut shim, "other");
    let processes = shim.call::<Pids>(&PidsRequest { id: id() }).processes;
    assert_eq!(processes.iter().map(|process| process.pid).collect::<Vec<_>>(), [pid]);
    assert_eq!(shim.refused::<Pause>(&PauseRequest { id: id() }), Code::FailedPrecondition);
    assert_eq!(shim.call::<Start>(&start("")).pid, pid);
    assert_eq!(shim.refused::<Start>(&start("")), Code::FailedPrecondition);
    assert_eq!(shim.status(), Status::Running);
    assert_eq!(shim.refused::<Delete>(&delete("")), Code::FailedPrecondition);
    assert_eq!(
        shim.refused::<Checkpoint>(&CheckpointTaskRequest { id: id(), ..Default::default() }),
        Code::Unimplemented
    );
    assert_eq!(shim.refused::<Resume>(&ResumeRequest { id: id() }), Code::FailedPrecondition);
    shim.call::<Pause>(&PauseRequest { id: id() });
    assert_eq!(shim.status(), Status::Paused);
    assert_eq!(shim.refused::<Pause>(&PauseRequest { id: id() }), Code::FailedPrecondition);
    shim.call::<Resume>(&ResumeRequest { id: id() });
    assert!(shim.call::<Stats>(&StatsRequest { id: id() }).stats.is_some());
    shim.call::<ResizePty>(&ResizePtyRequest { id: id(), width: 80, height: 24, ..Default::default() });
    shim.call::<CloseIO>(&CloseIORequest { id: id(), exec_id: String::new(), stdin: true });
    shim.call::<Shutdown>(&ShutdownRequest { id: id(), now: true });
    assert_eq!(shim.refused::<Kill>(&kill("", 99)), Code::InvalidArgument);
    assert_execs(&mut shim);
    shim.call::<Exec>(&exec("late", "true"));
    shim.call::<Kill>(&kill("", 15));
    assert_eq!(shim.call::<Wait>(&wait("")).exit_status, 5);
    assert_eq!(shim.status(), Status::Stopped);
    assert_eq!(shim.call::<Wait>(&wait("")).exit_status, 5);
    assert_eq!(shim.refused::<Kill>(&kill("", 9)), Code::NotFound);
    assert_eq!(shim.refused::<Start>(&start("")), Code::FailedPrecondition);
    assert_eq!(shim.refused::<Start>(&start("late")), Code::FailedPrecondition);
    assert_eq!(shim.refused::<Exec>(&exec("later", "true")), Code::FailedPrecondition);
    // containerd takes a shim without a process for one that was left behind.
    assert_eq!(shim.call::<Pids>(&PidsRequest { id: id() }).processes.len(), 1);
    let deleted = shim.call::<Delete>(&delete(""));
    assert_eq!((deleted.pid, deleted.exit_status), (pid, 5));
    assert!(deleted.exited_at.is_some());
    shim.call::<Shutdown>(&ShutdownRequest { id: id(), now: false });
    super::assert_clean(&sandbox);
}

fn assert_execs(shim: &mut Shim) {
    assert_eq!(shim.refused::<Start>(&start("none")), Code::NotFound);
    assert_eq!(shim.refused::<Kill>(&kill("none", 9)), Code::NotFound);
    assert_eq!(shim.refused::<Wait>(&wait("none")), Code::NotFound);
    shim.call::<Exec>(&exec("e", "sleep 1000"));
    assert_eq!(shim.refused::<Exec>(&exec("e", "true")), Code::AlreadyExists);
    assert_eq!(shim.refused::<Kill>(&kill("e", 9)), Code::FailedPrecondition);
    let pid = shim.call::<Start>(&start("e")).pid;
    assert_eq!(shim.refused::<Start>(&start("e")), Code::FailedPrecondition);
    assert_eq!(shim.refused::<Delete>(&delete("e")), Code::FailedPrecondition);
    let processes = shim.call::<Pids>(&PidsRequest { id: id() }).processes;
    let of_exec = processes.iter().find(|process| process.pid == pid).unwrap();
    assert!(of_exec.info.is_some(), "{processes:?}");
    shim.call::<Kill>(&kill("e", 15));
    assert_eq!(shim.call::<Wait>(&wait("e")).exit_status, 143);
    assert_eq!(shim.refused::<Kill>(&kill("e", 9)), Code::NotFound);
    assert_eq!(shim.call::<Delete>(&delete("e")).exit_status, 143);
    assert_eq!(shim.refused::<Delete>(&delete("e")), Code::NotFound);
    shim.call::<Exec>(&exec("unused", "true"));
    shim.call::<Delete>(&delete("unused"));
}

#[test]
fn what_was_created_and_never_started_may_be_deleted() {
    let sandbox = Sandbox::new();
    let mut shim = Shim::start(&sandbox, &Config::script("exit 1"));
    let pid = shim.call::<Create>(&shim.create()).pid;
    let deleted = shim.call::<Delete>(&delete(""));
    assert_eq!((deleted.pid, deleted.exit_status), (pid, 137));
    shim.call::<Shutdown>(&ShutdownRequest { id: id(), now: false });
    super::assert_clean(&sandbox);
}
