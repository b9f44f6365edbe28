//! The console's keyboard and font: setupcon(1), which keeps what it makes of its settings below `/etc`. The map of keys
//! is compiled by a program in Perl, so what it keeps is left out, and made when a machine starts.

use super::package::Action::Remove;
use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    // Upon which nothing is kept.
    commands: &[("ckbcomp", |_| Ok(1))],
    leaves: &[(Remove, &["etc/console-setup/cached_*"], "made of the settings beside them when a machine starts")],
    ..Package::of("console-setup")
};
