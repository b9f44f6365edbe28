//! The web servers: one for images that nodes take into memory, one for what iPXE boots. Each serves one directory of
//! files, read-only.
//!
//! busybox has all that this needs, and its one process per node ends with the transfer.

use crate::head::shared::Shared;
use crate::recipe::BootMode;
use crate::recipe::RootMode;

/// Nobody's ports at IANA, and above those that need a privilege.
pub(super) const PORT: u16 = 8067;
pub(super) const BOOT_PORT: u16 = 8068;

/// What the first of them serves: a link for each cluster that has nodes with their root in memory, to its roots.
pub const IMAGES: &str = "etc/imgbuild/images";

/// A web server of the head's.
pub(super) struct Server {
    /// Its unit, without `.service`.
    name: &'static str,
    /// How it is started.
    pub(super) start: &'static str,
    /// What its unit is, for people.
    pub(super) readme: &'static str,
    what: &'static str,
    port: u16,
    directory: String,
}

/// Those that a node wants.
pub(super) fn servers(shared: &Shared<'_>) -> Vec<Server> {
    let mut servers = Vec::new();
    if shared.has_root(RootMode::Ram) {
        servers.push(Server {
            name: "imgbuild-http",
            start: "systemctl enable --now imgbuild-http",
            readme: "the web server for roots in memory",
            what: "the nodes' images",
            port: PORT,
            directory: format!("/{IMAGES}"),
        });
    }
    if shared.head.boot == BootMode::Ipxe {
        servers.push(Server {
            name: "imgbuild-boot",
            start: "systemctl enable --now imgbuild-boot",
            readme: "the web server for iPXE",
            what: "the nodes' kernels and initramfs",
            port: BOOT_PORT,
            // What TFTP gives to everybody, by the same paths: one rename changes both.
            directory: shared.head.tftp.clone(),
        });
    }
    servers
}

impl Server {
    /// Where its unit lies.
    pub(super) fn path(&self) -> String {
        format!("etc/systemd/system/{}.service", self.name)
    }

    /// Its unit. What was fetched by whom is in its journal.
    pub(super) fn unit(&self, shared: &Shared<'_>) -> String {
        let (generated, address) = (shared.generated(), shared.head.address);
        let Self { what, port, directory, .. } = self;
        format!(
            "# {generated}\n[Unit]\nDescription=Serve {what} over HTTP\nAfter=network-online.target\n\
             Wants=network-online.target\n\n[Service]\n\
             ExecStart=/usr/bin/busybox httpd -f -vv -p {address}:{port} -h {directory}\nRestart=on-failure\n\
             DynamicUser=yes\nProtectSystem=strict\nProtectHome=yes\nNoNewPrivileges=yes\n\n\
             [Install]\nWantedBy=multi-user.target\n"
        )
    }
}
