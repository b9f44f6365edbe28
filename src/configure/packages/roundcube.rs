//! Roundcube: the key of its sessions.

use super::own::NOTHING;
use super::own::Own;
use super::own::Text;
use super::own::Word;
use super::own::blank;
use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    own: &[Own {
        package: "roundcube-core",
        units: &["apache2.service"],
        words: &[Word { name: "roundcube", make: "draw A-Za-z0-9 24" }],
        texts: &[Text {
            path: "/etc/roundcube/config.inc.php",
            blanks: &[blank("\n$config['des_key'] = '", "'", "roundcube")],
        }],
        ..NOTHING
    }],
    ..Package::of("roundcube")
};
