//! The process of an exec: the container's own with another command, or one from a file.

use super::options::Options;
use crate::creation::listening;
use crate::error::Error;
use nexcage_record::ContainerDir;
use nexcage_terminal::{Winsize, size_of};
use serde_json::{Map, Value, json};
use std::fs;
use std::io;
use std::os::fd::AsFd as _;
use std::path::Path;

/// A process as the shim is told.
#[derive(Debug)]
pub(crate) struct Process {
    /// `process` of config.json.
    pub(crate) document: Vec<u8>,
    /// Whether it has a terminal.
    pub(crate) terminal: bool,
}

/// Builds the process that the options ask for.
pub(crate) fn build(options: &Options, dir: &ContainerDir) -> Result<Process, Error> {
    let mut process = match &options.process {
        Some(file) => read(file)?,
        None => changed(own(&dir.path().join("config.json"))?, options),
    };
    let terminal = process.get("terminal") == Some(&Value::Bool(true));
    let has_socket = options.console_socket.is_some();
    if terminal && options.detach && !has_socket {
        return Err(no_place(options, "would detach from the process's terminal without --console-socket"));
    }
    if has_socket && !(terminal && options.detach) {
        return Err(no_place(options, "sends nothing to --console-socket without --detach and --tty"));
    }
    let (stdin, stdout) = (io::stdin(), io::stdout());
    if let Some(size) = size_of(&[stdin.as_fd(), stdout.as_fd()]).filter(|_| terminal && !options.detach) {
        process.entry("consoleSize").or_insert_with(|| console_size(size));
    }
    Ok(Process { document: Value::Object(process).to_string().into_bytes(), terminal })
}

fn no_place(options: &Options, problem: &'static str) -> Error {
    Error::WrongState { id: options.id.to_string(), problem, hint: None }
}

fn console_size(size: Winsize) -> Value {
    json!({"height": size.ws_row, "width": size.ws_col})
}

fn read(file: &Path) -> Result<Map<String, Value>, Error> {
    let text = fs::read(file).map_err(Error::io("read", file))?;
    serde_json::from_slice(&text).map_err(Error::document(file))
}

/// The process of the container's bundle, as it was when the container was created.
fn own(config: &Path) -> Result<Map<String, Value>, Error> {
    let mut config = read(config)?;
    match config.remove("process") {
        Some(Value::Object(process)) => Ok(process),
        // A container may have none; then this is the least that a process has.
        _ => Ok(Map::from_iter([
            ("cwd".to_owned(), json!("/")),
            ("user".to_owned(), json!({"uid": 0, "gid": 0})),
        ])),
    }
}

/// The process with what the options say, in runc's way: variables and groups are added, the terminal
/// is the option's alone.
fn changed(mut process: Map<String, Value>, options: &Options) -> Map<String, Value> {
    let mut set = |key: &str, value: Value| process.insert(key.to_owned(), value);
    set("args", json!(options.command));
    set("terminal", options.tty.into());
    if let Some(cwd) = &options.cwd {
        set("cwd", cwd.as_str().into());
    }
    if let Some(profile) = &options.apparmor {
        set("apparmorProfile", profile.as_str().into());
    }
    if let Some(label) = &options.process_label {
        set("selinuxLabel", label.as_str().into());
    }
    if let Some(wanted) = options.no_new_privileges {
        set("noNewPrivileges", wanted.into());
    }
    // Of the container's own terminal.
    process.remove("consoleSize");
    append(&mut process, "env", options.env.iter().map(|text| json!(text)));
    if let number @ 1.. = listening() {
        let told = [format!("LISTEN_FDS={number}"), "LISTEN_PID=1".to_owned()];
        append(&mut process, "env", told.into_iter().map(Value::from));
    }
    change_member(&mut process, "user", |user| {
        if let Some((uid, gid)) = options.user {
            user.insert("uid".into(), uid.into());
            user.extend(gid.map(|gid| ("gid".to_owned(), gid.into())));
        }
        append(user, "additionalGids", options.additional_gids.iter().map(|gid| json!(gid)));
    });
    if !options.capabilities.is_empty() {
        change_member(&mut process, "capabilities", |sets| add_capabilities(sets, &options.capabilities));
    }
    process
}

/// Adds capabilities to the sets that make them effective; to the ambient set only where the bundle has
/// inheritable ones, since the kernel would refuse it otherwise.
fn add_capabilities(sets: &mut Map<String, Value>, capabilities: &[String]) {
    let inheritable = sets.get("inheritable").and_then(Value::as_array).is_some_and(|set| !set.is_empty());
    let ambient = if inheritable { Some("ambient") } else { None };
    for set in ["bounding", "effective", "permitted"].into_iter().chain(ambient) {
        append(sets, set, capabilities.iter().map(|name| json!(name)));
    }
}

