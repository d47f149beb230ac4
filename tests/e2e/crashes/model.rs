//! Random commands and random deaths of the shim, held against a small model of a container's life.

use super::everywhere;
use super::ground::{Ground, ID, kill};
use nexcage_tests::Config;
use std::env;
use std::thread;
use std::time::Duration;

/// How many containers live at a time, and how many commands each of them gets: 500 in all.
const CONTAINERS: u64 = 5;
const ROUNDS: u32 = 100;

/// The seed of a run, unless `MODEL_SEED` has another.
const SEED: u64 = 20_261_130;

/// The process's own status when it is told to end by SIGTERM.
const TERMINATED: i64 = 3;
const KILLED: i64 = 137;

/// xorshift64*, for which a seed is everything.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(all.len() as u64)).unwrap()]
    }
}

/// A container's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Absent,
    Created,
    Running,
    /// Whether it will end by a SIGTERM when it is thawed.
    Paused {
        terminating: bool,
    },
    /// What is known of the exit: its status, or nothing.
    Stopped(Option<i64>),
}

use State::{Absent, Created, Paused, Running, Stopped};

impl State {
    fn word(self) -> Option<&'static str> {
        match self {
            Absent => None,
            Created => Some("created"),
            Running => Some("running"),
            Paused { .. } => Some("paused"),
            Stopped(_) => Some("stopped"),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Create,
    Start,
    Terminate,
    Kill,
    Pause,
    Resume,
    Exec,
    List,
    Delete,
    Force,
    Recover,
    /// The shim, and then the process, before anybody has noticed.
    Murder,
}

use Command::{Create, Delete, Exec, Force, Kill, List, Murder, Pause, Recover, Resume, Start, Terminate};

/// Those that make a life come first and often.
const COMMANDS: [Command; 24] = [
    Create, Create, Create, Create, Start, Start, Start, Start, Exec, Exec, Exec, Pause, Pause, Resume,
    Resume, Terminate, Terminate, Kill, List, Delete, Delete, Force, Recover, Murder,
];

/// When the shim is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Death {
    Never,
    Before,
    /// So many milliseconds after the command has begun.
    During(u64),
}

/// What a command makes of a state; nothing if it must be refused.
fn after(state: State, command: Command) -> Option<State> {
    match (command, state) {
        (Create, Absent) => Some(Created),
        (Start, Created) => Some(Running),
        // Init, which holds the process, does not listen.
        (Terminate, Created) => Some(Created),
        (Terminate, Running) => Some(Stopped(Some(TERMINATED))),
        (Terminate, Paused { .. }) => Some(Paused { terminating: true }),
        (Kill, Created | Running | Paused { .. }) => Some(Stopped(Some(KILLED))),
        (Pause, Running) => Some(Paused { terminating: false }),
        (Resume, Paused { terminating: false }) => Some(Running),
        (Resume, Paused { terminating: true }) => Some(Stopped(Some(TERMINATED))),
        (Exec, Created | Running) => Some(state),
        (Delete, Stopped(_)) | (Force, _) => Some(Absent),
        (List, state) => Some(state),
        (Recover, state) if state != Absent => Some(state),
        (Murder, Created | Running) => Some(Stopped(None)),
        (Murder, state) => Some(state),
        _ => None,
    }
}

/// What may be so when the shim died while a command was at work that has failed.
fn perhaps(state: State, command: Command) -> Vec<State> {
    let mut all = vec![state];
    all.extend(after(state, command));
    match (command, state) {
        // It had left the state in which it can be held.
        (Start, Created) => all.push(Stopped(None)),
        (Terminate | Kill | Force, Created | Running | Paused { .. }) | (Resume, Paused { .. }) => {
            all.push(Stopped(None));
        }
        _ => {}
    }
    all
}

/// A container that the model is compared with.
struct Comparison<'g> {
    ground: &'g Ground,
    state: State,
    history: Vec<String>,
}

