//! MUNGE: a cluster's nodes have one key, which none of them can make.

use super::own::NOTHING;
use super::own::Own;
use super::own::gone;
use super::package::Package;
use crate::configure::tools::later;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("mungekey", later::leave_to_first_boot)],
    own: &[Own {
        package: "munge",
        left: &[gone(
            "/etc/munge/munge.key",
            "the cluster's key, for who may have it",
            "you, from the cluster's key store: a `[[site]]` with `source`, `user = \"munge\"`, `mode = \"0400\"`",
        )],
        ..NOTHING
    }],
    ..Package::of("munge")
};
