//! State documents of any runtime: one object, an array of them, or several of either in a row.

use crate::Container;
use nexcage_cli::{Code, Diagnose};
use serde_json::{Deserializer, Value};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The most that is read of one input, in bytes.
const MOST: u64 = 256 << 20;

/// Reads the states in a file, or on stdin for `-`. An array may be `null`, as runc writes an
/// empty one. What was read before an error is given with it.
///
/// # Errors
/// The input cannot be read, is not JSON, or holds something else than states.
pub fn read(path: &Path) -> (Vec<Container>, Option<DocumentError>) {
    let mut text = vec![];
    let opened: io::Result<Box<dyn Read>> = if path == Path::new("-") {
        Ok(Box::new(io::stdin().lock()))
    } else {
        File::open(path).map(|file| Box::new(file) as Box<dyn Read>)
    };
    let filled = opened.and_then(|source| source.take(MOST + 1).read_to_end(&mut text));
    let name = path.to_string_lossy();
    match filled {
        Err(source) => (vec![], Some(DocumentError::Unreadable { path: path.to_owned(), source })),
        Ok(_) if text.len() as u64 > MOST => (vec![], Some(DocumentError::TooLarge(path.to_owned()))),
        Ok(_) => states(&text, &name),
    }
}

fn states(text: &[u8], name: &str) -> (Vec<Container>, Option<DocumentError>) {
    let mut found = vec![];
    let mut values = Deserializer::from_slice(text).into_iter::<Value>();
    loop {
        let at = values.byte_offset();
        let problem = match values.next() {
            None => return (found, None),
            Some(Ok(Value::Null)) => None,
            Some(Ok(Value::Array(list))) => list.into_iter().find_map(|value| add(value, name, &mut found)),
            Some(Ok(value)) => add(value, name, &mut found),
            Some(Err(source)) => Some(DocumentError::NotJson { name: name.to_owned(), source }),
        };
        match problem {
            Some(DocumentError::NotAState { name, .. }) => {
                let line = text[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
                return (found, Some(DocumentError::NotAState { name, line }));
            }
            Some(problem) => return (found, Some(problem)),
            None => {}
        }
    }
}

fn add(value: Value, name: &str, found: &mut Vec<Container>) -> Option<DocumentError> {
    let Value::Object(state) = value else {
        return Some(DocumentError::NotAState { name: name.to_owned(), line: 0 });
    };
    let number = found.len() + 1;
    found.push(Container::of_document(state, format!("{name}#{number}")));
    None
}

/// Why states cannot be read.
#[derive(Debug)]
pub enum DocumentError {
    /// A file cannot be opened or read.
    Unreadable {
        /// Which.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file is larger than is read.
    TooLarge(PathBuf),
    /// A text is not JSON.
    NotJson {
        /// The file.
        name: String,
        /// What is wrong and where.
        source: serde_json::Error,
    },
    /// A value is neither an object nor an array of objects.
    NotAState {
        /// The file.
        name: String,
        /// The line in which the value before it ends.
        line: usize,
    },
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DocumentError::Unreadable { path, .. } => write!(f, "cannot read {}", path.display()),
            DocumentError::TooLarge(path) => {
                write!(f, "{} is larger than {} MiB", path.display(), MOST >> 20)
            }
            DocumentError::NotJson { name, .. } => write!(f, "{name} is not JSON"),
            DocumentError::NotAState { name, line } => {
                write!(f, "{name}: after line {line}: a state is an object, this is something else")
            }
        }
    }
}

impl std::error::Error for DocumentError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            DocumentError::Unreadable { source, .. } => Some(source),
            DocumentError::NotJson { source, .. } => Some(source),
            DocumentError::TooLarge(_) | DocumentError::NotAState { .. } => None,
        }
    }
}

impl Diagnose for DocumentError {
    fn code(&self) -> Code {
        match self {
            DocumentError::Unreadable { .. } | DocumentError::TooLarge(_) => Code::Input,
            DocumentError::NotJson { .. } | DocumentError::NotAState { .. } => Code::Syntax,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_an_array_and_a_stream_are_all_read() {
        for (text, expected) in
            [("{}", 1), ("[{}, {}]", 2), ("{}\n{}\n[{}]{}", 4), ("null", 0), ("", 0), (" \n", 0), ("[]", 0)]
        {
            let (found, problem) = states(text.as_bytes(), "x");
            assert!(problem.is_none() && found.len() == expected, "{text}: {found:?} {problem:?}");
        }
    }

    #[test]
    fn what_was_read_before_an_error_is_kept() {
        for text in ["{} 1", "{}\n[{}, 2]", "{} {", "{} \"x\""] {
            let (found, problem) = states(text.as_bytes(), "x");
            assert!(problem.is_some() && !found.is_empty(), "{text}");
        }
    }
}
