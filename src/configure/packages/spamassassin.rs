//! SpamAssassin: the first rules, and the key that later ones are signed with, sa-update(1). Perl's version of the rules
//! stands in their path.

use super::made::Made;
use super::package::Package;
use crate::configure::tools::later::leave_to_first_boot;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("sa-compile", leave_to_first_boot), ("sa-update", leave_to_first_boot)],
    made: &[Made {
        package: "spamassassin",
        what: "SpamAssassin's first rules, and the key ring for later ones",
        from: &["usr/share/spamassassin/*.cf"],
        make: include_str!("data/spamassassin.make"),
        units: &["spamd.service", "spamassassin.service", "amavis.service", "spamass-milter.service"],
        gone: &[
            "var/lib/spamassassin/[0-9]*",
            "var/lib/spamassassin/[0-9]*/**",
            "var/lib/spamassassin/.spamassassin",
            "var/lib/spamassassin/.spamassassin/**",
            "var/lib/spamassassin/sa-update-keys/*",
        ],
        emptied: &[],
    }],
    ..Package::of("spamassassin")
};
