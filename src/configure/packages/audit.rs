//! auditctl(8): no kernel is asked for its rules.

use super::package::Package;
use crate::utilities::Fault;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("auditctl", |_| Err(Fault::failed("Cannot open netlink audit socket")))],
    ..Package::of("audit")
};
