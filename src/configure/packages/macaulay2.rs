//! Macaulay2: its documentation as databases, gdbm_load(1).

use super::made::Made;
use super::package::Package;
use crate::configure::tools::later::leave_to_first_boot;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("gdbm_load", leave_to_first_boot)],
    made: &[Made {
        package: "macaulay2",
        what: "the databases of Macaulay2's documentation",
        from: &["usr/share/doc/Macaulay2/*/dump/rawdocumentation.dump"],
        make: "/var/lib/dpkg/info/macaulay2.postinst configure",
        units: &[],
        gone: &["usr/lib/*/Macaulay2/*/cache/rawdocumentation-dcba-8.db"],
        emptied: &[],
    }],
    ..Package::of("macaulay2")
};
