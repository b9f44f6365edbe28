//! AppArmor, asked by scripts whether it is on, or told to load profiles. In a chroot no kernel answers: aa-enabled(1),
//! aa-status(8), apparmor_parser(8). Profiles are loaded when a node starts.

use super::package::Package;
use super::selinux::no_module;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[
        ("aa-enabled", |call| no_module(call, 1)),
        ("aa-status", |call| no_module(call, 1)),
        ("apparmor_parser", |call| no_module(call, 1)),
    ],
    ..Package::of("apparmor")
};
