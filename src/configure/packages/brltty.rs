//! BRLTTY: the key of its interface for programs.

use super::own::NOTHING;
use super::own::Own;
use super::own::file;
use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    own: &[Own {
        package: "brltty",
        units: &["brltty.service"],
        files: &[file("/etc/brlapi.key", "root:root", 0o640, "draw a-f0-9 32 >\"$new\"")],
        ..NOTHING
    }],
    ..Package::of("brltty")
};
