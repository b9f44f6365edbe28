//! The web server for nodes that take their root into memory: one directory of files, read-only.
//!
//! busybox has all that this needs, and its one process per node ends with the transfer.

use crate::head::Input;
use crate::recipe::RootMode;

/// Nobody's port at IANA, and above those that need a privilege.
pub(super) const PORT: u16 = 8067;

/// `/etc/systemd/system/imgbuild-http.service`, when a node wants it.
pub(super) fn unit(input: &Input<'_>) -> Option<String> {
    if !input.has_root(RootMode::Ram) {
        return None;
    }
    let (generated, address, export) = (input.recipe.generated(), input.head.address, &input.head.export);
    Some(format!(
        "# {generated}\n[Unit]\nDescription=Serve the nodes' images over HTTP\nAfter=network-online.target\n\
         Wants=network-online.target\n\n[Service]\n\
         ExecStart=/usr/bin/busybox httpd -f -p {address}:{PORT} -h {export}/gen\nRestart=on-failure\n\
         DynamicUser=yes\nProtectSystem=strict\nProtectHome=yes\nNoNewPrivileges=yes\n\n\
         [Install]\nWantedBy=multi-user.target\n"
    ))
}
