//! Reads a configuration with oci-spec and says that it did: what `cargo xtask bench validate` measures
//! the validator against. No tool contains it.

use oci_spec::runtime::Spec;
use std::error::Error;
use std::io::{self, Write as _};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: oci_spec_parse CONFIG")?;
    let spec: Spec = serde_json::from_slice(&std::fs::read(path)?)?;
    writeln!(io::stdout(), "{}", spec.version())?;
    Ok(())
}
