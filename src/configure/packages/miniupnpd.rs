//! miniupnpd: the id of the device.

use super::own::NOTHING;
use super::own::Own;
use super::own::Text;
use super::own::Word;
use super::own::blank;
use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    own: &[Own {
        package: "miniupnpd",
        units: &["miniupnpd.service"],
        words: &[Word { name: "miniupnpd", make: "cat /proc/sys/kernel/random/uuid" }],
        texts: &[Text { path: "/etc/miniupnpd/miniupnpd.conf", blanks: &[blank("\nuuid=", "\n", "miniupnpd")] }],
        ..NOTHING
    }],
    ..Package::of("miniupnpd")
};
