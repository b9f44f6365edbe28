//! CurveDNS: the pair of keys of the server.

use super::own::NOTHING;
use super::own::Own;
use super::own::Word;
use super::own::file;
use super::package::Package;
use crate::configure::tools::draws::prints;
use crate::shell::machine::STAND_IN;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("curvedns-keygen", |call| {
        let lines = ["DNS public key:", "Hex public key:", "Hex secret key:"];
        prints(call, &lines.map(|line| format!("{line}\t{STAND_IN}\n")).concat())
    })],
    own: &[Own {
        package: "curvedns",
        units: &["curvedns.service"],
        words: &[Word { name: "curvedns", make: "curvedns-keygen" }],
        files: &[
            file(
                "/etc/curvedns/curvedns_private_key.hex",
                "root:root",
                0o600,
                "sed -n 's/^Hex secret key:[[:space:]]*/CURVEDNS_PRIVATE_KEY=/p' \"$words/curvedns\" >\"$new\"",
            ),
            file("/etc/curvedns/README", "root:root", 0o644, "grep -i public \"$words/curvedns\" >\"$new\""),
        ],
        ..NOTHING
    }],
    ..Package::of("curvedns")
};
