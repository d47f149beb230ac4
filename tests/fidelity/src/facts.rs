//! What was seen of one run, by name.

use std::collections::BTreeMap;

/// Facts by name; both without what differs between any two runs.
pub type Facts = BTreeMap<String, String>;

/// Replaces what differs between any two runs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mask {
    words: Vec<(String, String)>,
    directory: String,
    sandbox: String,
}

impl Mask {
    /// For a run in a sandbox's directory.
    pub(crate) fn new(directory: &str) -> Self {
        let sandbox = directory.rsplit('/').next().unwrap_or_default().to_owned();
        Mask { words: Vec::new(), directory: directory.to_owned(), sandbox }
    }

    /// `from` is shown as `to`; earlier ones come first.
    pub(crate) fn word(&mut self, from: &str, to: &str) {
        self.words.push((from.to_owned(), to.to_owned()));
    }

    pub(crate) fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (from, to) in &self.words {
            text = text.replace(from, to);
        }
        text = text.replace(&self.directory, "@SANDBOX@");
        // A path from the top of its file system, which may be mounted on /tmp.
        if let Some(at) = text.find(&self.sandbox) {
            text.replace_range(..at + self.sandbox.len(), "@SANDBOX@");
        }
        text
    }
}
