//! CrackLib: the words that no password may be, packed for looking up, update-cracklib(8).

use super::made::Made;
use super::package::Package;
use crate::configure::tools::later::leave_to_first_boot;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("update-cracklib", leave_to_first_boot)],
    made: &[Made {
        package: "cracklib-runtime",
        what: "CrackLib's words that no password may be",
        from: &["usr/sbin/cracklib-packer"],
        make: "update-cracklib",
        units: &[],
        gone: &["var/cache/cracklib/*"],
        emptied: &[],
    }],
    ..Package::of("cracklib2")
};
