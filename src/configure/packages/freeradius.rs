//! FreeRADIUS: a group for Diffie and Hellman.

use super::own::NOTHING;
use super::own::Own;
use super::own::file;
use super::package::Package;
use super::ssl_cert::SNAKEOIL_CERTIFICATE;
use super::ssl_cert::SNAKEOIL_KEY;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    own: &[Own {
        package: "freeradius-config",
        units: &["freeradius.service"],
        // A group that everybody knows (RFC 7919) is stronger than the 1,024 bits that the script draws.
        files: &[
            SNAKEOIL_KEY,
            SNAKEOIL_CERTIFICATE,
            file(
                "/etc/freeradius/3.0/certs/dh",
                "root:freerad",
                0o640,
                "openssl genpkey -quiet -genparam -algorithm DH -pkeyopt group:ffdhe2048 -out \"$new\"",
            ),
        ],
        ..NOTHING
    }],
    ..Package::of("freeradius")
};
