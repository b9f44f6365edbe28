//! Munin: what a node watches.

use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    first_boot: &[("munin-node", "what it watches is found by looking at the machine")],
    ..Package::of("munin")
};
