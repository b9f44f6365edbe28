//! info(1): the list of documents, install-info(1).

use super::package::Action::RemoveBeside;
use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("install-info", |_| Ok(0))],
    leaves: &[(
        RemoveBeside("usr/bin/install-info"),
        &["usr/share/info/dir", "usr/share/info/dir.old"],
        "info's list of documents, which base-files begins; update-info-dir makes it",
    )],
    ..Package::of("texinfo")
};
