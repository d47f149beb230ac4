//! Hooks: programs with their own words, the container's state on stdin, and a time limit.

use crate::channel::Channel;
use crate::kernel;
use crate::plan::{Failure, Hook, State};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

/// How much of what a hook prints is kept for its error.
const MOST_OUTPUT: usize = 4096;

/// Who may want a hook to end before its time.
pub trait Attendant {
    /// Readable when there is something to look at.
    fn descriptor(&self) -> BorrowedFd<'_>;

    /// Looks at it, and says whether the hook is to be killed.
    fn wants_end(&mut self) -> bool;
}

/// The other side says nothing while hooks run: it has gone.
impl Attendant for Channel {
    fn descriptor(&self) -> BorrowedFd<'_> {
        self.as_fd()
    }

    fn wants_end(&mut self) -> bool {
        true
    }
}

/// Why a hook failed.
#[derive(Debug)]
enum Failed {
    Start(io::Error),
    System(io::Error),
    Ended { status: ExitStatus, output: String },
    Late { seconds: u32, output: String },
    Interrupted,
}

/// Runs hooks one after the other until one fails or is to end.
///
/// # Errors
/// The first failure.
pub fn run_all(
    hooks: &[Hook],
    state: &State,
    directory: &Path,
    attendant: &mut dyn Attendant,
) -> Result<(), Failure> {
    let text = serde_json::to_vec(state).unwrap_or_default();
    hooks.iter().try_for_each(|hook| {
        run(hook, &text, directory, attendant).map_err(|failed| Failure {
            pointer: hook.pointer.clone(),
            what: failed.text(hook),
            errno: match failed {
                Failed::Start(error) | Failed::System(error) => error.raw_os_error(),
                _ => None,
            },
            is_hook: true,
        })
    })
}

fn run(hook: &Hook, state: &[u8], directory: &Path, attendant: &mut dyn Attendant) -> Result<(), Failed> {
    let pipe = || pipe_with(PipeFlags::CLOEXEC).map_err(|errno| Failed::System(errno.into()));
    let ((stdin, state_end), (output_end, stdout)) = (pipe()?, pipe()?);
    let stderr = stdout.try_clone().map_err(Failed::System)?;
    let mut command = Command::new(&hook.path);
    if let [name, rest @ ..] = &*hook.args {
        command.arg0(name).args(rest);
    }
    command.env_clear().envs(hook.env.iter().map(|entry| entry.split_once('=').unwrap_or((entry, ""))));
    // A group of its own, so that all of it can be killed.
    command.current_dir(directory).process_group(0);
    kernel::dies_with_us(&mut command);
    let mut child = command.stdin(stdin).stdout(stdout).stderr(stderr).spawn().map_err(Failed::Start)?;
    // The command has the other ends of the pipes.
    drop(command);
    let ended = pidfd_open(Pid::from_child(&child), PidfdFlags::empty());
    let ended = ended.map_err(|errno| Failed::System(errno.into()))?;
    let deadline = hook.timeout.map(|seconds| Instant::now() + Duration::from_secs(seconds.into()));
    let talk = Talk::new(state_end, output_end, state);
    let talked = talk.and_then(|talk| talk.until(&ended, deadline, attendant));
    if !matches!(talked, Ok((End::Itself, _))) {
        let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
    }
    let status = child.wait().map_err(Failed::System)?;
    match talked.map_err(Failed::System)? {
        (End::Itself, _) if status.success() => Ok(()),
        (End::Itself, output) => Err(Failed::Ended { status, output }),
        (End::Late, output) => Err(Failed::Late { seconds: hook.timeout.unwrap_or_default(), output }),
        (End::Unwanted, _) => Err(Failed::Interrupted),
    }
}

/// What a hook's end is due to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Itself,
    Late,
    Unwanted,
}

/// What goes to a hook and what comes from it.
struct Talk<'s> {
    stdin: Option<File>,
    output: Option<File>,
    unsent: &'s [u8],
    said: Vec<u8>,
}

impl<'s> Talk<'s> {
    fn new(stdin: OwnedFd, output: OwnedFd, state: &'s [u8]) -> io::Result<Self> {
        fcntl_setfl(&stdin, OFlags::NONBLOCK)?;
        fcntl_setfl(&output, OFlags::NONBLOCK)?;
        Ok(Talk { stdin: Some(stdin.into()), output: Some(output.into()), unsent: state, said: Vec::new() })
    }

