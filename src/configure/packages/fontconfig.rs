//! fontconfig: its cache, fc-cache(1).

use super::package::Action::Remove;
use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("fc-cache", |_| Ok(0))],
    leaves: &[
        (Remove, &["var/log/fontconfig.log"], "says when the image was built"),
        (Remove, &["var/cache/fontconfig/*"], "holds times and random names"),
    ],
    ..Package::of("fontconfig")
};