/// Changes the object of a member, which is made if it is missing or something else.
fn change_member(parent: &mut Map<String, Value>, name: &str, change: impl FnOnce(&mut Map<String, Value>)) {
    let mut object = match parent.remove(name) {
        Some(Value::Object(object)) => object,
        _ => Map::new(),
    };
    change(&mut object);
    parent.insert(name.to_owned(), Value::Object(object));
}

/// Adds to an array, which is made if there is something to add.
fn append(parent: &mut Map<String, Value>, name: &str, more: impl Iterator<Item = Value>) {
    let mut more = more.peekable();
    if more.peek().is_none() {
        return;
    }
    match parent.entry(name).or_insert(Value::Null) {
        Value::Array(list) => list.extend(more),
        other => *other = more.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::{TOOL, options};
    use nexcage_cli::Args;

    fn options(list: &[&str]) -> Options {
        options::parse(Args::from_list(&TOOL, list)).unwrap()
    }

    fn change(process: Value, list: &[&str]) -> Value {
        let Value::Object(process) = process else { panic!("no object") };
        Value::Object(changed(process, &options(list)))
    }

    #[test]
    fn the_containers_own_process_is_changed_as_runc_does_it() {
        let own = json!({"terminal": true, "cwd": "/home", "args": ["sh"], "env": ["PATH=/bin"],
            "user": {"uid": 1, "gid": 2, "additionalGids": [3]}, "consoleSize": {"height": 1, "width": 2},
            "capabilities": {"bounding": ["CAP_KILL"], "inheritable": []}, "unknown": 1});
        assert_eq!(
            change(own.clone(), &["c1", "ls", "-l"]),
            json!({"terminal": false, "cwd": "/home", "args": ["ls", "-l"], "env": ["PATH=/bin"],
                "user": {"uid": 1, "gid": 2, "additionalGids": [3]},
                "capabilities": {"bounding": ["CAP_KILL"], "inheritable": []}, "unknown": 1})
        );
        let list = [
            "-t",
            "-u",
            "5:6",
            "-g",
            "7",
            "-e",
            "A=b",
            "--cwd",
            "/",
            "--cap",
            "CAP_CHOWN",
            "--no-new-privs",
            "--apparmor",
            "x",
            "--process-label",
            "y",
            "c1",
            "ls",
        ];
        assert_eq!(
            change(own, &list),
            json!({"terminal": true, "cwd": "/", "args": ["ls"], "env": ["PATH=/bin", "A=b"],
                "user": {"uid": 5, "gid": 6, "additionalGids": [3, 7]}, "noNewPrivileges": true,
                "apparmorProfile": "x", "selinuxLabel": "y", "unknown": 1,
                "capabilities": {"bounding": ["CAP_KILL", "CAP_CHOWN"], "inheritable": [],
                    "effective": ["CAP_CHOWN"], "permitted": ["CAP_CHOWN"]}})
        );
    }

    #[test]
    fn a_user_alone_keeps_the_group_and_ambient_needs_inheritable() {
        let process = json!({"user": {"uid": 1, "gid": 2}, "capabilities": {"inheritable": ["CAP_KILL"]}});
        let changed = change(process, &["-u", "5", "-c", "CAP_CHOWN", "c1", "id"]);
        assert_eq!(changed["user"], json!({"uid": 5, "gid": 2}));
        assert_eq!(changed["capabilities"]["ambient"], json!(["CAP_CHOWN"]));
        assert_eq!(change(json!({}), &["-u", "5", "c1", "id"])["user"], json!({"uid": 5}));
    }

    #[test]
    fn a_file_is_taken_as_it_is() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("p.json");
        fs::write(&file, r#"{"args": ["id"], "cwd": "/", "extra": [1]}"#).unwrap();
        let options = options(&["-p", file.to_str().unwrap(), "-e", "A=b", "c1"]);
        let root = nexcage_record::Root::new(temp.path()).unwrap();
        let dir = root.container(&nexcage_record::Namespace::default(), &options.id);
        let process = build(&options, &dir).unwrap();
        let document: Value = serde_json::from_slice(&process.document).unwrap();
        assert_eq!(document, json!({"args": ["id"], "cwd": "/", "extra": [1]}));
        fs::write(&file, "[]").unwrap();
        assert!(matches!(build(&options, &dir), Err(Error::Document { .. })));
    }

    #[test]
    fn a_terminal_that_nobody_would_have_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        let root = nexcage_record::Root::new(temp.path()).unwrap();
        for (list, fine) in [
            (&["-d", "-t", "c1", "sh"][..], false),
            (&["-t", "--console-socket", "s", "c1", "sh"], false),
            (&["-d", "--console-socket", "s", "c1", "sh"], false),
            (&["-d", "-t", "--console-socket", "s", "c1", "sh"], true),
        ] {
            let options = options(list);
            let dir = root.container(&nexcage_record::Namespace::default(), &options.id);
            fs::create_dir_all(dir.path()).unwrap();
            fs::write(dir.path().join("config.json"), "{}").unwrap();
            assert_eq!(build(&options, &dir).is_ok(), fine, "{list:?}");
        }
    }
}