    /// Goes on until the hook's process has ended, whoever else holds its output, or has to; says
    /// why, and what it printed.
    fn until(
        mut self,
        ended: &OwnedFd,
        deadline: Option<Instant>,
        attendant: &mut dyn Attendant,
    ) -> io::Result<(End, String)> {
        loop {
            let attended = PollFd::from_borrowed_fd(attendant.descriptor(), PollFlags::IN);
            let mut fds = vec![PollFd::new(ended, PollFlags::IN), attended];
            fds.extend(self.stdin.as_ref().map(|stdin| PollFd::new(stdin, PollFlags::OUT)));
            fds.extend(self.output.as_ref().map(|output| PollFd::new(output, PollFlags::IN)));
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let timeout = left.map(|left| Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            });
            match poll(&mut fds, timeout.as_ref()) {
                Err(Errno::INTR) => continue,
                result => result?,
            };
            let [is_over, is_called] = [0, 1].map(|index: usize| !fds[index].revents().is_empty());
            drop(fds);
            self.feed();
            self.listen();
            let end = match left {
                _ if is_over => End::Itself,
                Some(Duration::ZERO) => End::Late,
                _ if is_called && attendant.wants_end() => End::Unwanted,
                _ => continue,
            };
            return Ok((end, String::from_utf8_lossy(&self.said).trim().to_owned()));
        }
    }

    /// Writes what fits. A hook that does not read is no failure.
    fn feed(&mut self) {
        let Some(stdin) = &mut self.stdin else { return };
        match stdin.write(self.unsent) {
            Ok(count) if count < self.unsent.len() => self.unsent = &self.unsent[count..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            _ => self.stdin = None,
        }
    }

    fn listen(&mut self) {
        let mut buffer = [0; 4096];
        while let Some(output) = &mut self.output {
            match output.read(&mut buffer) {
                Ok(count) if count > 0 => {
                    let room = MOST_OUTPUT.saturating_sub(self.said.len()).min(count);
                    self.said.extend_from_slice(&buffer[..room]);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                _ => self.output = None,
            }
        }
    }
}

impl Failed {
    fn text(&self, hook: &Hook) -> String {
        let path = &hook.path;
        let said = |output: &str| match output {
            "" => String::new(),
            output => format!("; it says: {}", output.escape_debug()),
        };
        match self {
            Failed::Start(_) => format!("execute the hook {path}"),
            Failed::System(_) => format!("run the hook {path}"),
            Failed::Ended { status, output } => match (status.code(), status.signal()) {
                (Some(code), _) => format!("go on: the hook {path} ended with status {code}{}", said(output)),
                (_, signal) => {
                    let signal = signal.unwrap_or_default();
                    format!("go on: the hook {path} was killed by signal {signal}{}", said(output))
                }
            },
            Failed::Late { seconds, output } => {
                format!("go on: the hook {path} took longer than {seconds} s{}", said(output))
            }
            Failed::Interrupted => format!("go on: the hook {path} was interrupted"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    fn shell(script: &str, timeout: Option<u32>) -> Hook {
        let args = ["the name", "-c", script].map(str::to_owned).to_vec();
        let env = vec!["A=b=c".to_owned()];
        Hook { pointer: "/hooks/prestart/0".to_owned(), path: "/bin/sh".to_owned(), args, env, timeout }
    }

    fn state(annotation: usize) -> State {
        State {
            oci_version: "1.0.2".to_owned(),
            id: "c".to_owned(),
            status: "creating".to_owned(),
            pid: Some(7),
            bundle: "/b".into(),
            annotations: [("a".to_owned(), "x".repeat(annotation))].into(),
        }
    }

    fn check(script: &str, timeout: Option<u32>) -> Result<(), String> {
        let (mut ours, _theirs) = channels();
        let run = run_all(&[shell(script, timeout)], &state(1 << 20), Path::new("/"), &mut ours);
        run.map_err(|failure| failure.what)
    }

    fn channels() -> (Channel, Channel) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (Channel::new(ours), Channel::new(theirs))
    }

    #[test]
    fn a_hook_does_not_outlive_who_wants_it() {
        let (mut ours, theirs) = channels();
        let gone = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            drop(theirs);
        });
        let began = Instant::now();
        let run = run_all(&[shell("exec /bin/sleep 60", None)], &state(1), Path::new("/"), &mut ours);
        assert!(run.unwrap_err().what.ends_with("/bin/sh was interrupted"));
        assert!(began.elapsed() < Duration::from_secs(30));
        gone.join().unwrap();
    }

    #[test]
    fn a_hook_has_its_words_its_environment_and_the_state() {
        let dir = tempfile::tempdir().unwrap();
        let script = "printf '%s|' \"$0\" \"$A\" \"$PWD\" > out; /bin/cat >> out";
        let (mut ours, _theirs) = channels();
        run_all(&[shell(script, None)], &state(200_000), dir.path(), &mut ours).unwrap();
        let out = std::fs::read_to_string(dir.path().join("out")).unwrap();
        let (words, state) = out.split_once("|{").unwrap();
        assert_eq!(words, format!("the name|b=c|{}", dir.path().display()));
        assert!(state.starts_with(r#""ociVersion":"1.0.2","id":"c","status":"creating","pid":7"#));
        assert!(state.ends_with("xx\"}}"));
    }

    #[test]
    fn failures_say_what_happened_and_what_the_hook_printed() {
        let long = "while :; do echo 123456789; done | head -c 300000; exit 3";
        assert!(check(long, None).unwrap_err().contains("status 3; it says: 123456789\\n"));
        assert!(check("kill -9 $$", None).unwrap_err().ends_with("signal 9"));
        let late = check("echo here; exec /bin/sleep 60", Some(1)).unwrap_err();
        assert!(late.ends_with("longer than 1 s; it says: here"), "{late}");
        assert_eq!(check("exit 0", Some(9)), Ok(()));
        // Somebody whom it leaves behind holds its output.
        assert_eq!(check("/bin/sleep 2 & exit 0", None), Ok(()));
    }
}
