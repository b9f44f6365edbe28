//! VLC: what its plugins say of themselves, vlc-cache-gen(1).

use super::package::Action::Remove;
use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("vlc-cache-gen", |_| Ok(0))],
    libraries: &["/vlc"],
    leaves: &[(
        Remove,
        &["usr/lib/*/vlc/plugins/plugins.dat"],
        "holds times of the plugins; VLC asks each plugin where it is missing",
    )],
    ..Package::of("vlc")
};
