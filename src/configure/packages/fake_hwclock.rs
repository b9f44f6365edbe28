//! fake-hwclock: the time of the last shutdown.

use super::package::Action::Remove;
use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    leaves: &[(Remove, &["etc/fake-hwclock.data"], "the time of the build as a clock: made when needed")],
    ..Package::of("fake-hwclock")
};
