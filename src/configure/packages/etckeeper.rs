//! etckeeper: `/etc` under version control. The repository begins with what `/etc` is on a node, secrets among it.

use super::made::Made;
use super::package::Package;
use crate::configure::tools::later::leave_to_first_boot;

/// What is known of it.
pub(super) const PACKAGE: Package = Package {
    commands: &[("etckeeper", leave_to_first_boot)],
    made: &[Made {
        package: "etckeeper",
        what: "the repository of `/etc`",
        from: &["etc/etckeeper/etckeeper.conf"],
        make: "etckeeper init\n        etckeeper commit 'Initial commit'\n        etckeeper update-ignore || :",
        units: &[],
        gone: &[
            "etc/.bzr",
            "etc/.bzr/**",
            "etc/.bzrignore",
            "etc/.etckeeper",
            "etc/.git",
            "etc/.git/**",
            "etc/.gitignore",
            "etc/.hg",
            "etc/.hg/**",
            "etc/.hgignore",
        ],
        emptied: &[],
    }],
    ..Package::of("etckeeper")
};
