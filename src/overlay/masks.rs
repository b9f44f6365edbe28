//! What must not run on many nodes with one root.

use crate::overlay::Error;
use crate::overlay::layer::Layer;
use crate::overlay::units;

/// Unit → why. Only those that the image has are masked.
const MASKED: &[(&str, &str)] = &[
    ("apt-daily.service", "all nodes would run apt on one database, whose locks do not reach over NFS"),
    ("apt-daily.timer", "as its service"),
    ("apt-daily-upgrade.service", "as apt-daily: packages come with a new image"),
    ("apt-daily-upgrade.timer", "as its service"),
    ("unattended-upgrades.service", "as apt-daily-upgrade"),
    ("dpkg-db-backup.service", "one backup of one database, not one per node"),
    ("dpkg-db-backup.timer", "as its service"),
    ("man-db.service", "writes /var/cache/man"),
    ("man-db.timer", "as its service"),
    ("logrotate.service", "logs go to the head; its state file is shared"),
    ("logrotate.timer", "as its service"),
    ("e2scrub_all.timer", "no disks"),
    ("e2scrub_reap.service", "no disks"),
    ("fstrim.timer", "no disks"),
    ("systemd-random-seed.service", "one seed for all nodes is none"),
    ("systemd-machine-id-commit.service", "would write one node's id into the shared file"),
    ("systemd-firstboot.service", "asks on the console"),
    ("systemd-networkd-wait-online.service", "networkd does not manage the boot interface"),
    ("nfs-blkmap.service", "no disks"),
    ("sshd-keygen.service", "would write one node's host keys into the shared /etc"),
];

pub(super) fn apply(layer: &mut Layer<'_>) -> Result<(), Error> {
    MASKED.iter().try_for_each(|(unit, _)| units::mask(layer, unit))
}
