//! MariaDB: the directory of its data, mariadb-install-db(1).

use super::own::NOTHING;
use super::own::Own;
use super::own::cleared;
use super::package::Package;
use crate::configure::tools::later;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[
        ("mariadb-install-db", later::leave_to_first_boot),
        // The name in bookworm.
        ("mysql_install_db", later::leave_to_first_boot),
    ],
    own: &[Own {
        left: &[cleared(
            "/var/lib/mysql",
            "a data directory has random ids and 145 MB",
            "`imgbuild-mariadb-data.service` on the node that runs MariaDB",
        )],
        ..NOTHING
    }],
    ..Package::of("mariadb")
};
