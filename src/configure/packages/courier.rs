//! Courier's mail server: Diffie-Hellman parameters, keys and certificates, by GnuTLS.

use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    first_boot: &[
        ("courier-base", "its script draws Diffie-Hellman parameters"),
        ("courier-mta", "its script makes a key and a certificate"),
        ("courier-imap", "its script makes a key and a certificate"),
        ("courier-pop", "its script makes a key and a certificate"),
    ],
    ..Package::of("courier")
};
