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

/// Whether nodes ask other servers as well.
pub(super) fn has_sources(shared: &Shared<'_>) -> bool {
    let nodes = shared.clusters.iter().flat_map(|cluster| &cluster.nodes).flat_map(|node| &node.arguments);
    let all = nodes.chain(shared.clusters.iter().flat_map(|cluster| &cluster.arguments));
    all.into_iter().any(|argument| argument.starts_with(super::kernel::SOURCE))
}

/// Where what a cache needs is written down.
pub(super) const CACHE: &str = "etc/imgbuild/cache-nginx.conf";

/// nginx as a cache of the head's images (ngx_http_proxy_module): each comes from the head once, however many ask.
pub(super) fn cache(shared: &Shared<'_>) -> String {
    format!(
        "# {}\n# For each cache, not for the head: /etc/nginx/conf.d/imgbuild.conf. What nodes fetch they check themselves.\n\
         proxy_cache_path /var/cache/nginx/imgbuild keys_zone=imgbuild:1m max_size=64g inactive=90d use_temp_path=off;\n\n\
         server {{\n    listen 80;\n    access_log off;\n    sendfile on;\n\n    location / {{\n        \
         proxy_pass http://{}:{PORT};\n        proxy_http_version 1.1;\n        proxy_cache imgbuild;\n        \
         proxy_cache_key $uri;\n        # A path is never another file: it has the root's digest in it.\n        \
         proxy_cache_valid 200 90d;\n        # The first one fetches, the others wait for it.\n        \
         proxy_cache_lock on;\n        proxy_cache_lock_age 10m;\n        proxy_cache_lock_timeout 10m;\n        \
         proxy_max_temp_file_size 64g;\n    }}\n}}\n",
        shared.generated(),
        shared.head.address,
    )
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
