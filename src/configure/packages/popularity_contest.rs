//! popularity-contest: the number by which a machine is known there, and when it calls.

use super::own::NOTHING;
use super::own::Own;
use super::own::Text;
use super::own::Word;
use super::own::blank;
use super::package::Package;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    own: &[Own {
        package: "popularity-contest",
        words: &[
            Word { name: "popularity-contest-id", make: "draw a-f0-9 32" },
            Word { name: "popularity-contest-day", make: "draw 0-6 1" },
            Word {
                name: "popularity-contest-time",
                make: "echo \"$((0x$(draw 0-9a-f 4) % 60)) $((0x$(draw 0-9a-f 4) % 24))\"",
            },
        ],
        texts: &[
            Text {
                path: "/etc/popularity-contest.conf",
                blanks: &[
                    blank("\nMY_HOSTID=\"", "\"", "popularity-contest-id"),
                    blank("\nDAY=\"", "\"", "popularity-contest-day"),
                ],
            },
            Text {
                path: "/etc/cron.d/popularity-contest",
                blanks: &[blank("/usr/sbin:/usr/bin\n", " * * *", "popularity-contest-time")],
            },
        ],
        ..NOTHING
    }],
    ..Package::of("popularity-contest")
};
