//! The init of System V: what it keeps of the kernel's randomness.

use super::own::NOTHING;
use super::own::Own;
use super::own::gone;
use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    own: &[Own { left: &[gone("/var/lib/urandom/random-seed", "a known seed is none", "its own script")], ..NOTHING }],
    ..Package::of("sysvinit")
};
