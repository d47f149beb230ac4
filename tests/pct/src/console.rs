//! What is printed where: a task's warnings go to stdout with its progress, a caller's to stderr.

use std::cell::{Cell, RefCell};
use std::io::{self, Write};

/// The two streams of a call. A stream that nobody reads any more is no error.
#[derive(Debug)]
pub(crate) struct Console {
    warnings: Cell<Stream>,
    said: RefCell<Vec<String>>,
}

#[derive(Debug, Clone, Copy)]
enum Stream {
    Stdout,
    Stderr,
    Nowhere,
}

impl Console {
    pub(crate) fn new() -> Self {
        Console { warnings: Cell::new(Stream::Stderr), said: RefCell::default() }
    }

    /// A worker repeats what its caller has done and said.
    pub(crate) fn mute(&self) {
        self.warnings.set(Stream::Nowhere);
    }

    /// From here on the call is a task.
    pub(crate) fn enter_task(&self) {
        self.warnings.set(Stream::Stdout);
    }

    pub(crate) fn say(&self, text: &str) {
        write(Stream::Stdout, text);
    }

    pub(crate) fn warn(&self, text: &str) {
        write(self.warnings.get(), text);
    }

    /// The error that ends the call.
    pub(crate) fn fail(&self, text: &str) {
        write(Stream::Stderr, text);
    }

    /// A warning that Proxmox's cache of parsed files keeps from being repeated.
    pub(crate) fn warn_once(&self, text: &str) {
        if !self.said.borrow().iter().any(|said| said == text) {
            self.warn(text);
            self.said.borrow_mut().push(text.to_owned());
        }
    }
}

fn write(stream: Stream, text: &str) {
    let result = match stream {
        Stream::Stdout => io::stdout().lock().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()),
        Stream::Stderr => io::stderr().lock().write_all(text.as_bytes()),
        Stream::Nowhere => Ok(()),
    };
    drop(result);
}
