//! iptables(8): no kernel is asked for its rules.

use super::package::Package;
use crate::utilities::Fault;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[
        ("ip6tables", |_| Err(Fault::Failed(3, "can't initialize ip6tables table `filter'".into()))),
        ("iptables", |_| Err(Fault::Failed(3, "can't initialize iptables table `filter'".into()))),
    ],
    ..Package::of("iptables")
};
