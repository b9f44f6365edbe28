//! distcc: links that stand for compilers, update-distcc-symlinks(1).

use super::ccache::update_links;
use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package =
    Package { commands: &[("update-distcc-symlinks", |call| update_links(call, "distcc"))], ..Package::of("distcc") };
