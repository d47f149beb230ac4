//! Where a value comes from.

use bundle_validate::json::Position;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody has said anything.
    Default,
    /// The configuration file.
    File {
        /// Its path.
        path: Arc<PathBuf>,
        /// The place of the value in it.
        position: Position,
    },
    /// An environment variable, by its name.
    Environment(&'static str),
    /// A command-line option, with its dashes.
    Option(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { path, position } => write!(f, "{}:{position}", path.display()),
            Origin::Environment(name) | Origin::Option(name) => f.write_str(name),
        }
    }
}
