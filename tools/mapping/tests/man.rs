//! The page of the table.

use std::fs;
use std::path::Path;

#[test]
fn the_page_is_that_of_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../man/nexcage-mapping.7");
    let page = fs::read_to_string(path).unwrap_or_default();
    assert!(
        page == nexcage_mapping::page(),
        "man/nexcage-mapping.7 is not the table's: run `cargo xtask man`"
    );
}
