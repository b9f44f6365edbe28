//! krb5-config, whose scripts are in Perl.

use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    scripts: &[
        ("2b484985e7a3bf9f38bfe807fd195d7a2f55f2869f0e05bc587bf7606d022688", include_str!("data/krb5-config.config")),
        ("a5735bd836a35cee23fc122908a81db91624d612f0f011a3007591759dca91d6", include_str!("data/krb5-config.postinst")),
    ],
    ..Package::of("kerberos-configs")
};
