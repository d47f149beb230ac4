//! oci-spec as an oracle: where it refuses what we accept, there is a reason.

use super::all;
use super::examples::{changed, is_on_text};
use oci_spec::runtime::Spec;
use std::collections::BTreeMap;

/// Rules with good examples that oci-spec refuses, and why it is oci-spec that is wrong.
static REFUSED: &[(&str, &str)] = &[
    ("OCI-L19", "a huge page limit is a uint64, not an int64"),
    ("OCI-P13", "two scheduler flags are misspelt there: SCHED_FLAG_RESET_ON_FORK and SCHED_FLAG_DL_OVERRUN"),
    ("OCI-P15", "an empty list of CPUs means that the affinity is left alone"),
];

#[test]
fn what_oci_spec_refuses_and_we_accept_has_a_reason() {
    let mut refused = BTreeMap::new();
    for rule in all().filter(|rule| !is_on_text(rule)) {
        for good in rule.good {
            if let Err(error) = serde_json::from_value::<Spec>(changed(good)) {
                refused.insert(rule.id, format!("{good}: {error}"));
            }
        }
    }
    let known: BTreeMap<_, _> = REFUSED.iter().copied().collect();
    let found: Vec<&&str> = refused.keys().collect();
    let expected: Vec<&&str> = known.keys().collect();
    assert_eq!(found, expected, "{refused:#?}");
}
