//! CFEngine: the key by which machines know each other, cf-key(8).

use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    first_boot: &[("cfengine3", "its script has CFEngine make the machine's key")],
    ..Package::of("cfengine3")
};
