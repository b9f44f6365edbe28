//! linux: the kernel's headers, whose script was written in Perl until bookworm.

use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    scripts: &[(
        "763756b719b659d617bd09421e7dd4b6e5fcd8702056da2666393c09e3c45613",
        "#!/bin/sh
set -e
if [ -d /etc/kernel/header_postinst.d ]; then
    run-parts --report --exit-on-error --arg=\"${DPKG_MAINTSCRIPT_PACKAGE#linux-headers-}\" /etc/kernel/header_postinst.d
fi
",
    )],
    ..Package::of("linux")
};