impl Comparison<'_> {
    fn round(&mut self, command: Command, death: Death) {
        self.history.push(format!("{:?}: {command:?}, the shim dies {death:?}", self.state));
        if death == Death::Before {
            self.ground.kill_shim();
        }
        let (succeeded, said) = match (command, death) {
            (Murder, _) => self.murder(),
            (command, Death::During(delay)) => thread::scope(|scope| {
                scope.spawn(|| {
                    thread::sleep(Duration::from_millis(delay));
                    self.ground.shims().into_iter().for_each(kill);
                });
                self.run(command)
            }),
            (command, _) => self.run(command),
        };
        let expected = after(self.state, command);
        let interrupted = matches!(death, Death::During(_));
        self.state = match expected {
            Some(next) if succeeded => self.settle(&[next], interrupted),
            Some(_) if interrupted => self.settle(&perhaps(self.state, command), interrupted),
            Some(_) => panic!("{command:?} has failed: {said}"),
            None => {
                assert!(!succeeded, "{command:?} was not refused");
                self.settle(&[self.state], interrupted)
            }
        };
        assert!(self.ground.runs() <= 1);
    }

    /// Kills the process when no shim can see it.
    fn murder(&self) -> (bool, String) {
        if matches!(self.state, Created | Running) {
            let pid = self.ground.process().unwrap();
            self.ground.kill_shim();
            kill(pid);
        }
        (true, String::new())
    }

    /// Whether it succeeded, and what it said.
    fn run(&self, command: Command) -> (bool, String) {
        let ground = self.ground;
        let run = match command {
            Create => {
                if self.state == Absent {
                    ground.reset();
                }
                ground.verb("create")
            }
            Start => ground.verb("start"),
            Terminate => ground.verb("kill").arg("TERM"),
            Kill => ground.verb("kill").arg("KILL"),
            Pause => ground.verb("pause"),
            Resume => ground.verb("resume"),
            Exec => ground.verb("exec").args(["sh", "-c", "exit 5"]),
            Delete => ground.verb("delete"),
            Force => ground.verb("delete").arg("--force"),
            Recover => ground.recovery(),
            List => return self.list(),
            Murder => return self.murder(),
        };
        let outcome = ground.output(run);
        let status = outcome.status.code();
        assert!(!outcome.said.contains("panicked"), "{outcome:?}");
        let success = if command == Exec { 5 } else { 0 };
        (status == Some(success), outcome.said)
    }

    fn list(&self) -> (bool, String) {
        let output =
            self.ground.sandbox.nexcage("list").arg("-q").assert().code(0).get_output().stdout.clone();
        let listed = String::from_utf8(output).unwrap().lines().any(|line| line == ID);
        assert_eq!(listed, self.state != Absent);
        (true, String::new())
    }

    /// Waits until the container is in one of these states, and gives it.
    fn settle(&self, states: &[State], interrupted: bool) -> State {
        let ground = self.ground;
        let mut found = None;
        ground.until(&format!("in {states:?}"), || {
            let word = ground.state().map(|state| state["status"].as_str().unwrap().to_owned());
            let same = |state: &&State| state.word() == word.as_deref() && self.is_exit(**state, interrupted);
            found = states.iter().find(same).copied();
            found.is_some()
        });
        let mut found = found.unwrap();
        if let Stopped(_) = found {
            let (status, lost) = ground.exit();
            found = Stopped(Some(status).filter(|_| !lost));
        }
        let signalled = states.iter().any(|state| matches!(state, Stopped(_)));
        if interrupted && signalled && !matches!(found, Stopped(_) | Absent) {
            found = self.disambiguate();
        }
        if found == Running {
            // Only then does it listen to signals.
            ground.await_run();
        }
        if found == Absent {
            ground.await_nothing_left();
        }
        found
    }

    /// A signal may be on its way: another one makes sure of it.
    fn disambiguate(&self) -> State {
        self.ground.output(self.ground.verb("kill").arg("KILL"));
        self.ground.await_exit();
        let (status, lost) = self.ground.exit();
        Stopped(Some(status).filter(|_| !lost))
    }

    /// Whether the exit that is written down is that of a state.
    fn is_exit(&self, state: State, interrupted: bool) -> bool {
        let Stopped(status) = state else { return true };
        if self.ground.record().is_none_or(|record| !record["exit"].is_object()) {
            return false;
        }
        match (self.ground.exit(), status) {
            ((255, true), status) => interrupted || status.is_none(),
            (exit, Some(status)) => exit == (status, false),
            // It may have been seen, and be anything.
            ((_, lost), None) => interrupted && !lost,
        }
    }
}

fn seed() -> u64 {
    env::var("MODEL_SEED").ok().map_or(SEED, |seed| seed.parse().expect("MODEL_SEED is a number"))
}

#[test]
fn a_container_lives_as_the_model_does_whatever_dies() {
    let seed = seed();
    let ground = || {
        let ground = Ground::without_hooks();
        let script = format!(
            "trap 'exit {TERMINATED}' TERM; echo run >> /shared/runs; while :; do sleep 1000 & wait $!; done"
        );
        let shared = ground.sandbox.path().join("shared");
        ground.bundle.configure(&Config::script(&script).bind(&shared, "/shared")).unwrap();
        ground
    };
    let numbers = (0..CONTAINERS).collect();
    everywhere(numbers, ground, |ground, number| {
        let mut random =
            Random((seed.wrapping_mul(CONTAINERS) + number).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let mut comparison = Comparison { ground, state: Absent, history: Vec::new() };
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for _ in 0..ROUNDS {
                let command = random.of(&COMMANDS);
                let death = match random.below(4) {
                    0 => Death::Before,
                    1 => Death::During(random.below(60)),
                    _ => Death::Never,
                };
                comparison.round(command, death);
            }
            ground.remove();
        }));
        if let Err(panic) = result {
            let history = &comparison.history[comparison.history.len().saturating_sub(8)..];
            panic!("MODEL_SEED={seed}: {}\n  {}", super::words(&*panic), history.join("\n  "));
        }
    });
}
