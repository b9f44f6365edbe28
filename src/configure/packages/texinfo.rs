//! info(1): the list of documents, install-info(1).

use super::package::Action::Remove;
use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("install-info", |_| Ok(0))],
    leaves: &[(
        Remove,
        &["usr/share/info/dir", "usr/share/info/dir.old"],
        "info's list of documents; update-info-dir makes it",
    )],
    ..Package::of("texinfo")
};
