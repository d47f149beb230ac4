//! The record of a container on disk: its format, its place, and whether it still tells the truth.
//!
//! ```text
//! <root>/<namespace>/<id>/      0711, taken by exclusive creation
//!     record.json               the Record; replaced atomically
//!     lock                      flocked by the shim as long as it lives
//!     shim.sock                 where the shim serves the Task API
//!     config.json               the bundle's, as it was when the container was made
//!     log                       what LXC, pct and the shim say
//!     …                         what the shim needs besides
//! ```
//! Readers take no lock: a record is replaced as a whole, and [`Record::observe`] asks the kernel
//! whether the process it names is still that process.

mod error;
mod id;
mod process;
mod record;
mod store;

pub use error::Error;
pub use id::{ContainerId, Namespace};
pub use process::ProcessId;
pub use record::{Backend, Exit, Observed, Record, Status, Step, Timestamp};
pub use store::{ContainerDir, Root};
