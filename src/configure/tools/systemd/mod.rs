//! Services: which units and init scripts are enabled, and the files that they want to find.
//!
//! No service manager runs while an image is made: what would start, stop or ask a daemon does nothing, as in a
//! chroot whose `policy-rc.d` says 101.

mod files;
mod enable;
mod helper;
mod idle;
mod preset;
mod systemctl;
mod sysv;
mod tmpfiles;
mod unit;

use crate::utilities::Command;

/// The family's commands.
pub(super) const COMMANDS: &[(&str, Command)] = &[
    ("deb-systemd-helper", helper::helper),
    ("deb-systemd-invoke", helper::invoke),
    ("invoke-rc.d", sysv::invoke),
    ("journalctl", idle::journalctl),
    ("policy-rc.d", |_| Ok(101)),
    ("runlevel", |call| call.out("unknown\n").map(|()| 1)),
    ("service", sysv::service),
    ("systemctl", systemctl::systemctl),
    ("systemd-detect-virt", idle::detect_virt),
    ("systemd-escape", idle::escape),
    ("systemd-hwdb", idle::hwdb),
    ("systemd-machine-id-setup", idle::machine_id_setup),
    // The kernel that runs is the builder's: a node's own is set when it starts.
    ("systemd-sysctl", |_| Ok(0)),
    ("systemd-tmpfiles", tmpfiles::tmpfiles),
    ("telinit", |_| Ok(0)),
    ("udevadm", idle::udevadm),
    ("update-rc.d", sysv::update),
];
