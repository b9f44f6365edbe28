//! Dovecot, whose first configuration has the certificate that stands for a real one.

use super::package::Package;
use super::ssl_cert::with_snakeoil;

/// What is known of it.
pub(super) const PACKAGE: Package =
    Package { own: &[with_snakeoil("dovecot-core", &["dovecot.service"])], ..Package::of("dovecot") };
