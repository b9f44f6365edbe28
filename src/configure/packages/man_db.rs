//! man-db: mandb(8) and the index that it makes.

use super::package::Action::Clear;
use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("mandb", |_| Ok(0))],
    leaves: &[(Clear, &["var/cache/man"], "mandb's index holds times; a timer makes it anew")],
    ..Package::of("man-db")
};
