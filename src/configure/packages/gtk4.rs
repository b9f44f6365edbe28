//! GTK 4: caches that are left out.

use super::package::Action::Remove;
use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("gtk4-update-icon-cache", |_| Ok(0))],
    leaves: &[(
        Remove,
        &["usr/lib/*/gtk-4.0/4.0.0/*/giomodule.cache"],
        "says what modules say of themselves; without it each is asked",
    )],
    ..Package::of("gtk4")
};
