//! ZoneMinder: what its API hashes and encrypts with.

use super::own::NOTHING;
use super::own::Own;
use super::own::Text;
use super::own::Word;
use super::own::blank;
use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    own: &[Own {
        package: "zoneminder",
        units: &["zoneminder.service"],
        words: &[
            Word { name: "zoneminder-salt", make: "draw A-Za-z0-9 29" },
            Word { name: "zoneminder-seed", make: "draw 0-9 40" },
        ],
        texts: &[Text {
            path: "/etc/zm/core.php",
            blanks: &[
                blank("'Security.salt', '", "'", "zoneminder-salt"),
                blank("'Security.cipherSeed', '", "'", "zoneminder-seed"),
            ],
        }],
        ..NOTHING
    }],
    ..Package::of("zoneminder")
};
