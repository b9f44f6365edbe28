//! V2Ray: the id of its first configuration's user, which is as good as a password.

use super::own::NOTHING;
use super::own::Own;
use super::own::Text;
use super::own::Word;
use super::own::blank;
use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    own: &[Own {
        package: "v2ray",
        units: &["v2ray.service", "v2ray@.service"],
        words: &[Word { name: "vmess", make: "cat /proc/sys/kernel/random/uuid" }],
        texts: &[Text { path: "/etc/v2ray/config.json", blanks: &[blank("\"id\": \"", "\"", "vmess")] }],
        ..NOTHING
    }],
    ..Package::of("v2ray")
};
