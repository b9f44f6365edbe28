//! Leafnode: has it fetch news.

use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package =
    Package { first_boot: &[("leafnode", "its script has it fetch news")], ..Package::of("leafnode") };
