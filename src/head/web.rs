//! The web servers: one for images that nodes take into memory, one for what iPXE boots, and one by TLS for the files that
//! are each node's own. Each serves one directory of files, read-only.
//!
//! busybox has all that this needs, and its one process per node ends with the transfer.

use crate::head::Cluster;
use crate::head::ClusterNode;
use crate::head::shared::Shared;
use crate::recipe::BootMode;
use crate::recipe::RootMode;
use crate::recipe::SITE_PORT;

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

/// How the files of `[[site]]` are offered by TLS, and what does it.
pub const SITE: &str = "etc/imgbuild/site-nginx.conf";
pub(super) const SITE_UNIT: &str = "etc/systemd/system/imgbuild-site.service";
/// The head's certificate and its key, by which nodes know it; nobody but the head has them.
pub(super) const CERTIFICATE: &str = "/etc/imgbuild/tls/head.crt";
pub(super) const KEY: &str = "/etc/imgbuild/tls/head.key";
/// Of that server alone, while it runs.
const RUN: &str = "/run/imgbuild-site";

/// nginx for the files of `[[site]]` by TLS (`ngx_http_geo_module`, `ngx_http_map_module`): who asks is known by its
/// address, and sees its own alone.
pub(super) fn site(shared: &Shared<'_>) -> String {
    let line = |(cluster, node): (&Cluster, &ClusterNode)| {
        let (export, node) = (&cluster.head.export, &node.node);
        format!("        {} {export}/site/{};\n", node.address, node.name)
    };
    let lines: String = shared.nodes_of_clusters().map(line).collect();
    let temporary = ["client_body", "fastcgi", "proxy", "scgi", "uwsgi"];
    let temporary: String = temporary.iter().map(|of| format!("    {of}_temp_path {RUN}/{of};\n")).collect();
    format!(
        "# {}\n# The files of [[site]], to each node its own, by TLS. The head's key and certificate are not in here.\n\
         # Files are for root alone.\nuser root;\nworker_processes auto;\npid {RUN}/pid;\nerror_log stderr;\n\n\
         events {{\n    worker_connections 4096;\n}}\n\n\
         http {{\n    access_log off;\n    server_tokens off;\n    sendfile on;\n{temporary}\n    \
         geo $site {{\n        default \"\";\n{lines}    }}\n    \
         # Ports below 1024 are root's (ip(7)): a node's users ask from its address as well.\n    \
         map $remote_port $is_user {{\n        default 1;\n        \"~^([0-9]{{1,3}}|10[01][0-9]|102[0-3])$\" 0;\n    \
         }}\n\n    \
         server {{\n        listen {}:{SITE_PORT} ssl;\n        ssl_certificate {CERTIFICATE};\n        \
         ssl_certificate_key {KEY};\n        ssl_protocols TLSv1.2 TLSv1.3;\n        root $site;\n        \
         if ($site = \"\") {{\n            return 403;\n        }}\n        \
         if ($is_user) {{\n            return 403;\n        }}\n    }}\n}}\n",
        shared.generated(),
        shared.head.address,
    )
}

/// Its unit. It reads what belongs to root, and nothing that does not.
pub(super) fn site_unit(shared: &Shared<'_>) -> String {
    format!(
        "# {}\n[Unit]\nDescription=Offer the files of [[site]] over TLS\nAfter=network-online.target\n\
         Wants=network-online.target\n\n[Service]\n\
         ExecStart=/usr/sbin/nginx -e stderr -c /{SITE} -g 'daemon off;'\n\
         ExecReload=/bin/kill -HUP $MAINPID\nRestart=on-failure\nRuntimeDirectory=imgbuild-site\n\
         CapabilityBoundingSet=CAP_SETGID CAP_SETUID\nNoNewPrivileges=yes\nPrivateDevices=yes\nPrivateTmp=yes\n\
         ProtectHome=yes\nProtectSystem=strict\n\n\
         [Install]\nWantedBy=multi-user.target\n",
        shared.generated(),
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
