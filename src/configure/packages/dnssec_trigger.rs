//! dnssec-trigger: keys between its daemon and its panel.

use super::own::NOTHING;
use super::own::Own;
use super::own::gone;
use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    own: &[Own {
        package: "dnssec-trigger",
        left: &[
            gone(
                "/etc/dnssec-trigger/dnssec_trigger_server.key",
                "a private key, and what is made of it",
                "its own unit",
            ),
            gone(
                "/etc/dnssec-trigger/dnssec_trigger_server.pem",
                "a private key, and what is made of it",
                "its own unit",
            ),
            gone(
                "/etc/dnssec-trigger/dnssec_trigger_control.key",
                "a private key, and what is made of it",
                "its own unit",
            ),
            gone(
                "/etc/dnssec-trigger/dnssec_trigger_control.pem",
                "a private key, and what is made of it",
                "its own unit",
            ),
        ],
        ..NOTHING
    }],
    ..Package::of("dnssec-trigger")
};
