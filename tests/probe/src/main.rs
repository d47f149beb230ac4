//! The process of every container of the fidelity test. It prints what it sees, a fact a line as
//! `GROUP.NAME=VALUE`, then `end=`, and waits for a line or the end of its stdin, so that the host can look at it.
//!
//! It does without Rust's runtime, which would ignore SIGPIPE, open missing descriptors and install
//! handlers before anything could be seen.
#![no_main]

mod devices;
mod facts;
mod files;
mod hook;
mod kernel;
mod process;
mod status;
mod terminal;
mod trial;

use facts::Facts;
use std::ffi::{c_char, c_int};

/// The entry point that the C library calls.
#[allow(unsafe_code, reason = "the name is the C library's")]
// SAFETY: there is no other function of that name in the program.
#[unsafe(no_mangle)]
extern "C" fn main(_count: c_int, _words: *const *const c_char) -> c_int {
    let words = files::zero_separated("/proc/self/cmdline");
    let text: Vec<&str> = words.iter().map(|word| std::str::from_utf8(word).unwrap_or("")).collect();
    match text.get(1..).unwrap_or_default() {
        ["hook", file, rest @ ..] => hook::record(file, rest),
        ["pty", rows, columns, command @ ..] => terminal::run_in_one(rows, columns, command),
        words => look(words),
    }
}

/// Prints everything, and ends as the words say.
fn look(words: &[&str]) -> c_int {
    // First of all: looking changes some of it.
    let mut facts = Facts::new();
    status::look(&mut facts);
    process::look(&mut facts);
    devices::descriptors(&mut facts);
    files::look(&mut facts);
    devices::look(&mut facts);
    let mut end = 0;
    for (number, word) in words.iter().enumerate() {
        let Some((verb, what)) = word.split_once('=') else { continue };
        match verb {
            "exit" => end = what.parse().unwrap_or(0),
            "die" => kernel::die_by(what.parse().unwrap_or(0)),
            "try" => trial::call(&mut facts, number, what),
            "node" => devices::make_node(&mut facts, what),
            _ => files::ask(&mut facts, verb, what),
        }
    }
    facts.say("end", "");
    facts.flush(1);
    kernel::read_line(0);
    end
}
