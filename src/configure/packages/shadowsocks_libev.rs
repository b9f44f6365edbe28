//! shadowsocks-libev: the password of its first configuration.

use super::own::NOTHING;
use super::own::Own;
use super::own::Text;
use super::own::Word;
use super::own::blank;
use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    own: &[Own {
        package: "shadowsocks-libev",
        units: &[
            "shadowsocks-libev.service",
            "shadowsocks-libev-local@.service",
            "shadowsocks-libev-redir@.service",
            "shadowsocks-libev-server@.service",
            "shadowsocks-libev-tunnel@.service",
        ],
        words: &[Word { name: "shadowsocks", make: "draw A-Za-z0-9 12" }],
        texts: &[Text {
            path: "/etc/shadowsocks-libev/config.json",
            blanks: &[blank("\"password\":\"", "\"", "shadowsocks")],
        }],
        ..NOTHING
    }],
    ..Package::of("shadowsocks-libev")
};
